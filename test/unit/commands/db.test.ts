import { describe, expect, test } from 'vitest';

import activity from '../../../src/commands/db/activity.ts';
import blocking from '../../../src/commands/db/blocking.ts';
import locks from '../../../src/commands/db/locks.ts';
import ready from '../../../src/commands/db/ready.ts';
import report from '../../../src/commands/db/report.ts';
import { databaseNamed } from '../../../src/commands/db/shared.ts';
import slow from '../../../src/commands/db/slow.ts';
import type { Session } from '../../../src/core/ports/database.ts';
import { contextOf, shop } from '../inspect/platform.ts';
import { databaseWith, type Parts, shown } from './db-shown.ts';

const holder: Session = {
  pid: 4711,
  startedAt: '2026-03-01T10:00:00.000Z',
  database: 'shop',
  user: 'app',
  application: 'worker',
  client: 'local',
  state: 'idle in transaction',
  transactionMs: 185_000,
  stateMs: 180_000,
  query: 'update orders\n   set paid = true',
  blockedBy: [],
  privileged: false,
};
const waiter: Session = {
  ...holder,
  pid: 4712,
  application: 'api',
  state: 'active',
  wait: 'Lock: transactionid',
  transactionMs: 12_000,
  stateMs: 12_000,
  query: 'update orders set sent = true',
  blockedBy: [4711],
};

test('db activity must show who holds what for how long, at 80 columns', async () => {
  expect(await shown(activity, [holder, waiter])).toMatchInlineSnapshot(`
    "
    ✗ 2 sessions: 1 active, 1 idle in transaction, 1 waiting for a lock; 1
      transaction open for too long
    ✗ 4711 (worker): transaction open for 3 min 5 s, idle in transaction for 3 min
    next: opsctl db kill 4711 --terminate

     PID  USER  APPLICATION  STATE                       TX  WAITS FOR
      QUERY
    4711  app   worker       idle in transaction  3 min 5 s  -
      update orders set paid = true
    4712  app   api          active                    12 s  lock of 4711
      update orders set sent = true
    "
  `);
});

const table = { kind: 'relation', target: 'public.orders', granted: true, blockedBy: [] };
const piledUp: Parts = {
  locks: {
    is: 'seen',
    value: {
      locks: [
        { ...table, pid: 4712, mode: 'RowExclusiveLock', granted: false, waitMs: 12_000, blockedBy: [4711] },
        { ...table, pid: 4713, mode: 'AccessShareLock', granted: false, waitMs: 11_000, blockedBy: [4711, 4712] },
        { ...table, pid: 4711, mode: 'AccessExclusiveLock' },
      ],
      taken: 40,
      capacity: 6400,
    },
  },
};

test('db blocking must draw the tree, and say what ending the root frees', async () => {
  expect(await shown(blocking, [holder, waiter, { ...waiter, pid: 4713 }], piledUp)).toMatchInlineSnapshot(`
    "
    ! 2 sessions wait for a lock, the longest for 12 s; 1 session at the root of
      it
    ! 4711 (worker): idle in transaction for 3 min, holds AccessExclusive on
      public.orders; 2 sessions wait, the longest for 12 s; when it ends, 1 goes on
      at once, 1 in turn
    next: opsctl db kill 4711 --terminate

    SESSION      STATE                      FOR  FREES  LOCK
      QUERY
    4711 worker  idle in transaction  3 min 5 s      2  AccessExclusive on public.o…
      update orders set paid = true
    └ 4712 api   waits                     12 s      -  RowExclusive on public.orde…
      update orders set sent = true
    └ 4713 api   waits                     11 s      -  AccessShare on public.orders
      update orders set sent = true
    "
  `);
});

test('db locks must show who waits and who keeps others out', async () => {
  expect(await shown(locks, [holder, waiter], piledUp)).toMatchInlineSnapshot(`
    "
    ! 2 sessions wait for a lock; 40 locks in a table for 6400 (0.63 %)
    ! 4712 (api): waits for 12 s for RowExclusive on public.orders, behind 4711
    ! 4713 (another process): waits for 11 s for AccessShare on public.orders,
      behind 4711, 4712
    ! 4711 (worker): holds AccessExclusive on public.orders in a transaction open
      for 3 min 5 s: nobody else can read it or write to it
    next: opsctl db blocking
          opsctl db activity

     PID  WHO     MODE             ON             WAITS         TX  WAITS FOR
    4712  api     RowExclusive     public.orders   12 s       12 s  4711
    4713  -       AccessShare      public.orders   11 s          -  4711, 4712
    4711  worker  AccessExclusive  public.orders      -  3 min 5 s  -
    "
  `);
});

const counted = (calls: number): Parts => ({
  statements: {
    is: 'seen',
    value: {
      statements: [
        {
          id: '81',
          database: 'shop',
          user: 'app',
          topLevel: true,
          calls,
          rows: calls,
          totalMs: calls * 42,
          meanMs: 42,
          maxMs: 90,
          ioMs: 0,
          hitBlocks: calls * 3000,
          readBlocks: calls * 100,
          tempBlocks: 0,
          query: 'select *\n from orders where customer = $1',
        },
      ],
      count: 1,
      totalMs: calls * 42,
      hiddenMs: 0,
      ioTimed: false,
    },
  },
});

test('db slow must say what takes the time and why', async () => {
  expect(await shown(slow, [], counted(1000))).toMatchInlineSnapshot(`
    "
    ! 1 of 1 statement takes 20 ms or more on average in 100 calls or more
    ! select * from orders where customer = $1: 42 ms on average in 1000 calls,
      100 % of all time; it looks at 3100 blocks for each row: an index may be
      missing
    next: opsctl db indexes
          opsctl db query "SELECT query FROM public.pg_stat_statements WHERE queryid = 81"

    TOTAL  SHARE  CALLS   MEAN   READ  QUERY
     42 s  100 %   1000  42 ms  3.2 %  select * from orders where customer = $1

    what opsctl asks is among them
    since when they are counted is told from PostgreSQL 14 on
    the time of reading and writing is not taken: track_io_timing is off
    "
  `);
});

test('db slow --interval must count what happens meanwhile', async () => {
  const reader = databaseWith([], counted(1000));
  const input = slow.input.parse({ interval: '200ms' });
  setTimeout(() => (reader.state['main'] = { parts: counted(1010) }), 50);
  const data = slow.output.parse(await slow.run(input, contextOf({ database: reader })));
  expect(data).toMatchObject({ rows: [{ calls: 10, totalMs: 420, maxMs: null }] });
  expect(slow.input.safeParse({ interval: '11m' }).success).toBe(false);
});

test('db report must give each report a line, then what is bad, the worst first', async () => {
  expect(await shown(report, [holder, waiter])).toMatchInlineSnapshot(`
    "
    ✓ connections  2 of 97 usable connections (2.1 %)
    ✗ activity     2 sessions: 1 active, 1 idle in transaction, 1
                   waiting for a lock; 1 transaction open for too long
    ✓ blocking     no session waits for a lock
    ✓ locks        no session waits for a lock; 12 locks in a table
                   for 6400 (0.19 %)
    ✓ slow         none of 0 statements takes 20 ms or more on
                   average in 100 calls or more
    ✓ indexes      0 indexes: 0 invalid, 0 unused, 0 duplicate, 0
                   tables that may lack one; use counted for 1 d
    ✓ cache-hit    nothing was read since the statistics began
    ✓ sizes        no tables in database main
    ✓ vacuum       no table with too many dead rows; oldest
                   transaction id not known; no VACUUM runs
    ✓ bloat        about 0 B of 0 B (0 %) may be bloat; nothing 4
                   times as large as its rows need
    ✓ sequences    none of 0 sequences is near its end
    ✓ replication  no standby follows; no slots

    ✗ 4711 (worker): transaction open for 3 min 5 s, idle in transaction for 3 min
    next: opsctl db kill 4711 --terminate

    ✗ crit: PostgreSQL 17.5 (main)
    "
  `);
});

test('db report must say what mends a report that could not be had', async () => {
  const fix = ['CREATE EXTENSION pg_stat_statements;'];
  const text = await shown(report, [], { statements: { is: 'skipped', reason: 'it is not created', fix } });
  expect(text).toContain('- slow         it is not created');
  expect(text).toContain('- slow: it is not created\nnext: CREATE EXTENSION pg_stat_statements');
});

test('db ready must say how the database is reached', async () => {
  expect(await shown(ready, [])).toBe('\n✓ PostgreSQL 17.5 answers in 1 ms, reached by memory\n');
});

test('the exit code must tell what the worst finding is', async () => {
  const data = await report.run(report.input.parse({}), contextOf({ database: databaseWith([holder]) }));
  expect(report.exit?.(data, report.input.parse({}))).toBe(1);
});

describe('the database that is meant', () => {
  const two = shop({ databases: { main: { service: 'a' }, archive: { service: 'b' } } });
  test('must be the only one, or the one that is named', () => {
    expect(databaseNamed(shop(), undefined)).toBe('main');
    expect(databaseNamed(two, 'archive')).toBe('archive');
  });
  test('must be named where there are several', () => {
    expect(() => databaseNamed(two, undefined)).toThrow('there are several databases');
    expect(() => databaseNamed(two, 'other')).toThrow('no database other is configured');
    expect(() => databaseNamed(shop({ databases: {} }), undefined)).toThrow('has no database');
  });
});
