import { describe, expect, test } from 'vitest';

import type { Statement, Statements } from '../../../src/core/ports/database.ts';
import { conclude } from '../../../src/db/report.ts';
import { between, type Order, slow, slowBy } from '../../../src/db/slow.ts';
import { limits, lookOf, told } from './look.ts';

const statement = (id: string, more: Partial<Statement> = {}): Statement => ({
  id,
  database: 'shop',
  user: 'app',
  topLevel: true,
  calls: 1000,
  rows: 1000,
  totalMs: 1000,
  meanMs: 1,
  maxMs: 5,
  ioMs: 0,
  hitBlocks: 4000,
  readBlocks: 0,
  tempBlocks: 0,
  query: `select ${id}`,
  ...more,
});
const counted = (statements: Statement[], more: Partial<Statements> = {}): Statements => ({
  statements,
  count: statements.length,
  totalMs: statements.reduce((sum, { totalMs }) => sum + totalMs, 0),
  hiddenMs: 0,
  ioTimed: true,
  ...more,
});

describe('slow statements', () => {
  test.each<[string, Partial<Statement>, string]>([
    ['slow', { meanMs: 25, totalMs: 25_000 }, 'warn select 1: 25 ms on average in 1000 calls, 100 % of all time'],
    [
      'very slow',
      { meanMs: 1500, totalMs: 1_500_000 },
      'crit select 1: 1.5 s on average in 1000 calls, 100 % of all time',
    ],
    [
      'without an index',
      { meanMs: 25, totalMs: 25_000, hitBlocks: 2_000_000 },
      'warn select 1: 25 ms on average in 1000 calls, 100 % of all time; it looks at 2000 blocks for each row: an index may be missing',
    ],
    [
      'sorting on disk',
      { meanMs: 25, totalMs: 25_000, tempBlocks: 90_000 },
      'warn select 1: 25 ms on average in 1000 calls, 100 % of all time; it sorts or hashes in temporary files, 90 blocks a call: work_mem is too small for it',
    ],
    [
      'reading from disk',
      { meanMs: 25, totalMs: 25_000, readBlocks: 4000 },
      'warn select 1: 25 ms on average in 1000 calls, 100 % of all time; 50 % of its blocks are not in shared buffers',
    ],
  ])('must be judged with the cause where it is %s', (_how, more, expected) => {
    expect(told(slow, lookOf({ statements: counted([statement('1', more)]) }))[1]).toBe(expected);
  });

  test('must not be judged by a few calls', () => {
    const at = lookOf({ statements: counted([statement('1', { meanMs: 5000, calls: 99 })]) });
    expect(told(slow, at)).toEqual(['ok none of 1 statement takes 20 ms or more on average in 100 calls or more']);
  });

  test('must lead to the whole text and to what mends them', () => {
    const at = lookOf(
      { statements: counted([statement('-77', { meanMs: 25, hitBlocks: 2_000_000 })]) },
      { statements: { schema: 'ext', version: '1.11', isLoaded: true, isUsable: true } },
    );
    expect(conclude(slow, at, 'main', limits).findings[1]?.next).toEqual([
      'opsctl db indexes',
      'opsctl db query "SELECT query FROM ext.pg_stat_statements WHERE queryid = -77"',
    ]);
  });

  test.each<[Order, string]>([
    ['total', '1'],
    ['mean', '2'],
    ['calls', '3'],
    ['io', '4'],
  ])('by %s the first must be %s', (by, first) => {
    const all = [
      statement('1', { totalMs: 9000 }),
      statement('2', { meanMs: 9 }),
      statement('3', { calls: 9000 }),
      statement('4', { readBlocks: 10, tempBlocks: 20 }),
    ];
    expect(conclude(slowBy(by), lookOf({ statements: counted(all) }), 'main', limits).rows[0]?.id).toBe(first);
  });

  test('must be left out where most of the time is hidden, and noted where some is', () => {
    const most = lookOf({ statements: counted([statement('1')], { totalMs: 10_000, hiddenMs: 9000 }) });
    expect(conclude(slow, most, 'main', limits)).toMatchObject({
      status: 'skipped',
      findings: [{ next: ['GRANT pg_read_all_stats TO watcher;'] }],
      rows: [],
    });
    const some = lookOf({ statements: counted([statement('1')], { totalMs: 10_000, hiddenMs: 1000 }) });
    expect(conclude(slow, some, 'main', limits).notes).toContain(
      '10 % of the time is of statements hidden from watcher: GRANT pg_read_all_stats TO watcher;',
    );
  });
});

describe('between two looks', () => {
  test('must be what came on top, of who did anything', () => {
    const before = counted([statement('1'), statement('2')]);
    const after = counted([
      statement('1', { calls: 1010, totalMs: 1500, rows: 1020 }),
      statement('2'),
      statement('3', { calls: 2, totalMs: 8, meanMs: 4 }),
    ]);
    const during = between(before, after);
    expect(during.statements).toMatchObject([
      { id: '1', calls: 10, totalMs: 500, meanMs: 50, rows: 20 },
      { id: '3', calls: 2, totalMs: 8, meanMs: 4 },
    ]);
    expect(during.totalMs).toBe(508);
    expect(told(slowBy('total', 10_000), lookOf({ statements: during }))).toEqual([
      'warn 1 of 2 statements takes 20 ms or more on average in 10 s',
      expect.stringContaining('warn select 1: 50 ms on average in 10 calls'),
    ]);
  });

  test('must take counters that were reset meanwhile for new', () => {
    const during = between(counted([statement('1')]), counted([statement('1', { calls: 3, totalMs: 6 })]));
    expect(during.statements).toMatchObject([{ calls: 3, totalMs: 6, meanMs: 2 }]);
  });

  test('must count the same text of another role by itself', () => {
    const during = between(
      counted([statement('1')]),
      counted([statement('1'), statement('1', { user: 'job', calls: 4, totalMs: 40 })]),
    );
    expect(during.statements).toMatchObject([{ user: 'job', calls: 4 }]);
  });
});
