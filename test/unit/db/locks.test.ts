import { describe, expect, test } from 'vitest';

import type { DatabaseLook, Lock, Session } from '../../../src/core/ports/database.ts';
import { blocking } from '../../../src/db/blocking.ts';
import { lockTree } from '../../../src/db/lock-tree.ts';
import { locks } from '../../../src/db/locks.ts';
import { conclude } from '../../../src/db/report.ts';
import { limits, lookOf, session, told } from './look.ts';

const holds = (pid: number, mode = 'RowExclusiveLock', target = 'public.orders', more: Partial<Lock> = {}): Lock => ({
  ...{ pid, kind: 'relation', target, mode, granted: true, blockedBy: [] },
  ...more,
});
const waits = (pid: number, blockedBy: number[], more: Partial<Lock> = {}): Lock => ({
  ...{
    pid,
    kind: 'relation',
    target: 'public.orders',
    mode: 'AccessShareLock',
    granted: false,
    waitMs: 5000,
    blockedBy,
  },
  ...more,
});
const look = (all: Lock[], sessions: Session[], taken = 20): DatabaseLook<'sessions' | 'locks'> =>
  lookOf({ sessions, locks: { locks: all, taken, capacity: 6400 } });

const idle = session(1, {
  state: 'idle in transaction',
  transactionMs: 65_000,
  stateMs: 60_000,
  application: 'worker',
});

describe('who waits for whom', () => {
  test('must be drawn under the nearest blocker, each session once', () => {
    // A queue for one row: the first waits for the holder, the others for all in front of them.
    const all = [holds(1), waits(2, [1]), waits(3, [2]), waits(4, [2, 3])];
    const tree = lockTree(all, [idle]);
    expect(tree.map(({ pid, depth, frees, freesAtOnce }) => [pid, depth, frees, freesAtOnce])).toEqual([
      [1, 0, 3, 1],
      [2, 1, 0, 0],
      [3, 2, 0, 0],
      [4, 2, 0, 0],
    ]);
  });

  test('must count as freed only who waits for nobody else', () => {
    const tree = lockTree([waits(3, [1, 2]), waits(4, [1])], []);
    expect(tree.filter(({ depth }) => depth === 0).map(({ pid, frees }) => [pid, frees])).toEqual([
      [1, 1],
      [2, 0],
    ]);
  });

  test('must end where sessions wait in a circle', () => {
    const tree = lockTree([waits(2, [3]), waits(3, [2]), waits(4, [3])], []);
    expect(tree.map(({ pid, circle }) => [pid, circle])).toEqual([
      [2, true],
      [3, false],
      [4, false],
    ]);
  });

  test('must take a long queue in its stride', () => {
    const queue = Array.from({ length: 500 }, (_, index) =>
      waits(
        index + 2,
        Array.from({ length: index + 1 }, (_, before) => before + 1),
      ),
    );
    expect(lockTree(queue, [])[0]).toMatchObject({ pid: 1, frees: 500, freesAtOnce: 1 });
  });
});

describe('blocking', () => {
  test('must be well where nobody waits', () => {
    expect(told(blocking, look([holds(1)], [idle]))).toEqual(['ok no session waits for a lock']);
  });

  test('must name the root, its lock and what ending it frees', () => {
    const all = [holds(1, 'AccessShareLock', 'public.a'), holds(1), waits(2, [1]), waits(3, [1], { waitMs: 130_000 })];
    const at = look(all, [idle, session(2, { state: 'active' })]);
    expect(told(blocking, at)).toEqual([
      'crit 2 sessions wait for a lock, the longest for 2 min 10 s; 1 session at the root of it',
      'crit 1 (worker): idle in transaction for 1 min, holds RowExclusive on public.orders; 2 sessions wait, the longest for 2 min 10 s; when it ends, all go on at once',
    ]);
    const data = conclude(blocking, at, 'main', limits);
    expect(data.findings[1]?.next).toEqual(['opsctl db kill 1 --terminate']);
    expect(data.rows[1]).toMatchObject({ pid: 2, root: 1, blockedBy: [1], waitsFor: { target: 'public.orders' } });
  });

  test.each<[string, Partial<Session>, string, string]>([
    ['a superuser', { privileged: true }, 'opsctl db kill 1 --terminate --force', 'superuser or of replication'],
    ['a dump', { application: 'pg_dump', state: 'active' }, 'opsctl db kill 1 --force', 'whose work would be lost'],
    ['one that hides', { state: undefined as never }, 'GRANT pg_read_all_stats, pg_signal_backend TO watcher;', ''],
  ])('must advise what the plan of db kill takes, for %s', (_who, more, next, remark) => {
    const at = look([holds(1), waits(2, [1])], [{ ...idle, ...more }]);
    const { findings } = conclude(blocking, at, 'main', limits);
    expect(findings[1]).toMatchObject({ next: [next], reason: expect.stringContaining(remark) });
    expect(findings[1]?.reason.endsWith('so that ending it takes --force')).toBe(remark !== '');
  });

  test('must find the table where a row is waited for', () => {
    const all = [
      holds(1, 'RowExclusiveLock', 'public.a'),
      holds(1),
      holds(1, 'ExclusiveLock', 'transaction 741', { kind: 'transactionid' }),
      holds(2, 'ExclusiveLock', 'row of public.orders', { kind: 'tuple' }),
      waits(2, [1], { kind: 'transactionid', target: 'transaction 741', mode: 'ShareLock' }),
      waits(3, [2], { kind: 'tuple', target: 'row of public.orders', mode: 'ExclusiveLock' }),
    ];
    const at = look(all, [session(1, { state: 'active', transactionMs: 9000 })]);
    expect(told(blocking, at)[1]).toBe(
      'warn 1 (api): active, transaction open for 9 s, holds RowExclusive on public.orders; 2 sessions wait, the longest for 5 s; when it ends, 1 goes on at once, 1 in turn',
    );
    const { rows, findings } = conclude(blocking, at, 'main', limits);
    expect(rows.map(({ waitsFor }) => waitsFor?.target)).toEqual([
      undefined,
      'row of public.orders',
      'row of public.orders',
    ]);
    expect(findings[1]?.next).toEqual(['opsctl db kill 1']);
  });

  test('must name the prepared transaction that is waited for, and no other', () => {
    const held = (gid: string): Lock => holds(0, 'RowExclusiveLock', 'public.orders', { prepared: gid });
    const waitsFor = (pid: number, ...gids: string[]): Lock => waits(pid, [], { blockedByPrepared: gids });
    const at = look([held('a'), held("it's"), waitsFor(2, "it's"), waitsFor(3, 'a'), waitsFor(4, 'a')], []);
    const { findings, rows } = conclude(blocking, at, 'main', limits);
    expect(rows.map(({ pid, prepared, rootPrepared }) => [pid, prepared, rootPrepared])).toEqual([
      [0, 'a', 'a'],
      [3, null, 'a'],
      [4, null, 'a'],
      [0, "it's", "it's"],
      [2, null, "it's"],
    ]);
    expect(findings[2]).toMatchObject({
      about: "prepared transaction it's",
      reason:
        'waits for its COMMIT PREPARED or ROLLBACK PREPARED, holds RowExclusive on public.orders; 1 session waits, the longest for 5 s; when it ends, it goes on',
      next: [
        `opsctl db query "SELECT * FROM pg_prepared_xacts WHERE gid = 'it''s'"`,
        "ROLLBACK PREPARED 'it''s'; -- in its database; COMMIT PREPARED where it was to be committed",
      ],
    });
    const [first] = conclude(locks, at, 'main', limits).rows;
    expect(first && locks.cells(first, {} as never).at(-1)).toBe("prepared it's");
  });

  test('must advise to end no prepared transaction where it is not known which', () => {
    const at = look([holds(0, 'RowExclusiveLock', 'public.orders', { prepared: 'a' }), waits(2, [0])], []);
    const { findings } = conclude(blocking, at, 'main', limits);
    expect(findings[1]).toMatchObject({
      about: 'a prepared transaction that is not known',
      next: ['opsctl db query "SELECT * FROM pg_prepared_xacts"'],
    });
  });

  test('must name a process of the server', () => {
    const server = look([holds(9, 'ShareLock', 'public.orders', { backend: 'autovacuum worker' }), waits(2, [9])], []);
    expect(told(blocking, server)[1]).toContain('9 (autovacuum worker): runs, holds Share on public.orders');
    expect(conclude(blocking, server, 'main', limits).findings[1]?.next).toEqual([
      'opsctl db query "SELECT * FROM pg_stat_activity WHERE pid = 9"',
    ]);
  });
});

describe('locks', () => {
  test('must say how full the table of locks is', () => {
    expect(told(locks, look([], []))).toEqual([
      'ok no session waits for a lock; 20 locks in a table for 6400 (0.31 %)',
    ]);
    expect(told(locks, look([], [], 6000))[1]).toBe(
      'crit lock table: 6000 locks of 6400: when it is full, queries fail with "out of shared memory"',
    );
  });

  test('must judge waits, and strong locks that are held for long', () => {
    const all = [waits(2, [1, 7, 8], { waitMs: 20_000 }), holds(1, 'AccessExclusiveLock'), holds(3)];
    const at = look(all, [idle, session(3, { state: 'active', transactionMs: 400_000 })]);
    expect(told(locks, at)).toEqual([
      'warn 1 session waits for a lock; 20 locks in a table for 6400 (0.31 %)',
      'warn 2 (another process): waits for 20 s for AccessShare on public.orders, behind 1 and 2 more',
      'warn 1 (worker): holds AccessExclusive on public.orders in a transaction open for 1 min 5 s: nobody else can read it or write to it',
    ]);
    expect(conclude(locks, at, 'main', limits).rows.map(({ pid }) => pid)).toEqual([2, 1]);
  });
});
