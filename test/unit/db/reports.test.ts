import { describe, expect, test } from 'vitest';

import type { DatabaseLook, Session } from '../../../src/core/ports/database.ts';
import { activity, activityOf } from '../../../src/db/activity.ts';
import { connections } from '../../../src/db/connections.ts';
import { conclude, type Report } from '../../../src/db/report.ts';
import { connectionsOf } from '../../support/fakes/database.ts';
import { limits, lookOf, session } from './look.ts';

const look = (sessions: DatabaseLook['parts']['sessions'], connectionLimit = 100): DatabaseLook<'sessions'> => ({
  ...lookOf({ sessions: [] }, { connectionLimit }),
  parts: { sessions },
});
const seen = (...sessions: Session[]): DatabaseLook<'sessions'> => look({ is: 'seen', value: sessions });
const connected = (...sessions: Session[]): DatabaseLook<'connections'> =>
  lookOf({ connections: connectionsOf(sessions) });
const told = <R>(report: Report<'sessions', R>, at: DatabaseLook<'sessions'>): string[] =>
  conclude(report, at, 'main', limits).findings.map(
    ({ status, about, reason }) => `${status} ${about === '' ? '' : `${about}: `}${reason}`,
  );

describe('activity', () => {
  test('must be well where nobody holds a transaction for long, and leave idle sessions out', () => {
    const data = conclude(
      activity,
      seen(session(1), session(2, { state: 'active', transactionMs: 20 })),
      'main',
      limits,
    );
    expect(data).toMatchObject({ status: 'ok', notes: ['1 idle session not shown: opsctl db activity --idle'] });
    expect(data.rows.map(({ pid }) => pid)).toEqual([2]);
  });

  test.each<[string, Partial<Session>, string]>([
    ['open for long', { state: 'active', transactionMs: 40_000 }, 'warn 7 (api): transaction open for 40 s, active'],
    [
      'open for very long',
      { state: 'active', transactionMs: 400_000 },
      'crit 7 (api): transaction open for 6 min 40 s, active',
    ],
    [
      'idle for a while',
      { state: 'idle in transaction', transactionMs: 12_000, stateMs: 11_000 },
      'warn 7 (api): transaction open for 12 s, idle in transaction for 11 s',
    ],
    [
      'idle for long, and failed',
      { state: 'idle in transaction (aborted)', transactionMs: 70_000, stateMs: 61_000 },
      'crit 7 (api): transaction open for 1 min 10 s, idle in transaction for 1 min 1 s',
    ],
  ])('must judge a transaction that is %s, and name what to run', (_how, more, expected) => {
    const at = seen(
      session(7, more),
      session(8, { state: 'active', wait: 'Lock: relation', blockedBy: [7], transactionMs: 5 }),
    );
    expect(told(activity, at)[1]).toBe(expected);
    expect(told(activity, at)[0]).toContain('2 sessions: ');
    expect(told(activity, at)[0]).toContain('1 waiting for a lock; 1 transaction open for too long');
    const how = more.state === 'active' ? '' : ' --terminate';
    expect(conclude(activity, at, 'main', limits).findings[1]?.next).toEqual([`opsctl db kill 7${how}`]);
  });

  test('must show those that are idle where they are asked for, the longest first', () => {
    const at = seen(
      session(1, { stateMs: 5000 }),
      session(2, { state: 'active', transactionMs: 20 }),
      session(3, { stateMs: 9000 }),
    );
    const { rows, notes } = conclude(activityOf(true), at, 'main', limits);
    expect([rows.map(({ pid }) => pid), notes]).toEqual([[3, 1], []]);
  });

  test('must say whose sessions hide what they do, and judge none of them', () => {
    const { state: _state, ...hidden } = session(9, { transactionMs: 400_000 });
    const data = conclude(activity, seen(hidden), 'main', limits);
    expect(data.findings).toMatchObject([{ status: 'skipped', next: ['GRANT pg_monitor TO watcher;'] }]);
    expect(data.rows).toMatchObject([{ pid: 9, state: null }]);
    expect(data.notes).toEqual([
      '1 session of other roles hide what they do from watcher: GRANT pg_monitor TO watcher;',
    ]);
  });
});

describe('connections', () => {
  const many = (count: number, more: Partial<Session> = {}): Session[] =>
    Array.from({ length: count }, (_, index) => session(index + 1, more));

  test('must be counted by who has them, the most first', () => {
    const all = [...many(2), ...many(3, { application: 'web', state: 'active' })];
    const { rows, status } = conclude(connections, connected(...all), 'main', limits);
    expect(status).toBe('ok');
    expect(rows).toMatchObject([
      { application: 'web', connections: 3, active: 3 },
      { application: 'api', connections: 2, idle: 2 },
    ]);
  });

  test('must lead to those that are idle, where most are, and else to what they do', () => {
    const idle = many(90).map((one) => ({ ...one, stateMs: one.pid * 60_000 }));
    expect(conclude(connections, connected(...idle), 'main', limits).findings).toMatchObject([
      {
        status: 'crit',
        reason:
          '90 of 100 usable connections (90 %); most are of api, all of them idle, 90 the longest, for 1 h 30 min',
        next: ['opsctl db activity --idle'],
      },
    ]);
    const busy = many(90, { state: 'active' });
    expect(conclude(connections, connected(...busy), 'main', limits).findings[0]?.next).toEqual(['opsctl db activity']);
  });

  test.each([
    [79, 'ok'],
    [80, 'warn'],
    [90, 'crit'],
  ])('%i of 100 must be %s', (count, status) => {
    expect(conclude(connections, connected(...many(count)), 'main', limits).status).toBe(status);
  });
});

describe('a part that was not had', () => {
  test('must be left out with what mends it', () => {
    const at = look({ is: 'skipped', reason: 'permission denied', fix: ['GRANT pg_monitor TO watcher;'] });
    expect(conclude(activity, at, 'main', limits)).toMatchObject({
      status: 'skipped',
      rows: [],
      findings: [{ status: 'skipped', reason: 'permission denied', next: ['GRANT pg_monitor TO watcher;'] }],
    });
  });

  test('must not be well where nobody knows', () => {
    const at = look({ is: 'unknown', reason: 'no time was left for it' });
    expect(conclude(activity, at, 'main', limits)).toMatchObject({
      status: 'unknown',
      findings: [{ reason: 'could not be observed: no time was left for it' }],
    });
  });
});
