import { describe, expect, it } from 'vitest';

import { database } from '../../../src/checks/database.ts';
import { thresholdsSchema } from '../../../src/core/thresholds.ts';
import type { DatabaseVitals, HiddenPart } from '../../../src/core/ports/data.ts';
import { calmDatabase } from '../../support/fakes/database.ts';

const limits = thresholdsSchema.parse({});
const judged = (facts: Partial<DatabaseVitals>): ReturnType<typeof database> =>
  database({ ...calmDatabase, ...facts }, limits, ['LOGS']);
const statuses = (facts: Partial<DatabaseVitals>): Record<string, string> =>
  Object.fromEntries(Object.entries(judged(facts)).map(([id, { status }]) => [id, status]));
const hidden = (part: HiddenPart['part'], forbidden: boolean): HiddenPart => ({ part, reason: 'WHY', forbidden });

const NOTHING = {
  connections: undefined,
  activeSessions: undefined,
  idleInTransaction: undefined,
  longestTransaction: undefined,
  blockedSessions: undefined,
  longestWaitMs: undefined,
  cacheHit: undefined,
  size: undefined,
  xidAge: undefined,
  replicas: undefined,
};
const PARTS = ['activity', 'locks', 'databases', 'size', 'replication'] as const;

describe('a database', () => {
  it('that is calm must be well', () => {
    expect(new Set(Object.values(statuses({})))).toEqual(new Set(['ok']));
    expect(judged({ cacheHit: null })['cache-hit']?.reason).toBe('nothing was read since the statistics were reset');
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
      expect(one).toMatchObject({ status: 'skipped', next: ['GRANT pg_monitor TO <role>'] });
    expect(seen['locks']?.reason).toBe('who waits for a lock cannot be seen by this role: WHY; WHY');
    expect(seen['privileges']?.reason).toContain('activity: WHY; locks: WHY');
  });

  it('must not take the longest transaction that it sees for the longest there is', () => {
    const seen = (ageMs: number): Partial<DatabaseVitals> => ({
      longestTransaction: { pid: 7, ageMs, state: 'active', application: '', query: '' },
      hidden: [hidden('activity', true)],
    });
    expect(statuses(seen(5))).toMatchObject({ transactions: 'skipped', connections: 'ok' });
    expect(statuses(seen(1e9))).toMatchObject({ transactions: 'crit' });
  });

  it('must not take a lag that is not told for none', () => {
    const replica = (lagBytes: number | null): NonNullable<DatabaseVitals['replicas']>[number] => ({
      application: 'standby',
      state: 'streaming',
      lagBytes,
    });
    expect(judged({ replicas: [replica(null)] })['replication']).toMatchObject({
      status: 'unknown',
      reason: 'how far 1 replica is behind could not be observed: the server does not tell',
    });
    expect(statuses({ replicas: [replica(null), replica(1)] })).toMatchObject({ replication: 'unknown' });
    expect(statuses({ replicas: [replica(null), replica(1e12)] })).toMatchObject({ replication: 'crit' });
    expect(statuses({ replicas: [replica(1)] })).toMatchObject({ replication: 'ok' });
    expect(statuses({ inRecovery: true })).toMatchObject({ replication: 'unknown' });
    expect(statuses({ inRecovery: true, replayLagMs: 5 })).toMatchObject({ replication: 'ok' });
  });

  it.each<[Partial<DatabaseVitals>, string, string, string]>([
    [
      { connections: 97 },
      'connections',
      'crit',
      '97 of 97 usable connections (100 %), 1 active, 0 idle in transaction',
    ],
    [{ blockedSessions: 1, longestWaitMs: 2000 }, 'locks', 'warn', '1 session waits for a lock, the longest for 2 s'],
    [{ cacheHit: 0.1 }, 'cache-hit', 'warn', '10 % of the reads found in shared buffers'],
    [
      { xidAge: 2e9 },
      'xid-age',
      'crit',
      'oldest unfrozen transaction id is 2000.0 million old (writes stop near 2,147 million)',
    ],
    [{ hidden: [hidden('size', false)] }, 'size', 'ok', '47.7 MiB on disk (WHY)'],
  ])('%j must give %s %s', (facts, id, status, reason) => {
    expect(judged(facts)[id]).toMatchObject({ status, reason });
  });
});
