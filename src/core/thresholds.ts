/** From which figures on something is not well: part of the configuration of an environment. */
import * as z from 'zod';

const limits = (
  unit: string,
  warn: number,
  crit: number,
  what: string,
): z.ZodPrefault<z.ZodObject<{ warn: z.ZodDefault<z.ZodNumber>; crit: z.ZodDefault<z.ZodNumber> }>> =>
  z
    .strictObject({ warn: z.number().default(warn), crit: z.number().default(crit) })
    .prefault({})
    .describe(`${what}, ${unit}`);

/** Default thresholds; where each comes from: `threshold-sources.ts`. */
export const thresholdsSchema = z
  .strictObject({
    responseMs: limits('ms', 1000, 3000, 'health endpoint answers within'),
    containerMemory: limits('share of the limit', 0.85, 0.95, 'memory of a container'),
    containerRestarts: limits('restarts', 3, 10, 'restarts of a container that has run for less than an hour'),
    databaseConnections: limits('share of the usable slots', 0.8, 0.9, 'connections in use'),
    longestTransactionMs: limits('ms', 30_000, 300_000, 'age of the longest transaction'),
    idleInTransactionMs: limits('ms', 10_000, 60_000, 'time that a session is idle in a transaction'),
    blockedSessions: limits('sessions', 1, 5, 'sessions waiting for a lock'),
    lockWaitMs: limits('ms', 10_000, 120_000, 'time that a session waits for a lock'),
    lockTable: limits('share of the lock table', 0.6, 0.85, 'locks taken'),
    slowQueryMs: limits('ms', 20, 1000, 'mean time of a query that is called often'),
    unusedIndexBytes: limits('bytes', 10_485_760, 10_737_418_240, 'size of an index that nothing uses'),
    sequentialRows: limits(
      'rows an hour',
      100_000_000,
      1_000_000_000,
      'rows of a large table that scans of all of it read; an index that may be missing warns at most',
    ),
    deadRows: limits('share of the rows', 0.2, 0.5, 'dead rows of a table that autovacuum should have removed'),
    xminAge: limits(
      'transactions',
      1_000_000,
      100_000_000,
      'age of a snapshot that keeps VACUUM from removing dead rows',
    ),
    bloat: limits('times', 4, 10, 'size of a table or index against what its rows need'),
    databaseCacheHit: limits('share, less is worse', 0.94, 0.85, 'reads found in shared buffers'),
    replicationLagBytes: limits('bytes', 67_108_864, 1_073_741_824, 'lag of a replica'),
    replicationLagMs: limits('ms', 30_000, 300_000, 'lag of a replica'),
    retainedWalBytes: limits('bytes', 1_073_741_824, 10_737_418_240, 'log kept for a replication slot'),
    sequenceUsed: limits('share of its values', 0.85, 0.95, 'values of a sequence that are used'),
    xidAge: limits('transactions', 1_000_000_000, 1_500_000_000, 'age of the oldest unfrozen transaction id'),
    cacheMemory: limits('share of maxmemory', 0.85, 0.95, 'memory of the cache'),
    cacheHit: limits('share, less is worse', 0.8, 0.5, 'reads found in the cache'),
    cacheFragmentation: limits('times', 1.4, 2, 'resident memory of the cache against what it uses'),
    cacheClients: limits('share of maxclients', 0.8, 0.9, 'clients of the cache'),
    cacheOutputBytes: limits('bytes', 10_485_760, 104_857_600, 'answers that a client of the cache has not read'),
    cacheLatencyMs: limits('ms', 10, 100, 'round trip to the cache, 99th percentile'),
    cacheStallMs: limits('ms', 100, 1000, 'time for which a fork or another event stopped the cache'),
    cacheUnsavedMs: limits('ms', 7_200_000, 86_400_000, 'age of the last save of a cache that was written to since'),
    cacheSlowMs: limits('ms', 10, 100, 'a command of the cache'),
    keyBytes: limits('bytes', 1_048_576, 104_857_600, 'memory of one key'),
    keyElements: limits('elements', 10_000, 1_000_000, 'elements of one key'),
    keysWithoutExpiry: limits('share', 0.5, 1, 'keys that do not expire where they cannot be evicted either'),
    disk: limits('share used', 0.85, 0.95, 'disk of the engine'),
    hostMemory: limits('share used', 0.9, 0.97, 'memory of the host'),
    errorShare: limits('share', 0.01, 0.05, 'requests answered with 5xx'),
    saturation: limits('share', 0.8, 0.95, 'what a service can bear, as prometheus.queries.saturation tells it'),
    p95Ms: limits('ms', 500, 2000, '95th percentile of the response time'),
    certificateDays: limits('days, less is worse', 21, 7, 'days until a certificate ends'),
    backupAgeHours: limits('hours', 26, 50, 'age of the last backup'),
  })
  .prefault({})
  .meta({ id: 'Thresholds' });
export type Thresholds = z.infer<typeof thresholdsSchema>;
