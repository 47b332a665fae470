/** Single facts of a cache, judged the same wherever they are seen: at a glance by `health`, in full by `opsctl cache`. */
import { bytes, duration, percent, plural } from '../core/format.ts';
import type { Thresholds } from '../core/thresholds.ts';
import { against, type Judgement } from '../core/verdict.ts';

/** What is used of the memory that a cache may use. */
export interface MemoryInUse {
  used: number;
  /** Null without a limit. */
  limit: number | null;
  /** Which keys make room: `noeviction`, `allkeys-lru`, …; absent where it is not told. */
  policy?: string | undefined;
  /** Whether any key expires; absent where it is not told. */
  hasExpiring?: boolean | undefined;
  /** Of the machine. */
  system?: number | undefined;
}

/** Memory against maxmemory. A cache that may evict is meant to be full; one that may not refuses writes. */
export function memoryInUse(memory: MemoryInUse, limits: Thresholds): Judgement {
  const { used, limit, policy, system } = memory;
  if (limit === null)
    return {
      status: 'warn',
      reason: `${bytes(used)} used and no maxmemory is set: it grows until the kernel kills it${system === undefined ? '' : `; the machine has ${bytes(system)}`}`,
      value: used,
      unit: 'bytes',
    };
  const { status, threshold } = against(used / limit, limits.cacheMemory);
  const reason = `${bytes(used)} of ${bytes(limit)} (${percent(used / limit)}), policy ${policy ?? 'not told'}`;
  const measured = { value: used, unit: 'bytes', threshold: Math.round(threshold * limit) };
  if (status === 'ok') return { status, reason, ...measured };
  const refuses = refusing(memory);
  return { status: refuses === '' && status === 'crit' ? 'warn' : status, reason: `${reason}${refuses}`, ...measured };
}

/** Why writes are refused when there is no room; empty where keys are evicted instead. */
function refusing({ policy, hasExpiring }: MemoryInUse): string {
  if (policy === undefined) return ': unless it evicts, which is not the default, writes are refused when it is full';
  if (policy === 'noeviction') return ': when it is full, writes are refused';
  return policy.startsWith('volatile-') && hasExpiring === false
    ? ', which evicts only keys that expire, and none does: when it is full, writes are refused'
    : '';
}

/** What the limit cost already: commands that were refused. It is full still where it is near its limit and may not evict. */
export function refusedForMemory(
  count: number,
  memory: MemoryInUse,
  limits: Thresholds,
): Judgement & { isFull: boolean } {
  const { used, limit } = memory;
  const isFull = limit !== null && refusing(memory) !== '' && against(used / limit, limits.cacheMemory).status !== 'ok';
  return {
    status: count === 0 ? 'ok' : isFull ? 'crit' : 'warn',
    reason: `${plural(count, 'command')} refused for want of memory since the start${isFull || count === 0 ? '' : '; there is room now'}`,
    value: count,
    unit: 'commands',
    isFull,
  };
}

/** Keys that had to make room. */
export function evictedKeys(count: number, policy: string | undefined): Judgement {
  const measured = { value: count, unit: 'keys' };
  return count === 0
    ? { status: 'ok', reason: 'no key was evicted since the start', ...measured }
    : {
        status: 'warn',
        reason: `${plural(count, 'key')} evicted since the start by ${policy ?? 'its policy'}: the cache is smaller than what is wanted of it`,
        ...measured,
      };
}

/** Below so many reads a ratio says nothing: a start is cold. In an interval somebody waited for it. */
const FEWEST_READS = 1000;
const FEWEST_IN_INTERVAL = 100;

/** How much of what was read was found. A cold cache is slow, not broken: never critical. `when`: the interval, for people. */
export function readsFound(
  { hits, misses }: { hits: number; misses: number },
  limits: Thresholds,
  when?: string,
): Judgement {
  const reads = hits + misses;
  const meanwhile = when === undefined ? '' : ` ${when}`;
  if (reads === 0) return { status: 'ok', reason: `nothing was read${meanwhile}` };
  const share = hits / reads;
  const { status, threshold } = against(share, limits.cacheHit, 'less');
  const measured = { value: Math.round(share * 1000) / 1000, unit: 'share', threshold };
  const reason = `${percent(share)} of ${reads.toString()} reads${meanwhile} found what they looked for`;
  if (reads < (when === undefined ? FEWEST_READS : FEWEST_IN_INTERVAL))
    return { status: 'ok', reason: `${reason}; too few to judge that`, ...measured };
  return { status: status === 'crit' ? 'warn' : status, reason, ...measured };
}

/** Whether what is in memory gets to disk. What is absent is not told, or not asked for at a glance. */
export interface SavedToDisk {
  isLoading: boolean;
  lastSaveOk: boolean;
  /** Of the last save. */
  ageMs?: number | undefined;
  isSaving?: boolean;
  /** Whether it saves by itself. */
  saves?: boolean | undefined;
  /** Since the last save. */
  changes?: number | undefined;
  /** That a restart would lose, where nothing is kept. */
  keys?: number | undefined;
  /** Whether there is an append-only file, and whether its last write and rewrite went well. */
  appends: boolean;
  lastAppendOk: boolean;
  /** Commands refused because what is written does not get to disk; absent where that is not counted. */
  refused?: number | undefined;
}

export function savedToDisk(one: SavedToDisk, limits: Thresholds): Judgement {
  if (one.isLoading) return { status: 'warn', reason: 'it loads its data from disk and serves nothing meanwhile' };
  if (!one.lastSaveOk) return { status: 'crit', reason: `the last save failed${consequence(one)}` };
  if (one.appends && !one.lastAppendOk)
    return {
      status: 'crit',
      reason: `the last write to the append-only file, or its rewrite, failed${consequence(one)}`,
    };
  if (one.appends)
    return {
      status: 'ok',
      reason: `the append-only file is on${one.saves === false ? '' : ', the last save went well'}`,
    };
  return one.saves === false ? nothingKept(one.keys) : savedInTime(one, limits);
}

/** For some caches that is meant; for whoever restarts one it is what matters. */
function nothingKept(keys: number | undefined): Judgement {
  const lost = keys === undefined ? 'all keys' : plural(keys, 'key');
  return {
    status: keys === 0 ? 'ok' : 'warn',
    reason: `nothing is kept on disk, neither by saves nor by an append-only file: a restart loses ${lost}`,
    ...(keys === undefined ? {} : { value: keys, unit: 'keys' }),
  };
}

/** Whether what was written since is on disk before long: by the age of the last save. */
function savedInTime({ changes, ageMs = 0, isSaving }: SavedToDisk, limits: Thresholds): Judgement {
  const { status, threshold } = against(ageMs, limits.cacheUnsavedMs);
  if (changes === undefined) return { status: 'ok', reason: 'the last save went well' };
  if (changes === 0 || status === 'ok')
    return {
      status: 'ok',
      reason: `the last save went well; ${plural(changes, 'change')} since`,
      value: changes,
      unit: 'changes',
    };
  return {
    status,
    reason: `the last save, ${duration(ageMs)} ago, went well; a crash loses ${plural(changes, 'change')} since${isSaving === true ? ', but it saves now' : ''}`,
    value: ageMs,
    unit: 'ms',
    threshold,
  };
}

/** Writes, and PING, are refused as long as they do not get to disk, unless stop-writes-on-bgsave-error is off. */
const consequence = ({ refused = 0 }: SavedToDisk): string =>
  refused === 0
    ? '; writes may be refused until it goes well'
    : `, and ${plural(refused, 'command')} refused because of that since the start`;
