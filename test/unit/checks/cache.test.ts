import { describe, expect, it } from 'vitest';

import { cache } from '../../../src/checks/cache.ts';
import { thresholdsSchema } from '../../../src/core/thresholds.ts';
import type { CacheVitals } from '../../../src/core/ports/data.ts';
import { calmCache } from '../../support/fakes/cache.ts';

const limits = thresholdsSchema.parse({});
const judged = (facts: Partial<CacheVitals>): ReturnType<typeof cache> =>
  cache({ ...calmCache, ...facts }, limits, ['LOGS']);
const { persistence: calm } = calmCache;

describe('a cache', () => {
  it('that is calm must be well', () => {
    expect(new Set(Object.values(judged({})).map(({ status }) => status))).toEqual(new Set(['ok']));
  });

  it.each<[Partial<CacheVitals>, string, string, string]>([
    [{ memory: undefined }, 'memory', 'unknown', 'INFO does not tell used_memory'],
    [{ maxMemory: undefined }, 'memory', 'unknown', 'INFO does not tell maxmemory'],
    [
      { maxMemory: null },
      'memory',
      'warn',
      '61.0 MiB used and no maxmemory is set: it grows until the kernel kills it',
    ],
    [
      { memory: 256e6, evictionPolicy: 'noeviction' },
      'memory',
      'crit',
      '244 MiB of 244 MiB (100 %), policy noeviction: when it is full, writes are refused',
    ],
    [{ memory: 256e6 }, 'memory', 'warn', '244 MiB of 244 MiB (100 %), policy allkeys-lru'],
    [{ evictedKeys: undefined }, 'evictions', 'unknown', 'INFO does not tell evicted_keys'],
    [{ hits: undefined }, 'hit-ratio', 'unknown', 'INFO does not tell keyspace_hits or keyspace_misses'],
    [{ hits: 1, misses: 9999 }, 'hit-ratio', 'warn', '0.01 % of 10000 reads found what they looked for'],
    [{ persistence: { loading: false } }, 'persistence', 'unknown', 'INFO does not tell rdb_last_bgsave_status'],
    [
      { persistence: { ...calm, aofEnabled: true, aofLastWriteOk: undefined } },
      'persistence',
      'unknown',
      'INFO does not tell aof_last_write_status',
    ],
    [
      { persistence: { ...calm, aofEnabled: true, aofLastWriteOk: false } },
      'persistence',
      'crit',
      'the last write to the append-only file, or its rewrite, failed; writes may be refused until it goes well',
    ],
  ])('%j must give %s %s', (facts, id, status, reason) => {
    expect(judged(facts)[id]).toMatchObject({ status, reason });
  });

  it('must lead to the report that tells more', () => {
    const bad = judged({
      memory: 256e6,
      evictedKeys: 1,
      hits: 1,
      misses: 9999,
      persistence: { ...calm, rdbLastSaveOk: false },
    });
    expect(Object.fromEntries(Object.entries(bad).map(([id, { next }]) => [id, next]))).toEqual({
      direct: [],
      memory: ['opsctl cache memory'],
      evictions: ['opsctl cache memory'],
      'hit-ratio': ['opsctl cache hit-ratio'],
      persistence: ['opsctl cache persistence', 'LOGS'],
    });
  });
});
