/** One fact, one judgement: `health` must say of a server what its own reports say. */
import { describe, expect, test } from 'vitest';

import { hitRatio } from '../../../src/cache/hit-ratio.ts';
import { memory } from '../../../src/cache/memory.ts';
import { persistence } from '../../../src/cache/persistence.ts';
import { conclude as concludeCache } from '../../../src/cache/report.ts';
import { cache as cacheAtAGlance } from '../../../src/checks/cache.ts';
import { database as databaseAtAGlance } from '../../../src/checks/database.ts';
import type { CacheMemory, CachePersistence, CacheServer } from '../../../src/core/ports/cache.ts';
import type { Replication, Session } from '../../../src/core/ports/database.ts';
import { type Status, worst } from '../../../src/core/verdict.ts';
import { activity } from '../../../src/db/activity.ts';
import { blocking } from '../../../src/db/blocking.ts';
import { cacheHit } from '../../../src/db/cache-hit.ts';
import { connections } from '../../../src/db/connections.ts';
import { replication } from '../../../src/db/replication.ts';
import { conclude, type Report } from '../../../src/db/report.ts';
import { vacuum } from '../../../src/db/vacuum.ts';
import { calmCache, calmParts } from '../../support/fakes/cache.ts';
import { calmDatabase } from '../../support/fakes/database.ts';
import { database, limits, lookOf, session } from '../db/look.ts';

const DAY = 86_400_000;
const calm: Replication = { standbys: [], slots: [] };
const upstream = { isConnected: true, isPaused: false };
const standby = { name: 'replica', client: '10.0.0.2', state: 'streaming' };

/** A database as it is. */
interface DatabaseFacts {
  sessions?: Session[];
  waits?: number[];
  replication?: Replication;
  hits?: number;
  reads?: number;
  xidAge?: number;
  multixactAge?: number;
}

/** What health says of a database, and what the reports say. */
function ofDatabase(facts: DatabaseFacts): { health: Record<string, Status>; reports: Record<string, Status> } {
  const { sessions = [], waits = [], hits = 990_000, reads = 10_000, xidAge = 1, multixactAge = 1 } = facts;
  const found = facts.replication ?? calm;
  const seen = sessions.filter(({ state }) => state !== undefined);
  const open = seen.flatMap(({ pid, application, state = '', stateMs = 0, transactionMs }) =>
    transactionMs === undefined ? [] : [{ pid, application, state, stateMs, ageMs: transactionMs }],
  );
  const idle = open.filter(({ state }) => state.startsWith('idle in transaction'));
  const hidden = sessions.length - seen.length;
  const vitals = {
    ...calmDatabase,
    connections: sessions.length,
    connectionLimit: 100,
    longestTransaction: open.toSorted((a, b) => b.ageMs - a.ageMs)[0] ?? (hidden > 0 ? undefined : null),
    longestIdle: idle.toSorted((a, b) => b.stateMs - a.stateMs)[0] ?? (hidden > 0 ? undefined : null),
    blockedSessions: waits.length,
    longestWaitMs: Math.max(0, ...waits),
    blocks: { name: 'shop', hits, reads },
    xidAge,
    multixactAge,
    replication: found,
    hidden: hidden === 0 ? [] : [{ part: 'activity' as const, reason: 'hidden', forbidden: true }],
  };
  const locks = waits.map((waitMs, index) => ({
    pid: 900 + index,
    kind: 'relation',
    target: 'public.orders',
    mode: 'AccessShareLock',
    granted: false,
    waitMs,
    blockedBy: [1],
  }));
  const look = lookOf({
    sessions,
    connections: { groups: [], count: sessions.length },
    locks: { locks, taken: 1, capacity: 1000 },
    databases: [database('shop', { hits, reads, xidAge, multixactAge })],
    tables: { tables: [], count: 0, bytes: 0 },
    vacuums: [],
    horizon: [],
    replication: found,
  });
  const own = {
    connections,
    transactions: activity,
    locks: blocking,
    replication,
    'cache-hit': cacheHit,
    'xid-age': vacuum,
  };
  const glance = databaseAtAGlance(vitals, limits);
  return {
    health: Object.fromEntries(Object.keys(own).map((id) => [id, glance[id]?.status ?? 'unknown'])),
    reports: Object.fromEntries(
      Object.entries(own).map(([id, report]) => [
        id,
        conclude(report as unknown as Report, look as never, 'main', limits).status,
      ]),
    ),
  };
}

const idling = (transactionMs: number, stateMs: number): Session =>
  session(1, { state: 'idle in transaction', transactionMs, stateMs });
const { state: _state, ...unseen } = session(2);

describe('of a database', () => {
  test.each<[string, DatabaseFacts, string, Status]>([
    ['nothing at all', {}, 'connections', 'ok'],
    ['80 of 100 slots', { sessions: Array.from({ length: 80 }, (_, at) => session(at)) }, 'connections', 'warn'],
    ['90 of 100 slots', { sessions: Array.from({ length: 90 }, (_, at) => session(at)) }, 'connections', 'crit'],
    [
      'a young transaction',
      { sessions: [session(1, { state: 'active', transactionMs: 5, stateMs: 5 })] },
      'transactions',
      'ok',
    ],
    [
      'an old transaction',
      { sessions: [session(1, { state: 'active', transactionMs: 40_000, stateMs: 5 })] },
      'transactions',
      'warn',
    ],
    ['one that idles', { sessions: [idling(12_000, 11_000)] }, 'transactions', 'warn'],
    [
      'one that idles for long, and is not the oldest',
      { sessions: [idling(70_000, 61_000), session(3, { state: 'active', transactionMs: 80_000, stateMs: 1 })] },
      'transactions',
      'crit',
    ],
    ['sessions that are hidden', { sessions: [unseen] }, 'transactions', 'skipped'],
    ['a hidden one beside a bad one', { sessions: [unseen, idling(70_000, 61_000)] }, 'transactions', 'crit'],
    ['a short wait', { waits: [5] }, 'locks', 'warn'],
    ['a wait of 3 min', { waits: [180_000] }, 'locks', 'crit'],
    ['five short waits', { waits: [1, 2, 3, 4, 5] }, 'locks', 'crit'],
    [
      'a replica that is not behind',
      { replication: { ...calm, upstream: { ...upstream, lagMs: 0 } } },
      'replication',
      'ok',
    ],
    [
      'a replica 3 days behind',
      { replication: { ...calm, upstream: { ...upstream, lagMs: 3 * DAY } } },
      'replication',
      'crit',
    ],
    ['a replica that tells no lag', { replication: { ...calm, upstream } }, 'replication', 'unknown'],
    [
      'a paused replica',
      { replication: { ...calm, upstream: { ...upstream, isPaused: true, lagMs: 0 } } },
      'replication',
      'warn',
    ],
    [
      'a replica without a primary',
      { replication: { ...calm, upstream: { ...upstream, isConnected: false } } },
      'replication',
      'warn',
    ],
    [
      'a standby behind in bytes',
      { replication: { ...calm, standbys: [{ ...standby, lagBytes: 1e12 }] } },
      'replication',
      'crit',
    ],
    [
      'a standby behind in time',
      { replication: { ...calm, standbys: [{ ...standby, lagBytes: 0, lagMs: DAY }] } },
      'replication',
      'crit',
    ],
    ['a standby that tells no lag', { replication: { ...calm, standbys: [standby] } }, 'replication', 'unknown'],
    [
      'a hidden standby',
      { replication: { ...calm, standbys: [{ name: 'replica', client: '' }] } },
      'replication',
      'skipped',
    ],
    [
      'a slot that is lost',
      {
        replication: {
          ...calm,
          slots: [{ name: 'cdc', kind: 'logical', isActive: false, isLost: true, isTemporary: false }],
        },
      },
      'replication',
      'crit',
    ],
    ['a server just started', { hits: 500, reads: 500 }, 'cache-hit', 'ok'],
    ['many reads, half of them found', { hits: 500_000, reads: 500_000 }, 'cache-hit', 'warn'],
    ['old transaction ids', { xidAge: 1.2e9 }, 'xid-age', 'warn'],
    ['old multixact ids', { multixactAge: 1.6e9 }, 'xid-age', 'crit'],
  ])('%s must be the same at a glance and in full', (_what, facts, id, expected) => {
    const { health, reports } = ofDatabase(facts);
    expect(health).toEqual(reports);
    expect(health[id]).toBe(expected);
  });
});

/** A cache as it is. */
interface CacheFacts {
  memory?: Partial<CacheMemory>;
  server?: Partial<CacheServer>;
  hits?: number;
  misses?: number;
  persistence?: Partial<CachePersistence>;
}

const GIB = 1024 ** 3;
const full = { used: 0.99 * GIB, limit: GIB };
const policy = (name: string | undefined, expiring = 0): Partial<CacheServer> => ({
  policy: name,
  databases: [{ index: 0, keys: 10, expiring }],
});

function ofCache(facts: CacheFacts): { health: Record<string, Status>; reports: Record<string, Status> } {
  const { hits = 950, misses = 50 } = facts;
  const calmMemory: CacheMemory = { used: GIB / 4, limit: GIB, evicted: 0, refused: 0, ...facts.memory };
  const saved: CachePersistence = {
    ...(calmParts.persistence.is === 'seen' ? calmParts.persistence.value : expect.unreachable()),
    ...facts.persistence,
  };
  const server: CacheServer = {
    product: 'redis',
    version: '7',
    role: 'master',
    user: 'default',
    database: 0,
    ...policy('allkeys-lru'),
    ...facts.server,
  };
  const vitals = {
    ...calmCache,
    memory: calmMemory.used,
    maxMemory: calmMemory.limit,
    evictionPolicy: server.policy,
    evictedKeys: calmMemory.evicted,
    refused: { forMemory: calmMemory.refused ?? 0, forDisk: saved.refused ?? 0 },
    hits,
    misses,
    expiring: server.databases?.[0]?.expiring ?? 0,
    persistence: {
      loading: saved.isLoading,
      rdbLastSaveOk: saved.lastSaveOk,
      rdbChanges: saved.changes,
      aofEnabled: saved.appends,
      aofLastWriteOk: saved.lastAppendOk,
      aofLastRewriteOk: true,
    },
  };
  const look = {
    server,
    at: '2026-03-01T12:00:00.000Z',
    parts: {
      ...calmParts,
      memory: { is: 'seen' as const, value: calmMemory },
      traffic: { is: 'seen' as const, value: { hits, misses, evicted: 0, expired: 0, commands: 1 } },
      persistence: { is: 'seen' as const, value: saved },
    },
  };
  const glance = cacheAtAGlance(vitals, limits, []);
  const worse = [glance['memory'], glance['evictions']].map((one) => one?.status ?? 'unknown');
  return {
    health: {
      memory: worst(worse),
      'hit-ratio': glance['hit-ratio']?.status ?? 'unknown',
      persistence: glance['persistence']?.status ?? 'unknown',
    },
    reports: {
      memory: concludeCache(memory, look, 'main', limits).status,
      'hit-ratio': concludeCache(hitRatio, look, 'main', limits).status,
      persistence: concludeCache(persistence, look, 'main', limits).status,
    },
  };
}

describe('of a cache', () => {
  test.each<[string, CacheFacts, string, Status]>([
    ['a calm one', {}, 'memory', 'ok'],
    ['no limit', { memory: { limit: null } }, 'memory', 'warn'],
    ['one that is full and evicts', { memory: full, server: policy('allkeys-lru') }, 'memory', 'warn'],
    ['one that is full and refuses', { memory: full, server: policy('noeviction') }, 'memory', 'crit'],
    [
      'one that evicts keys that expire, of which there are',
      { memory: full, server: policy('volatile-lru', 3) },
      'memory',
      'warn',
    ],
    [
      'one that evicts keys that expire, of which there are none',
      { memory: full, server: policy('volatile-lru') },
      'memory',
      'crit',
    ],
    ['one that hides its policy', { memory: full, server: policy(undefined) }, 'memory', 'crit'],
    ['evicted keys', { memory: { evicted: 1 } }, 'memory', 'warn'],
    ['refused commands, with room now', { memory: { refused: 1 }, server: policy('noeviction') }, 'memory', 'warn'],
    [
      'refused commands, nearly full',
      { memory: { used: 0.9 * GIB, refused: 1 }, server: policy('noeviction') },
      'memory',
      'crit',
    ],
    ['a few reads', { hits: 0, misses: 999 }, 'hit-ratio', 'ok'],
    ['many reads in vain', { hits: 0, misses: 1000 }, 'hit-ratio', 'warn'],
    ['one that loads', { persistence: { isLoading: true } }, 'persistence', 'warn'],
    ['a save that failed', { persistence: { lastSaveOk: false } }, 'persistence', 'crit'],
    ['an append that failed', { persistence: { appends: true, lastAppendOk: false } }, 'persistence', 'crit'],
    [
      'an append that failed once, and is off now',
      { persistence: { appends: false, lastAppendOk: false } },
      'persistence',
      'ok',
    ],
  ])('%s must be the same at a glance and in full', (_what, facts, id, expected) => {
    const { health, reports } = ofCache(facts);
    expect(health).toEqual(reports);
    expect(health[id]).toBe(expected);
  });
});
