import { duration } from '../core/format.ts';
import type { Thresholds } from '../core/thresholds.ts';
import type { CacheVitals } from '../core/ports/data.ts';
import { leading, type Verdict, verdict, worstFirst } from '../core/verdict.ts';
import { evictedKeys, memoryInUse, readsFound, refusedForMemory, savedToDisk } from './cache-facts.ts';

/**
 * Verdicts on a Redis or Valkey server, by the last part of their check id. Each leads to the report that tells more.
 * `logs`: commands that show its log.
 */
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
    persistence: persistence(vitals, limits, logs),
  };
}

/** Some hosted servers hide fields of INFO, and a proxy may answer it by half. What is not told is not well. */
const untold = (report: string, ...fields: string[]): Verdict =>
  verdict.unknown(`INFO does not tell ${fields.join(' or ')}`, [`opsctl cache ${report}`]);

/** How full it is, and what was refused because of that: whichever is worse. */
function memory(vitals: CacheVitals, limits: Thresholds): Verdict {
  const { memory: used, maxMemory: limit, evictionPolicy: policy, expiring, refused } = vitals;
  if (used === undefined) return untold('memory', 'used_memory');
  if (limit === undefined) return untold('memory', 'maxmemory');
  const facts = { used, limit, policy, hasExpiring: expiring > 0 };
  const full = memoryInUse(facts, limits);
  const { isFull: _isFull, ...cost } = refusedForMemory(refused?.forMemory ?? 0, facts, limits);
  return leading(worstFirst([full, cost])[0] ?? full, ['opsctl cache memory']);
}

function evictions({ evictedKeys: count, evictionPolicy }: CacheVitals): Verdict {
  if (count === undefined) return untold('memory', 'evicted_keys');
  return leading(evictedKeys(count, evictionPolicy), ['opsctl cache memory']);
}

function hitRatio({ hits, misses }: CacheVitals, limits: Thresholds): Verdict {
  if (hits === undefined || misses === undefined) return untold('hit-ratio', 'keyspace_hits', 'keyspace_misses');
  return leading(readsFound({ hits, misses }, limits), ['opsctl cache hit-ratio']);
}

function persistence({ persistence: state, refused }: CacheVitals, limits: Thresholds, logs: string[]): Verdict {
  const { rdbLastSaveOk, aofEnabled, aofLastWriteOk, aofLastRewriteOk = true } = state;
  if (rdbLastSaveOk === undefined) return untold('persistence', 'rdb_last_bgsave_status');
  if (aofEnabled === undefined) return untold('persistence', 'aof_enabled');
  if (aofEnabled && aofLastWriteOk === undefined) return untold('persistence', 'aof_last_write_status');
  const judged = savedToDisk(
    {
      isLoading: state.loading,
      lastSaveOk: rdbLastSaveOk,
      changes: state.rdbChanges,
      appends: aofEnabled,
      lastAppendOk: aofLastWriteOk !== false && aofLastRewriteOk,
      refused: refused?.forDisk,
    },
    limits,
  );
  return leading(judged, ['opsctl cache persistence', ...logs]);
}
