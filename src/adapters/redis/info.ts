import type { CacheVitals } from '../../core/ports/data.ts';

/** The fields of an INFO answer. */
export type Info = ReadonlyMap<string, string>;

/** Reads `name:value` lines; section headings, empty lines and whatever else has no colon are left out. */
export function parseInfo(text: string): Info {
  const fields = new Map<string, string>();
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':');
    if (colon > 0 && !line.startsWith('#')) fields.set(line.slice(0, colon), line.slice(colon + 1).replace(/\r$/, ''));
  }
  return fields;
}

/** A number that is at least 0; undefined for a field that this server does not have, or that is no number. */
export function count(info: Info, field: string): number | undefined {
  const text = info.get(field)?.trim() ?? '';
  const value = Number(text);
  return text !== '' && Number.isFinite(value) && value >= 0 ? value : undefined;
}

/** A field of two words; undefined when the server does not tell it. */
function flag(info: Info, field: string, yes: string): boolean | undefined {
  const value = info.get(field);
  return value === undefined ? undefined : value === yes;
}

/** A time in Unix seconds; undefined when there is none or it makes no sense. */
export function isoTime(seconds: number | undefined): string | undefined {
  const date = new Date((seconds ?? Number.NaN) * 1000);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

/** Commands refused since the start, by why: `errorstat_OOM:count=12`. A server that counts errors has no line for what never happened. */
export function refusedOf(info: Info): CacheVitals['refused'] {
  // Of the same version as errorstats, and always there.
  if (count(info, 'total_error_replies') === undefined) return undefined;
  const times = (code: string): number =>
    Number(/^count=(\d{1,15})$/.exec(info.get(`errorstat_${code}`)?.trim() ?? '')?.[1] ?? 0);
  return { forMemory: times('OOM'), forDisk: times('MISCONF') };
}

/** Databases that have keys; none where INFO tells of none. */
export function databasesOf(info: Info): { index: number; keys: number; expiring: number }[] {
  return [...info].flatMap(([field, value]) => {
    const index = /^db(\d{1,5})$/.exec(field)?.[1];
    const number = (name: string): number =>
      Number(new RegExp(`(?:^|,)${name}=(\\d{1,15})(?:,|$)`).exec(value)?.[1] ?? 0);
    return index === undefined ? [] : [{ index: Number(index), keys: number('keys'), expiring: number('expires') }];
  });
}

/**
 * What product and version answered. Valkey's `redis_version` is a compatibility value that stopped at 7.2.4.
 * Undefined when the answer is no INFO of either.
 */
export function productOf(info: Info): Pick<CacheVitals, 'product' | 'version'> | undefined {
  const valkey = info.get('valkey_version');
  if (valkey !== undefined) return { product: 'valkey', version: valkey };
  const redis = info.get('redis_version');
  return redis === undefined
    ? undefined
    : { product: info.get('server_name') === 'valkey' ? 'valkey' : 'redis', version: redis };
}

/** The vitals of an INFO answer. Fields that a server hides or does not have are absent. */
export function vitalsOf(
  info: Info,
  product: Pick<CacheVitals, 'product' | 'version'>,
  latencyMs: number,
): CacheVitals {
  const maxMemory = count(info, 'maxmemory');
  return {
    latencyMs,
    ...product,
    role: info.get('role') ?? '',
    uptimeSeconds: count(info, 'uptime_in_seconds'),
    memory: count(info, 'used_memory'),
    // 0 is how the server says "no limit".
    maxMemory: maxMemory === 0 ? null : maxMemory,
    evictionPolicy: info.get('maxmemory_policy'),
    evictedKeys: count(info, 'evicted_keys'),
    clients: count(info, 'connected_clients'),
    maxClients: count(info, 'maxclients'),
    blockedClients: count(info, 'blocked_clients'),
    hits: count(info, 'keyspace_hits'),
    misses: count(info, 'keyspace_misses'),
    refused: refusedOf(info),
    keys: databasesOf(info).reduce((sum, { keys }) => sum + keys, 0),
    expiring: databasesOf(info).reduce((sum, { expiring }) => sum + expiring, 0),
    persistence: {
      loading: info.get('loading') === '1',
      rdbLastSaveOk: flag(info, 'rdb_last_bgsave_status', 'ok'),
      rdbLastSaveAt: isoTime(count(info, 'rdb_last_save_time')),
      rdbChanges: count(info, 'rdb_changes_since_last_save'),
      aofEnabled: flag(info, 'aof_enabled', '1'),
      aofLastWriteOk: flag(info, 'aof_last_write_status', 'ok'),
      aofLastRewriteOk: flag(info, 'aof_last_bgrewrite_status', 'ok'),
    },
  };
}
