import { describe, expect, test } from 'vitest';

import type { DatabaseUse, Table } from '../../../src/core/ports/database-storage.ts';
import type { DatabaseLook } from '../../../src/core/ports/database.ts';
import { cacheHit } from '../../../src/db/cache-hit.ts';
import { conclude } from '../../../src/db/report.ts';
import { sizes } from '../../../src/db/sizes.ts';
import { database, limits, lookOf, table, told } from './look.ts';

const MIB = 1024 * 1024;
const tablesOf = (tables: Table[], count = tables.length): { tables: Table[]; count: number; bytes: number } => ({
  tables,
  count,
  bytes: tables.reduce((sum, one) => sum + one.bytes + one.toastBytes + one.indexBytes, 0),
});

describe('cache-hit', () => {
  const look = (use: Partial<DatabaseUse>, tables: Table[] = []): DatabaseLook<'databases' | 'tables'> =>
    lookOf({ databases: [database('other', { isCurrent: false }), database('shop', use)], tables: tablesOf(tables) });

  test.each<[string, Partial<DatabaseUse>, string]>([
    ['high', { hits: 99_000, reads: 1000 }, 'ok 99 % of the blocks read in database shop were found in shared buffers'],
    [
      'low',
      { hits: 90_000, reads: 10_000 },
      'warn 90 % of the blocks read in database shop were found in shared buffers',
    ],
    [
      'very low, which is slow and not broken',
      { hits: 10_000, reads: 90_000 },
      'warn 10 % of the blocks read in database shop were found in shared buffers',
    ],
    [
      'of few reads',
      { hits: 10, reads: 90 },
      'ok 10 % of the blocks read in database shop were found in shared buffers; too few were read to judge that',
    ],
    ['of none', { hits: 0, reads: 0 }, 'ok nothing was read since the statistics began'],
  ])('must be judged where it is %s', (_how, use, expected) => {
    expect(told(cacheHit, look(use))).toEqual([expected]);
  });

  test('must name the table that is read from outside', () => {
    const all = [
      table('public.orders', { hits: 50_000, reads: 9000 }),
      table('public.items', { hits: 50_000, reads: 500, indexHits: 100, indexReads: 500 }),
      table('public.idle'),
    ];
    const at = look({ hits: 90_000, reads: 10_000, tempFiles: 3 }, all);
    expect(told(cacheHit, at)[1]).toBe(
      'warn public.orders: 90 % of all reads from outside of shared buffers are of it, 84.7 % of its blocks were found there',
    );
    const { rows, notes } = conclude(cacheHit, at, 'main', limits);
    expect(rows.map((row) => [row.table, row.readBlocks, row.indexHitRatio])).toEqual([
      ['public.orders', 9000, null],
      ['public.items', 1000, 1 / 6],
    ]);
    expect(notes).toContain('3 temporary files of sorts and hashes since then: opsctl db slow --by io names whose');
  });
});

describe('sizes', () => {
  test('must sum up, and tell shares', () => {
    const all = [
      table('public.orders', { bytes: 600 * MIB, toastBytes: 100 * MIB, indexBytes: 200 * MIB }),
      table('public.items', { bytes: 100 * MIB }),
    ];
    const { rows, findings, notes } = conclude(sizes, lookOf({ tables: tablesOf(all) }), 'main', limits);
    expect(findings[0]?.reason).toBe(
      '1000 MiB in 2 tables of database shop; the largest is public.orders with 900 MiB (90 %)',
    );
    expect(rows.map(({ table: name, share }) => [name, share])).toEqual([
      ['public.orders', 0.9],
      ['public.items', 0.1],
    ]);
    expect(notes).toEqual([]);
  });

  test('must say which are estimated, and what was left out', () => {
    const all = Array.from({ length: 30 }, (_, at) => table(`public.t${at.toString()}`, { isEstimated: at === 2 }));
    const { rows, notes } = conclude(sizes, lookOf({ tables: tablesOf(all) }), 'main', limits);
    expect(rows).toHaveLength(25);
    expect(notes[0]).toBe('the 25 largest of 30');
    expect(notes[1]).toContain('public.t2; to ask would mean to wait for a lock');
  });

  test('must be well without any table', () => {
    expect(told(sizes, lookOf({ tables: tablesOf([]) }))).toEqual(['ok no tables in database shop']);
  });
});
