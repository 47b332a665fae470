import { describe, expect, test } from 'vitest';

import type { DatabaseUse, OldestXmin, Table, Vacuum } from '../../../src/core/ports/database-storage.ts';
import type { DatabaseLook } from '../../../src/core/ports/database.ts';
import { bloat, pagesNeeded } from '../../../src/db/bloat.ts';
import { conclude } from '../../../src/db/report.ts';
import { vacuum } from '../../../src/db/vacuum.ts';
import { database, fill, limits, lookOf, session, table, told } from './look.ts';

describe('vacuum', () => {
  const look = (
    tables: Table[],
    more: { vacuums?: Vacuum[]; horizon?: OldestXmin[]; databases?: DatabaseUse[] } = {},
  ): DatabaseLook<'tables' | 'databases' | 'vacuums' | 'horizon' | 'sessions'> =>
    lookOf({
      tables: { tables, count: tables.length, bytes: 0 },
      databases: more.databases ?? [database('shop', { xidAge: 150_000_000, since: '2026-03-01T11:00:00.000Z' })],
      vacuums: more.vacuums ?? [],
      horizon: more.horizon ?? [],
      sessions: [session(5, { state: 'idle in transaction' }), session(6, { state: 'active', privileged: true })],
    });
  const dead = table('public.orders', { liveRows: 50_000, deadRows: 30_000, vacuumThreshold: 10_050 });

  test('must be well where autovacuum keeps up', () => {
    expect(told(vacuum, look([{ ...dead, deadRows: 10_000 }]))).toEqual([
      'ok no table with too many dead rows; oldest transaction id 150.0 million old (7.0 % of what there is); no VACUUM runs',
    ]);
  });

  test('must name tables that autovacuum should have come for', () => {
    const at = look([{ ...dead, vacuumedAt: '2026-03-01T10:00:00.000Z' }]);
    expect(told(vacuum, at)[1]).toBe(
      'warn public.orders: 30000 dead rows (37.5 %), autovacuum comes at 10050; vacuumed 2 h ago',
    );
    expect(conclude(vacuum, at, 'main', limits).findings[1]?.next).toEqual([
      'VACUUM (VERBOSE, ANALYZE) public.orders;',
    ]);
  });

  test('must say where autovacuum is off', () => {
    const at = look([{ ...dead, deadRows: 90_000, isAutovacuumed: false }]);
    expect(told(vacuum, at)[1]).toBe(
      'crit public.orders: 90000 dead rows (64.3 %), and autovacuum is off for it; never vacuumed since the statistics began 1 h ago',
    );
    expect(conclude(vacuum, at, 'main', limits).findings[1]?.next[1]).toBe(
      'ALTER TABLE public.orders RESET (autovacuum_enabled);',
    );
  });

  test('must not advise another VACUUM where one runs', () => {
    const running = {
      pid: 7,
      table: 'public.orders',
      phase: 'scanning heap',
      scanned: 0.25,
      indexRounds: 3,
      isAuto: true,
      isForced: true,
      ms: 60_000,
    };
    const { findings, notes, rows } = conclude(vacuum, look([dead], { vacuums: [running] }), 'main', limits);
    expect(findings[1]).toMatchObject({ next: [], reason: expect.stringContaining('; a VACUUM of it runs') });
    expect(notes).toEqual([
      'autovacuum of public.orders (pid 7): scanning heap, 25 % scanned, for 1 min; to prevent wraparound, do not cancel it; 3 rounds through the indexes: maintenance_work_mem is too small',
    ]);
    expect(rows[0]?.running).toBe('scanning heap');
  });

  test('must tell of wraparound, in this database and in others', () => {
    const databases = [
      database('shop', { xidAge: 1_200_000_000 }),
      database('old', { isCurrent: false, xidAge: 1_600_000_000 }),
    ];
    const at = look([table('public.a', { xidAge: 9 }), table('public.b', { xidAge: 1_200_000_000 })], { databases });
    expect(told(vacuum, at).slice(1)).toEqual([
      'warn database shop: oldest transaction id is 1200.0 million old (55.9 % of what there is): at the end the server takes no more writes',
      'crit database old: oldest transaction id is 1600.0 million old (74.5 % of what there is): at the end the server takes no more writes',
    ]);
    expect(conclude(vacuum, at, 'main', limits).findings.flatMap(({ next }) => next)).toEqual([
      'VACUUM (FREEZE, VERBOSE) public.b;',
      'vacuumdb --freeze --dbname=old',
    ]);
  });

  test('must advise to drop a slot as the last resort, and where it is critical only', () => {
    const slot: OldestXmin = { kind: 'slot', name: 'cdc', state: 'inactive', xidAge: 200_000_000 };
    expect(conclude(vacuum, look([], { horizon: [slot] }), 'main', limits).findings[1]).toMatchObject({
      status: 'crit',
      next: ['opsctl db replication', expect.stringMatching(/^SELECT pg_drop_replication_slot\('cdc'\); -- the last/)],
    });
  });

  test.each<[OldestXmin, string, string[]]>([
    [
      { kind: 'session', name: 'report', pid: 5, state: 'idle in transaction', xidAge: 2_000_000, ms: 3_600_000 },
      'session report (pid 5), idle in transaction, 2000000 transactions old, for 1 h',
      ['opsctl db kill 5 --terminate'],
    ],
    [
      { kind: 'session', name: 'admin', pid: 6, state: 'active', xidAge: 2_000_000 },
      'session admin (pid 6), active, 2000000 transactions old',
      ['opsctl db kill 6 --force'],
    ],
    [
      { kind: 'session', name: 'autovacuum worker', pid: 7, xidAge: 2_000_000 },
      'session autovacuum worker (pid 7), 2000000 transactions old',
      ['opsctl db query "SELECT * FROM pg_stat_activity WHERE pid = 7"'],
    ],
    [
      { kind: 'slot', name: 'cdc', state: 'inactive', xidAge: 2_000_000 },
      'slot cdc, inactive, 2000000 transactions old',
      ['opsctl db replication'],
    ],
    [
      { kind: 'prepared transaction', name: "it's", xidAge: 2_000_000 },
      "prepared transaction it's, 2000000 transactions old",
      [
        `opsctl db query "SELECT * FROM pg_prepared_xacts WHERE gid = 'it''s'"`,
        "ROLLBACK PREPARED 'it''s'; -- in its database; COMMIT PREPARED where it was to be committed",
      ],
    ],
  ])('must name who holds it back: %o', (one, about, next) => {
    const { findings } = conclude(vacuum, look([], { horizon: [one] }), 'main', limits);
    expect(findings[1]).toMatchObject({ status: 'warn', about, next });
  });
});

describe('bloat', () => {
  const MIB = 1024 * 1024;
  test('must know how many rows a page has room for', () => {
    // (8192 - 24) / (24 + 40 + 4) = 120 rows.
    expect(pagesNeeded(fill('t', { rows: 1200 }))).toBe(10);
    expect(pagesNeeded(fill('t', { rows: 1200, hasNulls: true, columns: 9 }))).toBe(12);
    // (8192 - 24 - 16) * 0.9 / (8 + 8 + 4) = 366 entries, and a page of its own.
    expect(pagesNeeded(fill('i', { table: 't', rows: 3660, width: 4, fillFactor: 0.9 }))).toBe(11);
  });

  test('must be well where a table is packed', () => {
    expect(told(bloat, lookOf({ fill: [fill('public.orders')] }))).toEqual([
      'ok about 5.20 MiB of 70.3 MiB (7.4 %) may be bloat; nothing 4 times as large as its rows need',
    ]);
  });

  test('must name what is mostly empty, and how it is given back', () => {
    const all = [
      fill('public.orders', { pages: 100_000 }),
      fill('public.orders_pkey', { table: 'public.orders', width: 4, fillFactor: 0.9, pages: 12_000 }),
      fill('public.small', { rows: 10, pages: 1000 }),
    ];
    const { findings, status } = conclude(bloat, lookOf({ fill: all }), 'main', limits);
    expect(status).toBe('crit');
    expect(findings.slice(1).map((one) => [one.status, one.about, one.value, one.next.at(-1)])).toEqual([
      ['crit', 'public.orders', 12, 'pg_repack --table=public.orders'],
      ['warn', 'public.orders_pkey', 4.4, 'REINDEX INDEX CONCURRENTLY public.orders_pkey;'],
    ]);
    expect((findings[0]?.value ?? 0) / MIB).toBeGreaterThan(700);
  });

  test('must not take an index with repeated values for negative bloat', () => {
    const at = lookOf({ fill: [fill('i', { table: 't', width: 4, fillFactor: 0.9, pages: 900 })] });
    expect(conclude(bloat, at, 'main', limits)).toMatchObject({ status: 'ok', rows: [] });
  });

  test('must take what has no rows for empty, and only that', () => {
    const all = [
      fill('emptied', { rows: 0, knownColumns: 0, analyzedAt: '2026-03-01T11:00:00.000Z' }),
      fill('c', { analyzedAt: '2026-03-01T10:00:00.000Z' }),
    ];
    const { rows: _rows, ...never } = fill('never', { knownColumns: 3 });
    const { rows, notes } = conclude(bloat, lookOf({ fill: [...all, never] }), 'main', limits);
    expect(rows[0]).toMatchObject({ name: 'emptied', expectedBytes: 8192, ratio: 9000 });
    expect(rows.map(({ name }) => name)).not.toContain('never');
    expect(notes[0]).toMatch(/last ANALYZE, from 2026-03-01 1\d:00:00 to 2026-03-01 1\d:00:00;/);
    expect(notes[1]).toBe('1 table or index without statistics left out: ANALYZE');
  });

  test('must say what was left out', () => {
    const all = [fill('a', { knownColumns: 0 }), fill('b', { knownColumns: 0, isReadable: false }), fill('c')];
    expect(conclude(bloat, lookOf({ fill: all }), 'main', limits).notes.slice(1)).toEqual([
      '1 table that watcher may not read is left out',
      '1 table or index without statistics left out: ANALYZE',
    ]);
  });
});
