/** Parts that INFO tells. */
import { OpsError } from '../../../core/errors.ts';
import type { CacheMemory, CachePersistence, CacheTraffic } from '../../../core/ports/cache.ts';
import { count, type Info, isoTime, refusedOf } from '../info.ts';
import type { Part } from './part.ts';
import { setting } from './setting.ts';

/** @throws BAD_ANSWER for a field without which a part says nothing: hosted servers hide some */
function told(info: Info, field: string): number {
  const value = count(info, field);
  if (value === undefined) throw new OpsError('BAD_ANSWER', `INFO does not tell ${field}`);
  return value;
}

/** @throws BAD_ANSWER as above */
function flag(info: Info, field: string, yes: string): boolean {
  const value = info.get(field);
  if (value === undefined) throw new OpsError('BAD_ANSWER', `INFO does not tell ${field}`);
  return value === yes;
}

export const memory: Part<CacheMemory> = async ({ info: ask }) => {
  const info = await ask();
  const limit = told(info, 'maxmemory');
  return {
    used: told(info, 'used_memory'),
    // 0 is how the server says "no limit".
    limit: limit === 0 ? null : limit,
    peak: count(info, 'used_memory_peak'),
    resident: count(info, 'used_memory_rss'),
    system: count(info, 'total_system_memory'),
    dataset: count(info, 'used_memory_dataset'),
    startup: count(info, 'used_memory_startup'),
    clients: count(info, 'mem_clients_normal'),
    replicas: count(info, 'mem_clients_slaves'),
    backlog: count(info, 'mem_replication_backlog'),
    appendBuffer: count(info, 'mem_aof_buffer'),
    scripts: count(info, 'used_memory_vm_total'),
    allocatorFragmentation: count(info, 'allocator_frag_ratio'),
    allocatorWaste: count(info, 'allocator_frag_bytes'),
    evicted: told(info, 'evicted_keys'),
    refused: refusedOf(info)?.forMemory,
    connected: count(info, 'connected_clients'),
  };
};

export const traffic: Part<CacheTraffic> = async ({ info: ask }) => {
  const info = await ask();
  return {
    hits: told(info, 'keyspace_hits'),
    misses: told(info, 'keyspace_misses'),
    evicted: told(info, 'evicted_keys'),
    expired: told(info, 'expired_keys'),
    commands: told(info, 'total_commands_processed'),
  };
};

export const persistence: Part<CachePersistence> = async ({ info: ask, connection }) => {
  const info = await ask();
  // At its end, too, it saves where it has points of time at which it would.
  const points = await setting(connection, 'save');
  const seconds = count(info, 'rdb_last_bgsave_time_sec');
  const is = (field: string, yes: string): boolean => info.get(field) === yes;
  const appends = flag(info, 'aof_enabled', '1');
  const copied = ['current_cow_size', 'rdb_last_cow_size', 'aof_last_cow_size'].map((field) => count(info, field) ?? 0);
  return {
    isLoading: is('loading', '1'),
    isSaving: is('rdb_bgsave_in_progress', '1') || is('aof_rewrite_in_progress', '1'),
    lastSaveOk: flag(info, 'rdb_last_bgsave_status', 'ok'),
    lastSaveAt: isoTime(count(info, 'rdb_last_save_time')),
    lastSaveMs: seconds === undefined ? undefined : seconds * 1000,
    changes: told(info, 'rdb_changes_since_last_save'),
    saves: points === undefined ? undefined : points !== '',
    appends,
    lastAppendOk: (!appends || flag(info, 'aof_last_write_status', 'ok')) && !is('aof_last_bgrewrite_status', 'err'),
    refused: refusedOf(info)?.forDisk,
    forkMs: told(info, 'latest_fork_usec') / 1000,
    copied: Math.max(...copied),
    used: told(info, 'used_memory'),
  };
};
