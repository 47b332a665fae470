import { describe, expect, test } from 'vitest';

import type { Lock, Session } from '../../../src/core/ports/database.ts';
import { samePlan } from '../../../src/core/plan.ts';
import { type KillRequest, planKill } from '../../../src/db/plan-kill.ts';

const STARTED = '2026-03-01T11:00:00.000001Z';
const ASKED = '2026-03-01T11:30:00.000002Z';

const session = (pid: number, more: Partial<Session> = {}): Session => ({
  ...{ pid, startedAt: STARTED, database: 'shop', user: 'app', application: 'api', client: '10.0.0.7' },
  ...{ state: 'active', queryStartedAt: ASKED, transactionMs: 60_000, stateMs: 50_000, queryMs: 50_000 },
  ...{ query: "update item set note = 'call 555-0100' where id = 7", blockedBy: [], privileged: false },
  ...more,
});
const waits = (pid: number, blockedBy: number[]): Lock => ({
  ...{ pid, kind: 'transactionid', target: 'transaction 741', mode: 'ShareLock', granted: false, blockedBy },
});
const holds = (pid: number): Lock => ({
  ...{ pid, kind: 'transactionid', target: 'transaction 741', mode: 'ExclusiveLock', granted: true, blockedBy: [] },
});
const request = (more: Partial<KillRequest> = {}): KillRequest => ({
  ...{ database: 'main', pids: [7], terminate: false, force: false },
  ...more,
});
const ids = (sessions: Session[], more: Partial<KillRequest> = {}): string[] =>
  planKill({ sessions, locks: [] }, request(more)).steps.map(({ id }) => id);
const idle = session(7, { state: 'idle in transaction' });

describe('what ends a session', () => {
  test('must be the mildest thing that can: its query, then itself where that was asked for', () => {
    expect(ids([session(7)])).toEqual(['database.cancel:7', 'database.freed:7']);
    expect(ids([session(7)], { terminate: true })).toEqual([
      'database.cancel:7',
      'database.terminate:7',
      'database.freed:7',
    ]);
    expect(ids([idle], { terminate: true })).toEqual(['database.terminate:7', 'database.freed:7']);
    expect(ids([session(7, { state: 'idle' })], { terminate: true })).toEqual([
      'database.disconnect:7',
      'database.freed:7',
    ]);
  });

  test('that failed behind a savepoint, for which others wait, must not be told as one that holds nothing', () => {
    const failed = session(7, { state: 'idle in transaction (aborted)' });
    const { seen, steps } = planKill(
      { sessions: [failed], locks: [holds(7), waits(8, [7])] },
      request({ terminate: true }),
    );
    expect(seen?.[0]).toContain('1 session waits for it');
    expect(steps[0]).toMatchObject({
      why: expect.stringContaining('the locks from before a savepoint') as unknown,
      do: { method: 'disconnect', args: ['main', { queryStartedAt: ASKED }] },
      verify: { method: 'hasMovedOn' },
    });
  });

  test('must name that very query of that very connection', () => {
    const [step] = planKill({ sessions: [session(7)], locks: [] }, request()).steps;
    expect(step?.do).toEqual({
      ...{ port: 'database', method: 'cancel' },
      args: ['main', { pid: 7, startedAt: STARTED, queryStartedAt: ASKED }],
    });
  });

  test.each<[string, Session, Partial<KillRequest>, string, string]>([
    ['is gone', session(8), {}, 'NOT_FOUND', 'opsctl db activity'],
    ['runs no query', idle, {}, 'UNSAFE', 'opsctl db kill 7 --terminate'],
    ['hides what it does', session(7, { state: undefined as never }), {}, 'UNSAFE', 'pg_read_all_stats'],
    ['is of a superuser', session(7, { privileged: true }), {}, 'UNSAFE', '--force'],
    ['is a dump', session(7, { application: 'pg_dump' }), {}, 'UNSAFE', '--force'],
    [
      'builds an index beside the readers',
      session(7, { query: 'create unique index concurrently i on item (id)' }),
      ...([{}, 'UNSAFE', '--force'] as const),
    ],
  ])('must be refused for one that %s, with what to do instead', (_how, one, more, code, hint) => {
    expect(() => planKill({ sessions: [one], locks: [] }, request(more))).toThrow(
      expect.objectContaining({ code, hint: expect.stringContaining(hint) as unknown }),
    );
    if (hint === '--force') expect(ids([one], { force: true })).toContain('database.cancel:7');
  });

  test('must be refused for what is no client', () => {
    const locks = [{ ...holds(7), backend: 'autovacuum worker' }];
    expect(() => planKill({ sessions: [], locks }, request())).toThrow('7 is no client but autovacuum worker');
  });
});

test('who waits and for how long must be told, and be no part of what is compared before it is done', () => {
  const locks = [holds(7), waits(8, [7]), waits(9, [8])];
  const plan = planKill({ sessions: [idle, session(8), session(9)], locks }, request({ terminate: true }));
  expect(plan.seen).toEqual([
    '7 (api): idle in transaction for 50 s; its transaction of 1 min is rolled back; 1 session waits for it, 2 in all go on when it ends',
  ]);
  const later = { ...idle, stateMs: 55_000, transactionMs: 65_000 };
  const more = [...locks, waits(10, [7])];
  expect(samePlan(plan, planKill({ sessions: [later, session(8)], locks: more }, request({ terminate: true })))).toBe(
    true,
  );
  const other = { ...idle, queryStartedAt: '2026-03-01T11:31:00.000000Z' };
  expect(samePlan(plan, planKill({ sessions: [other], locks }, request({ terminate: true })))).toBe(false);
});

test('a plan, which is kept, must not hold what somebody wrote into a query', () => {
  const text = JSON.stringify(planKill({ sessions: [session(7)], locks: [] }, request()));
  expect(text).toContain("update item set note = '…' where id = 7");
  expect(text).not.toContain('555-0100');
});
