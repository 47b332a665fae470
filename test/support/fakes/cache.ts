import { OpsError } from '../../../src/core/errors.ts';
import type { CacheLook, CacheServer, KeyScan } from '../../../src/core/ports/cache.ts';
import type { CacheWriter, Flushed } from '../../../src/core/ports/cache-changes.ts';
import type { CacheVitals } from '../../../src/core/ports/data.ts';

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
  expiring: 1000,
  persistence: {
    loading: false,
    rdbLastSaveOk: true,
    rdbLastSaveAt: '2026-01-01T00:00:00.000Z',
    rdbChanges: 0,
    aofEnabled: false,
    aofLastWriteOk: true,
  },
};

/** A scan that saw all of some keys, none of them bad. */
export const calmScan: KeyScan = {
  scanned: 1000,
  total: 1000,
  ended: 'all',
  latencyMs: { before: 0.2, after: 0.2 },
  ms: 120,
  commands: 3032,
  touched: false,
  lacks: [],
  byBytes: [],
  byElements: [],
  byHeat: [],
  groups: [],
  groupCount: 0,
  bytes: 1_000_000,
  elements: 0,
  lasting: 0,
  expiring: [{ withinMs: 60_000, keys: 1000 }],
};

/** Parts of a cache in which nothing is wrong. */
export const calmParts: CacheLook['parts'] = {
  memory: { is: 'seen', value: { used: 64_000_000, limit: 256_000_000, evicted: 0 } },
  traffic: { is: 'seen', value: { hits: 9500, misses: 500, evicted: 0, expired: 12, commands: 12_000 } },
  persistence: {
    is: 'seen',
    value: {
      isLoading: false,
      isSaving: false,
      lastSaveOk: true,
      lastSaveMs: 1000,
      changes: 3,
      saves: true,
      appends: false,
      lastAppendOk: true,
      forkMs: 1,
      copied: 0,
      used: 64_000_000,
    },
  },
  slowlog: { is: 'seen', value: { commands: [], fromMs: 10 } },
  latency: { is: 'seen', value: { pings: [0.2, 0.3, 0.2], events: [], monitorMs: 100, commands: [] } },
  clients: { is: 'seen', value: { clients: [], limit: 10_000, rejected: 0 } },
  scan: { is: 'seen', value: calmScan },
};

/** What a cache in memory tells besides its vitals. */
interface Told {
  server?: Partial<CacheServer>;
  parts?: Partial<CacheLook['parts']>;
}

/** Caches in memory: by name what they answer, or the error that they throw. Change `state` as the story goes on. */
export function fakeCache(
  state: Record<string, (Partial<CacheVitals> & Told) | OpsError>,
): CacheWriter & { state: typeof state; flushed: Flushed[]; close(): Promise<void> } {
  const look = (name: string): CacheVitals & Told => {
    const found = state[name];
    if (found === undefined) throw new OpsError('NOT_CONFIGURED', `no cache ${name} is configured`);
    if (found instanceof OpsError) throw found;
    return { ...calmCache, ...found };
  };
  const serverOf = (name: string): CacheServer => {
    const { product, version, role, evictionPolicy, keys, expiring, server } = look(name);
    const databases = keys === 0 ? [] : [{ index: 0, keys, expiring: Math.min(keys, expiring) }];
    return {
      product,
      version,
      role,
      user: 'default',
      policy: evictionPolicy,
      uptimeMs: 86_400_000,
      database: 0,
      databases,
      ...server,
    };
  };
  const flushed: Flushed[] = [];
  return {
    state,
    flushed,
    answers: async (name) => !(state[name] instanceof OpsError),
    hasMemoryLimit: async (name, bytes) => (look(name).maxMemory ?? 0) === bytes,
    setMemoryLimit: async (name, bytes) =>
      void (state[name] = { ...look(name), maxMemory: bytes === 0 ? null : bytes }),
    keepSettings: async () => undefined,
    isFlushed: async () => true,
    flush: async (_name, what) => {
      flushed.push(what);
      return 'some keys';
    },
    route: async (name) => (look(name), 'memory'),
    ping: async (name) => {
      const { latencyMs, persistence } = look(name);
      if (persistence.loading) throw new OpsError('NOT_READY', `redis ${name} loads its data from disk`);
      return latencyMs;
    },
    vitals: async (name) => {
      const { server: _server, parts: _parts, ...vitals } = look(name);
      return vitals;
    },
    exist: async (name, keys) => (look(name), keys.map(() => false)),
    server: async (name) => serverOf(name),
    look: async (name, parts, request) => {
      const { parts: known } = look(name);
      // A pattern matches some of the keys.
      const scan = {
        is: 'seen' as const,
        value: request?.pattern === undefined ? calmScan : { ...calmScan, scanned: 100 },
      };
      const calm = { ...calmParts, scan };
      const found = Object.fromEntries(parts.map((part) => [part, known?.[part] ?? calm[part]]));
      return { server: serverOf(name), at: '2026-03-01T12:00:00.000Z', parts: found as never };
    },
    close: async () => undefined,
  };
}
