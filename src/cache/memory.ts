/** What the memory of a cache is used for, how near its limit it is, and what is wasted. */
import * as z from 'zod';

import { evictedKeys, type MemoryInUse, memoryInUse, refusedForMemory } from '../checks/cache-facts.ts';
import { bytes, percent, plural } from '../core/format.ts';
import type { CacheMemory, CacheServer } from '../core/ports/cache.ts';
import { redisCli } from '../core/redis-cli.ts';
import { against, leading, type Verdict, verdict } from '../core/verdict.ts';
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
/** Below so much waste MEMORY DOCTOR says nothing: an empty server wastes more than it uses, and so do buffers that were just full. */
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
      { about: '', ...full(one, seat) },
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

const inUse = ({ used, limit, system }: CacheMemory, { policy, databases }: CacheServer): MemoryInUse => ({
  used,
  limit,
  policy,
  hasExpiring: databases?.some(({ expiring }) => expiring > 0),
  system,
});

const full = (one: CacheMemory, { server, limits }: Seat): Verdict =>
  leading(
    memoryInUse(inUse(one, server), limits),
    one.limit === null ? [roomier(one.used)] : ['opsctl cache keys --by prefix', 'opsctl cache ttl'],
  );

/** What the limit cost already. */
function refused(one: CacheMemory, { server, limits }: Seat): Verdict | undefined {
  const { isFull, ...judged } = refusedForMemory(one.refused ?? 0, inUse(one, server), limits);
  if (judged.status === 'ok') return undefined;
  return leading(judged, isFull ? [roomier(one.limit ?? one.used)] : []);
}

/** Half as much again: whether that fits is what the dry run tells. */
const roomier = (size: number): string =>
  `opsctl cache set-memory ${Math.ceil((size * 1.5) / MIB).toString()}MiB --dry-run`;

function evictions({ evicted }: CacheMemory, { server }: Seat): Verdict | undefined {
  if (evicted === 0) return undefined;
  return leading(evictedKeys(evicted, server.policy), [
    'opsctl cache hit-ratio --interval 10s',
    'opsctl cache keys --by prefix',
  ]);
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
  if (mean < CLIENT_BYTES || clients < LEAST_WASTE) return undefined;
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
