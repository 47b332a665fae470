import { OpsError } from '../../../src/core/errors.ts';
import type { CacheReader, CacheVitals } from '../../../src/core/ports/data.ts';

/** A healthy cache, a quarter full. */
export const calmCache: CacheVitals = {
  latencyMs: 0.5,
  product: 'redis',
  version: '7.2.4',
  role: 'master',
  uptimeSeconds: 86_400,
  memory: 64_000_000,
  maxMemory: 256_000_000,
  evictionPolicy: 'allkeys-lru',
  evictedKeys: 0,
  clients: 5,
  maxClients: 10_000,
  blockedClients: 0,
  hits: 950,
  misses: 50,
  keys: 1000,
  persistence: {
    loading: false,
    rdbLastSaveOk: true,
    rdbLastSaveAt: '2026-01-01T00:00:00.000Z',
    rdbChanges: 0,
    aofEnabled: false,
    aofLastWriteOk: true,
  },
};

/** Caches in memory: by name what they answer, or the error that they throw. Change `state` as the story goes on. */
export function fakeCache(
  state: Record<string, Partial<CacheVitals> | OpsError>,
): CacheReader & { state: typeof state; close(): Promise<void> } {
  const look = (name: string): CacheVitals => {
    const found = state[name];
    if (found === undefined) throw new OpsError('NOT_CONFIGURED', `no cache ${name} is configured`);
    if (found instanceof OpsError) throw found;
    return { ...calmCache, ...found };
  };
  return {
    state,
    route: async (name) => (look(name), 'memory'),
    ping: async (name) => {
      const { latencyMs, persistence } = look(name);
      if (persistence.loading) throw new OpsError('NOT_READY', `redis ${name} loads its data from disk`);
      return latencyMs;
    },
    vitals: async (name) => look(name),
    close: async () => undefined,
  };
}
