/** What the memory of a cache is used for, how near its limit it is, and what is wasted. */
import * as z from 'zod';

import { bytes, percent, plural } from '../core/format.ts';
import type { CacheMemory, CacheServer } from '../core/ports/cache.ts';
import { redisCli } from '../core/redis-cli.ts';
import { against, type Verdict, verdict } from '../core/verdict.ts';
import type { Report, Seat } from './report.ts';

const rowSchema = z
  .object({
    use: z.string().describe('keys and values, clients, replicas, …'),
    bytes: z.number(),
    share: z.number().describe('of used_memory; what is wasted is beside it'),
  })
  .meta({ id: 'CacheMemoryUse' });
export type MemoryRow = z.infer<typeof rowSchema>;

const MIB = 1024 * 1024;
/** Below so much waste MEMORY DOCTOR says nothing: an empty server wastes more than it uses. */
const LEAST_WASTE = 10 * MIB;
/** Bytes of the buffers of a client on average, from which on MEMORY DOCTOR speaks. */
const CLIENT_BYTES = 200 * 1024;
/** Peak against now, from which on the peak is worth a word (MEMORY DOCTOR). */
const PEAK = 1.5;

export const memory: Report<'memory', MemoryRow> = {
  name: 'memory',
  parts: ['memory'],
  row: rowSchema,
  judge: ({ memory: one }, seat) => ({
    findings: [
      { about: '', ...limit(one, seat) },
      ...named('refused', refused(one, seat)),
      ...named('evictions', evictions(one, seat)),
      ...named('fragmentation', fragmentation(one, seat)),
      ...named('clients', clientBuffers(one)),
    ],
    rows: rowsOf(one),
    notes: [
      ...(one.peak !== undefined && one.peak > PEAK * one.used && one.peak - one.used > LEAST_WASTE
        ? [`at its peak it used ${bytes(one.peak)}`]
        : []),
      ...(one.resident === undefined ? [] : [`${bytes(one.resident)} as the kernel counts it`]),
    ],
  }),
  columns: [
    { title: 'USE', flexible: true },
    { title: 'BYTES', align: 'right' },
    { title: 'SHARE', align: 'right' },
  ],
  cells: (row) => [row.use, bytes(row.bytes), percent(row.share)],
};

const named = (about: string, one: Verdict | undefined): (Verdict & { about: string })[] =>
  one === undefined ? [] : [{ about, ...one }];

function limit({ used, limit: most, system }: CacheMemory, { server, limits }: Seat): Verdict {
  if (most === null)
    return verdict.warn(
      `${bytes(used)} used and no maxmemory is set: it grows until the kernel kills it${system === undefined ? '' : `; the machine has ${bytes(system)}`}`,
      [roomier(used)],
      { value: used, unit: 'bytes' },
    );
  const share = used / most;
  const { status, threshold } = against(share, limits.cacheMemory);
  const reason = `${bytes(used)} of ${bytes(most)} (${percent(share)}), policy ${server.policy ?? 'not told'}`;
  const measured = { value: used, unit: 'bytes', threshold: Math.round(threshold * most) };
  if (status === 'ok') return verdict.ok(reason, measured);
  // A cache that may evict is meant to be full; one that may not refuses writes.
  const refuses = refusing(server);
  return {
    status: refuses === '' && status === 'crit' ? 'warn' : status,
    reason: `${reason}${refuses}`,
    ...measured,
    next: ['opsctl cache keys --by prefix', 'opsctl cache ttl'],
  };
}

/** Why writes are refused when there is no room; empty where keys are evicted instead. */
function refusing({ policy = '', databases }: CacheServer): string {
  if (policy === 'noeviction') return ': when it is full, writes are refused';
  const none = databases !== undefined && databases.every(({ expiring }) => expiring === 0);
  return policy.startsWith('volatile-') && none
    ? ', which evicts only keys that expire, and none does: when it is full, writes are refused'
    : '';
}

/** What the limit cost already. */
function refused(
  { refused: count = 0, used, limit: most }: CacheMemory,
  { server, limits }: Seat,
): Verdict | undefined {
  if (count === 0) return undefined;
  const isFull = most !== null && refusing(server) !== '' && against(used / most, limits.cacheMemory).status !== 'ok';
  return {
    status: isFull ? 'crit' : 'warn',
    reason: `${plural(count, 'command')} refused for want of memory since the start${isFull ? '' : '; there is room now'}`,
    value: count,
    unit: 'commands',
    next: isFull ? [roomier(most)] : [],
  };
}

/** Half as much again: whether that fits is what the dry run tells. */
const roomier = (size: number): string =>
  `opsctl cache set-memory ${Math.ceil((size * 1.5) / MIB).toString()}MiB --dry-run`;

function evictions({ evicted }: CacheMemory, { server }: Seat): Verdict | undefined {
  if (evicted === 0) return undefined;
  return verdict.warn(
    `${plural(evicted, 'key')} evicted since the start by ${server.policy ?? 'its policy'}: the cache is smaller than what is wanted of it`,
    ['opsctl cache hit-ratio --interval 10s', 'opsctl cache keys --by prefix'],
    { value: evicted, unit: 'keys' },
  );
}

/** The allocator's own figure where it is told: the resident memory of a server that shrank says little. */
function fragmentation(one: CacheMemory, { limits }: Seat): Verdict | undefined {
  const { used, resident, allocatorFragmentation: ratio, allocatorWaste: waste } = one;
  const told = ratio !== undefined && waste !== undefined;
  const times = told ? ratio : (resident ?? 0) / used;
  const lost = told ? waste : (resident ?? 0) - used;
  const { status, threshold } = against(times, limits.cacheFragmentation);
  if (lost < LEAST_WASTE || (status !== 'warn' && status !== 'crit')) return undefined;
  return {
    status: 'warn',
    reason: `${bytes(lost)} are lost in the gaps between what is allocated (${times.toFixed(2)} times of what is used)`,
    value: Math.round(times * 100) / 100,
    unit: 'times',
    threshold,
    next: [redisCli('CONFIG', 'SET', 'activedefrag', 'yes')],
  };
}

function clientBuffers({ clients, connected }: CacheMemory): Verdict | undefined {
  if (clients === undefined || connected === undefined || connected === 0) return undefined;
  const mean = clients / connected;
  if (mean < CLIENT_BYTES) return undefined;
  return verdict.warn(
    `the buffers of ${plural(connected, 'client')} take ${bytes(clients)}, ${bytes(mean)} each`,
    ['opsctl cache clients'],
    { value: Math.round(mean), unit: 'bytes', threshold: CLIENT_BYTES },
  );
}

function rowsOf(one: CacheMemory): MemoryRow[] {
  const { used, dataset, startup, clients, replicas, backlog, appendBuffer, scripts, allocatorWaste } = one;
  const uses: [string, number | undefined][] = [
    ['keys and values', dataset],
    ['buffers of clients', clients],
    ['buffers of replicas', replicas],
    ['replication backlog', backlog],
    ['append-only buffer', appendBuffer],
    ['scripts and functions', scripts],
    ['the server itself, at its start', startup],
    ['lost between allocations, beside it', allocatorWaste],
  ];
  return uses
    .flatMap(([use, count]) => (count === undefined || count === 0 ? [] : [{ use, bytes: count, share: count / used }]))
    .toSorted((a, b) => b.bytes - a.bytes);
}
