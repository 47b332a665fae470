import { describe, expect, it } from 'vitest';

import { database } from '../../../src/checks/database.ts';
import { thresholdsSchema } from '../../../src/core/thresholds.ts';
import type { DatabaseVitals, HiddenPart } from '../../../src/core/ports/data.ts';
import { calmDatabase } from '../../support/fakes/database.ts';

const limits = thresholdsSchema.parse({});
const judged = (facts: Partial<DatabaseVitals>): ReturnType<typeof database> =>
  database({ ...calmDatabase, ...facts }, limits);
const statuses = (facts: Partial<DatabaseVitals>): Record<string, string> =>
  Object.fromEntries(Object.entries(judged(facts)).map(([id, { status }]) => [id, status]));
const hidden = (part: HiddenPart['part'], forbidden: boolean): HiddenPart => ({ part, reason: 'WHY', forbidden });

const NOTHING = {
  connections: undefined,
  activeSessions: undefined,
  idleInTransaction: undefined,
  longestTransaction: undefined,
  longestIdle: undefined,
  blockedSessions: undefined,
  longestWaitMs: undefined,
  blocks: undefined,
  size: undefined,
  xidAge: undefined,
  replication: undefined,
};
const PARTS = ['activity', 'locks', 'databases', 'size', 'replication'] as const;

describe('a database', () => {
  it('that is calm must be well', () => {
    expect(new Set(Object.values(statuses({})))).toEqual(new Set(['ok']));
    expect(judged({ blocks: { name: 'shop', hits: 0, reads: 0 } })['cache-hit']?.reason).toBe(
      'nothing was read since the statistics began',
    );
  });

  it('must not be called well for what could not be seen', () => {
    const late = statuses({ ...NOTHING, hidden: PARTS.map((part) => hidden(part, false)) });
    expect(late).toEqual({
      direct: 'ok',
      connections: 'unknown',
      transactions: 'unknown',
      locks: 'unknown',
      replication: 'unknown',
      'cache-hit': 'unknown',
      size: 'unknown',
      'xid-age': 'unknown',
    });
    expect(new Set(Object.values(statuses(NOTHING)))).toEqual(new Set(['ok', 'unknown']));
  });

  it('must tell the grant that is missing', () => {
    const seen = judged({ ...NOTHING, hidden: PARTS.map((part) => hidden(part, true)) });
    const { direct: _direct, ...rest } = seen;
    for (const one of Object.values(rest))
      expect(one).toMatchObject({ status: 'skipped', next: ['GRANT pg_monitor TO watcher;'] });
    expect(seen['locks']?.reason).toBe('who waits for a lock cannot be seen by this role: WHY; WHY');
    expect(seen['privileges']?.reason).toContain('activity: WHY; locks: WHY');
  });

  it('must not take the longest transaction that it sees for the longest there is', () => {
    const seen = (ageMs: number): Partial<DatabaseVitals> => ({
      longestTransaction: { pid: 7, ageMs, state: 'active', stateMs: 1, application: '' },
      hidden: [hidden('activity', true)],
    });
    expect(statuses(seen(5))).toMatchObject({ transactions: 'skipped', connections: 'ok' });
    expect(statuses(seen(1e9))).toMatchObject({ transactions: 'crit' });
  });

  it('must not take a lag that is not told for none', () => {
    const follows = (...lags: (number | undefined)[]): Partial<DatabaseVitals> => ({
      replication: {
        standbys: lags.map((lag) => ({
          name: 'standby',
          client: 'local',
          state: 'streaming',
          ...(lag === undefined ? {} : { lagBytes: lag }),
        })),
        slots: [],
      },
    });
    expect(judged(follows(undefined))['replication']).toMatchObject({
      status: 'unknown',
      reason: 'standby standby: how far it is behind is not told',
    });
    expect(statuses(follows(undefined, 1))).toMatchObject({ replication: 'unknown' });
    expect(statuses(follows(undefined, 1e12))).toMatchObject({ replication: 'crit' });
    expect(statuses(follows(1))).toMatchObject({ replication: 'ok' });
    const upstream = (lag: object): Partial<DatabaseVitals> => ({
      inRecovery: true,
      replication: { standbys: [], slots: [], upstream: { isConnected: true, isPaused: false, ...lag } },
    });
    expect(statuses(upstream({}))).toMatchObject({ replication: 'unknown' });
    expect(statuses(upstream({ lagMs: 5 }))).toMatchObject({ replication: 'ok' });
  });

  it.each<[Partial<DatabaseVitals>, string, string, string]>([
    [
      { connections: 97 },
      'connections',
      'crit',
      '97 of 97 usable connections (100 %), 1 active, 0 idle in transaction',
    ],
    [{ blockedSessions: 1, longestWaitMs: 2000 }, 'locks', 'warn', '1 session waits for a lock, the longest for 2 s'],
    [
      { blocks: { name: 'shop', hits: 1e6, reads: 9e6 } },
      'cache-hit',
      'warn',
      '10 % of the blocks read in database shop were found in shared buffers',
    ],
    [
      { xidAge: 2e9 },
      'xid-age',
      'crit',
      'oldest transaction id is 2000.0 million old (93.1 % of what there is): at the end the server takes no more writes',
    ],
    [{ hidden: [hidden('size', false)] }, 'size', 'ok', '47.7 MiB on disk (WHY)'],
  ])('%j must give %s %s', (facts, id, status, reason) => {
    expect(judged(facts)[id]).toMatchObject({ status, reason });
  });

  it('must lead to the report that tells more', () => {
    const bad = judged({
      connections: 97,
      longestTransaction: { pid: 7, application: 'report', ageMs: 400_000, state: 'active', stateMs: 1 },
      longestIdle: { pid: 8, application: '', ageMs: 61_000, state: 'idle in transaction', stateMs: 20_000 },
      blockedSessions: 9,
      xidAge: 2e9,
      replication: { standbys: [], slots: [], upstream: { isConnected: true, isPaused: false, lagMs: 259_200_000 } },
    });
    expect(bad['transactions']?.reason).toBe('pid 7 (report): transaction open for 6 min 40 s, active');
    expect(bad['replication']?.reason).toBe(
      'upstream: received, and not replayed yet; the last replayed transaction is 3 d old',
    );
    expect(Object.fromEntries(Object.entries(bad).flatMap(([id, { next }]) => next.map((one) => [id, one])))).toEqual({
      connections: 'opsctl db connections',
      transactions: 'opsctl db activity',
      locks: 'opsctl db blocking',
      replication: 'opsctl db replication',
      'xid-age': 'opsctl db vacuum',
    });
  });
});
