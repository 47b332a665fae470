import { describe, expect, test } from 'vitest';

import type { ForeignKey, Index, Table } from '../../../src/core/ports/database-storage.ts';
import type { DatabaseLook } from '../../../src/core/ports/database.ts';
import { indexes, indexesWith } from '../../../src/db/indexes.ts';
import { conclude } from '../../../src/db/report.ts';
import { limits, lookOf, table, told } from './look.ts';

const MIB = 1024 * 1024;
const index = (name: string, columns: string[], more: Partial<Index> = {}): Index => ({
  name,
  table: 'public.orders',
  method: 'btree',
  bytes: 20 * MIB,
  isEstimated: false,
  isUnique: false,
  isValid: true,
  isBuilding: false,
  mayBeBuilding: false,
  isNeeded: false,
  columns,
  kinds: columns.map(() => '1978/0/0'),
  condition: '|',
  isPlain: true,
  scans: 10,
  ...more,
});
/** Statistics of two weeks. */
const look = (
  all: Index[],
  tables: Table[] = [],
  since = '2026-02-15T12:00:00.000Z',
  foreignKeys: ForeignKey[] = [],
): DatabaseLook<'indexes' | 'tables' | 'foreignKeys'> =>
  lookOf({
    indexes: { indexes: all, count: all.length, since },
    tables: { tables, count: tables.length, bytes: 0 },
    foreignKeys,
  });
const problems = (all: Index[]): (string | null)[][] =>
  conclude(indexes, look(all), 'main', limits).rows.map(({ problem, index }) => [problem, index]);

describe('indexes', () => {
  test('that are used must be well', () => {
    expect(told(indexes, look([index('public.a', ['id'])]))).toEqual([
      'ok 1 index: 0 invalid, 0 unused, 0 duplicate, 0 tables that may lack one; use counted for 14 d',
    ]);
  });

  test('that no query read must be named with the statement that drops them', () => {
    const at = look([index('public.a', ['id'], { scans: 0 })]);
    expect(told(indexes, at)[1]).toBe(
      'warn public.a: 20.0 MiB that no query read in 14 d, and that every write has to keep up',
    );
    expect(conclude(indexes, at, 'main', limits).findings[1]?.next).toEqual(['DROP INDEX CONCURRENTLY public.a;']);
  });

  test('must not be called unused by young statistics', () => {
    const young = look([index('public.a', ['id'], { scans: 0 })], [], '2026-03-01T06:00:00.000Z');
    const { status, rows, notes } = conclude(indexes, young, 'main', limits);
    expect({ status, rows: rows.length }).toEqual({ status: 'ok', rows: 1 });
    expect(notes).toContain('counted for less than 7 d: too young to call an index unused');
  });

  test.each<[string, Partial<Index>]>([
    ['small', { bytes: MIB }],
    ['unique', { isUnique: true }],
    ['of a constraint', { isNeeded: true }],
  ])('that are %s must not be called unused', (_what, more) => {
    expect(problems([index('public.a', ['id'], { scans: 0, ...more })])).toEqual([]);
  });

  test('that failed to be built must be named, those being built not', () => {
    expect(problems([index('public.a', ['id'], { isValid: false })])).toEqual([['invalid', 'public.a']]);
    expect(problems([index('public.a', ['id'], { isValid: false, isBuilding: true })])).toEqual([]);
  });

  test('that may be being built must not be advised to be dropped', () => {
    const at = look([index('public.a', ['id'], { isValid: false, mayBeBuilding: true })]);
    expect(conclude(indexes, at, 'main', limits).findings[1]).toMatchObject({
      status: 'warn',
      reason: 'invalid, or being built now: somebody works on its table, or may. Look again when that is over',
      next: [
        `opsctl db query "SELECT pid, mode, granted FROM pg_locks WHERE relation = 'public.orders'::regclass"`,
        'opsctl db activity',
      ],
    });
  });

  test('that do the same must be named but for one of them', () => {
    expect(problems(['c', 'a', 'b'].map((name) => index(name, ['id'])))).toEqual([
      ['duplicate', 'c'],
      ['duplicate', 'b'],
    ]);
    expect(problems([index('a', ['id']), index('pk', ['id'], { isUnique: true, isNeeded: true })])).toEqual([
      ['duplicate', 'a'],
    ]);
  });

  test('of a partitioned table must be one thing, dropped as a whole', () => {
    const part = (of: string, at: number): Index =>
      index(`public.orders_${at}_${of}`, ['id'], {
        table: `public.orders_${at}`,
        scans: 0,
        bytes: MIB,
        partOf: { name: `public.${of}`, table: 'public.orders', bytes: 64 * MIB, scans: 0 },
      });
    const parts = (of: string): Index[] => Array.from({ length: 64 }, (_, at) => part(of, at));
    const { findings } = conclude(indexes, look(parts('a')), 'main', limits);
    expect(findings.slice(1)).toMatchObject([
      {
        about: 'public.a',
        value: 64 * MIB,
        next: ['DROP INDEX public.a; -- locks all partitions under ACCESS EXCLUSIVE: plan it'],
      },
    ]);
    const read = parts('a').map((one) => ({ ...one, partOf: { ...one.partOf!, scans: 7 } }));
    expect(problems(read)).toEqual([]);
    expect(problems([...parts('a'), ...parts('b')]).filter(([kind]) => kind === 'duplicate')).toEqual([
      ['duplicate', 'public.b'],
    ]);
  });

  test('whose work a longer one does must be named', () => {
    expect(problems([index('a', ['x']), index('b', ['x', 'y'])])).toEqual([['redundant', 'a']]);
  });

  test.each<[string, Index]>([
    ['of another order', index('b', ['y', 'x'])],
    ['sorted otherwise', index('b', ['x', 'y'], { kinds: ['1978/0/3', '1978/0/0'] })],
    ['of some rows', index('b', ['x', 'y'], { isPlain: false, condition: '|{…}' })],
    ['of another table', index('b', ['x', 'y'], { table: 'public.items' })],
    ['of another method', index('b', ['x', 'y'], { method: 'gin' })],
  ])('must be kept beside one %s', (_what, other) => {
    expect(problems([index('a', ['x']), other])).toEqual([]);
  });

  test('must be missed where a large table is read from end to end all the time', () => {
    // In the 14 days of the statistics: ten scans a second would be 12 million.
    const large = table('public.orders', {
      liveRows: 100_000,
      sequentialScans: 900_000,
      sequentialRows: 90_000_000_000,
      indexScans: 100_000,
    });
    expect(told(indexes, look([], [large]))[1]).toBe(
      'warn public.orders: 90 % of its 1000000 scans read it from end to end, 100000 rows each, 267.9 million rows an hour: an index may be missing',
    );
    // However much it is, it is a guess.
    expect(told(indexes, look([], [{ ...large, sequentialRows: 9e13 }]))[1]).toMatch(/^warn/);
    const row = (one: Table) => conclude(indexes, look([], [one]), 'main', limits).rows.map(({ problem }) => problem);
    expect(row({ ...large, liveRows: 900 })).toEqual([]);
    expect(row({ ...large, sequentialScans: 40 })).toEqual([]);
    expect(row({ ...large, indexScans: 90_000_000 })).toEqual([]);
  });

  test('must be told and not judged as missing where little is read in a time', () => {
    const few = table('public.orders', { liveRows: 20_000, sequentialScans: 60, sequentialRows: 1_200_000 });
    for (const since of ['2026-02-15T12:00:00.000Z', '2026-03-01T11:59:00.000Z']) {
      const { status, findings, rows } = conclude(indexes, look([], [few], since), 'main', limits);
      expect([status, findings.length, rows[0]?.problem]).toEqual(['ok', 1, 'missing']);
    }
  });

  test('of a foreign key must be told, and advised where its table is read from end to end', () => {
    const key = { table: 'public.orders', columns: ['shop', 'customer'], references: 'public.customer' };
    const orders = table('public.orders', { rows: 100_000, liveRows: 100_000 });
    const busy = { ...orders, sequentialScans: 900_000, sequentialRows: 90_000_000_000 };
    const create = 'CREATE INDEX CONCURRENTLY ON public.orders (shop, customer);';
    const judged = (one: Table) => conclude(indexes, look([], [one], undefined, [key]), 'main', limits);

    expect(judged(orders)).toMatchObject({
      status: 'ok',
      findings: [{ reason: expect.stringContaining('0 tables that may lack one, 1 foreign key without one') }],
      rows: [
        {
          problem: 'foreign key',
          reason: 'refers to public.customer, and no index helps: each row deleted there has all of public.orders read',
          next: [create],
        },
      ],
    });
    expect(judged(busy).findings[1]).toMatchObject({
      status: 'warn',
      reason: expect.stringMatching(/an index may be missing; its foreign key \(shop, customer\) has no index$/),
      next: [create, 'opsctl db slow --by io'],
    });
    // A small table is as quickly read as an index.
    expect(judged(table('public.orders')).rows).toEqual([]);
  });

  test('without a problem must be rows where all are asked for, and change nothing else', () => {
    const at = look([index('public.a', ['id']), index('public.b', ['x'], { isValid: false })]);
    const [some, all] = [indexes, indexesWith(true)].map((one) => conclude(one, at, 'main', limits));
    expect(some?.rows.map(({ problem, index: name }) => [problem, name])).toEqual([['invalid', 'public.b']]);
    expect(all?.rows.map(({ problem, index: name }) => [problem, name])).toEqual([
      ['invalid', 'public.b'],
      ['none', 'public.a'],
    ]);
    expect(all?.findings).toEqual(some?.findings);
  });
});
