import { bytes, duration, percent } from '../core/format.ts';
import type { Thresholds } from '../core/thresholds.ts';
import type { CacheVitals } from '../core/ports/data.ts';
import { against, type Verdict, verdict } from '../core/verdict.ts';

/** Below so many reads a hit ratio says nothing. */
const FEWEST_READS = 1000;

/** Verdicts on a Redis or Valkey server, by the last part of their check id. `logs`: commands that show its log. */
export function cache(vitals: CacheVitals, limits: Thresholds, logs: string[]): Record<string, Verdict> {
  const product = vitals.product === 'valkey' ? 'Valkey' : 'Redis';
  return {
    direct: verdict.ok(
      `${product} ${vitals.version} (${vitals.role}) answers in ${duration(vitals.latencyMs)}, ${vitals.keys.toString()} keys${vitals.clients === undefined ? '' : `, ${vitals.clients.toString()} clients`}`,
      {
        value: Math.round(vitals.latencyMs * 1000) / 1000,
        unit: 'ms',
      },
    ),
    memory: memory(vitals, limits),
    evictions: evictions(vitals),
    'hit-ratio': hitRatio(vitals, limits),
    persistence: persistence(vitals, logs),
  };
}

/** Some hosted servers hide fields of INFO, and a proxy may answer it by half. What is not told is not well. */
const untold = (...fields: string[]): Verdict =>
  verdict.unknown(`INFO does not tell ${fields.join(' or ')}`, ['opsctl health --detailed --only redis.direct']);

function memory(vitals: CacheVitals, limits: Thresholds): Verdict {
  if (vitals.memory === undefined) return untold('used_memory');
  if (vitals.maxMemory === undefined) return untold('maxmemory');
  if (vitals.maxMemory === null)
    return verdict.warn(
      `${bytes(vitals.memory)} used, and no maxmemory is set: it can grow until the kernel kills it`,
      ['redis.conf: maxmemory <bytes>'],
      { value: vitals.memory, unit: 'bytes' },
    );
  const share = vitals.memory / vitals.maxMemory;
  const { status, threshold } = against(share, limits.cacheMemory);
  const reason = `${bytes(vitals.memory)} of ${bytes(vitals.maxMemory)} (${percent(share)}), policy ${vitals.evictionPolicy ?? 'not told'}`;
  const measured = { value: vitals.memory, unit: 'bytes', threshold: Math.round(threshold * vitals.maxMemory) };
  if (status === 'ok') return verdict.ok(reason, measured);
  // A cache that may evict is meant to be full; one that may not refuses writes.
  const evicts = vitals.evictionPolicy !== undefined && vitals.evictionPolicy !== 'noeviction';
  return {
    status: evicts && status === 'crit' ? 'warn' : status,
    reason,
    ...measured,
    next: ['opsctl stats redis --memory'],
  };
}

function evictions(vitals: CacheVitals): Verdict {
  if (vitals.evictedKeys === undefined) return untold('evicted_keys');
  const measured = { value: vitals.evictedKeys, unit: 'keys' };
  if (vitals.evictedKeys === 0) return verdict.ok('no key was evicted since the start', measured);
  return verdict.warn(
    `${vitals.evictedKeys.toString()} keys evicted ${vitals.uptimeSeconds === undefined ? 'since the start' : `in ${duration(vitals.uptimeSeconds * 1000)}`}: the cache is smaller than what is wanted of it`,
    ['opsctl stats redis --memory'],
    measured,
  );
}

function hitRatio(vitals: CacheVitals, limits: Thresholds): Verdict {
  if (vitals.hits === undefined || vitals.misses === undefined) return untold('keyspace_hits', 'keyspace_misses');
  const reads = vitals.hits + vitals.misses;
  if (reads < FEWEST_READS) return verdict.ok(`only ${reads.toString()} reads so far, too few to judge`);
  const ratio = vitals.hits / reads;
  const { status, threshold } = against(ratio, limits.cacheHit, 'less');
  const measured = { value: Math.round(ratio * 1000) / 1000, unit: 'share', threshold };
  const reason = `${percent(ratio)} of ${reads.toString()} reads found`;
  // A cold cache is slow, not broken.
  return status === 'ok' ? verdict.ok(reason, measured) : verdict.warn(reason, ['opsctl stats redis'], measured);
}

function persistence(vitals: CacheVitals, logs: string[]): Verdict {
  const { persistence: state } = vitals;
  const next = [...logs, 'opsctl health --detailed --only disk'];
  if (state.rdbLastSaveOk === false)
    return verdict.crit('the last save failed; with stop-writes-on-bgsave-error writes are refused', next);
  if (state.aofLastWriteOk === false) return verdict.crit('the last write to the append-only file failed', next);
  if (state.rdbLastSaveOk === undefined) return untold('rdb_last_bgsave_status');
  if (state.aofEnabled === undefined) return untold('aof_enabled');
  if (state.aofEnabled && state.aofLastWriteOk === undefined) return untold('aof_last_write_status');
  const changes = state.rdbChanges === undefined ? '' : `, ${state.rdbChanges.toString()} changes since`;
  return verdict.ok(`last save fine${state.aofEnabled ? ', append-only file on' : ''}${changes}`);
}
