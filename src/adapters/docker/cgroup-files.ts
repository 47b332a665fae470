/** The formats of the kernel's counters. Documentation: admin-guide/cgroup-v1/memory.rst, cgroup-v2.rst, proc(5). */
import { join } from 'node:path';

export interface Memory {
  /** Use less the page cache that was not used lately, which the kernel drops first: what `docker stats` shows. */
  used: number;
  limit?: number;
  detail: Record<string, number>;
}

type Read = (path: string) => Promise<string>;

/** `name value` lines. */
export function parsePairs(text: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [name, value] = line.split(' ');
    if (name && value !== undefined && /^\d+$/.test(value)) found.set(name, Number(value));
  }
  return found;
}

/** Version 1's names as version 2 calls the same. Only the `total_` ones count child groups too. */
const V1_NAMES: Readonly<Record<string, string>> = {
  total_rss: 'anon',
  total_cache: 'file',
  total_shmem: 'shmem',
  total_mapped_file: 'file_mapped',
  total_dirty: 'file_dirty',
  total_writeback: 'file_writeback',
  total_inactive_anon: 'inactive_anon',
  total_active_anon: 'active_anon',
  total_inactive_file: 'inactive_file',
  total_active_file: 'active_file',
  total_unevictable: 'unevictable',
  total_swap: 'swap',
};

/** The entries of version 2's memory.stat that are amounts; the others count events. */
const V2_NAMES = new Set(
  (
    'anon file kernel kernel_stack pagetables sec_pagetables percpu sock vmalloc shmem zswap zswapped file_mapped file_dirty ' +
    'file_writeback swapcached anon_thp file_thp shmem_thp inactive_anon active_anon inactive_file active_file unevictable ' +
    'slab_reclaimable slab_unreclaimable slab'
  ).split(' '),
);

/** Memory by kind, from the counters of either version; also of the engine's own statistics, which pass them on. */
export function memoryDetail(stat: ReadonlyMap<string, number>): Record<string, number> {
  const detail: Record<string, number> = {};
  const first = stat.has('total_rss');
  for (const [name, value] of stat) {
    const kind = first ? V1_NAMES[name] : V2_NAMES.has(name) ? name : undefined;
    if (kind !== undefined) detail[kind] = value;
  }
  return detail;
}

/** As `docker stats`: never below zero, since the two figures are not read at the same moment. */
export function withoutInactive(usage: number, stat: ReadonlyMap<string, number>): number {
  const inactive = stat.get('total_inactive_file') ?? stat.get('inactive_file') ?? 0;
  return inactive < usage ? usage - inactive : usage;
}

/** Version 1 writes the largest number of pages when there is no limit; the API gives the machine's memory. */
const UNLIMITED = 2 ** 60;

export async function readMemoryV1(directory: string, read: Read): Promise<Memory | undefined> {
  const [usage = '', limit = '', text = '', kernel = '', sock = ''] = await Promise.all(
    [
      'memory.usage_in_bytes',
      'memory.limit_in_bytes',
      'memory.stat',
      'memory.kmem.usage_in_bytes',
      'memory.kmem.tcp.usage_in_bytes',
    ].map((name) => read(join(directory, name))),
  );
  if (usage === '') return undefined;
  const stat = parsePairs(text);
  const most = Math.min(Number(limit.trim() || Infinity), stat.get('hierarchical_memory_limit') ?? Infinity);
  return {
    used: withoutInactive(Number(usage), stat),
    ...(most < UNLIMITED && { limit: most }),
    detail: { ...memoryDetail(stat), ...amount('kernel', kernel), ...amount('sock', sock) },
  };
}

export async function readMemoryV2(directory: string, read: Read): Promise<Memory | undefined> {
  const [usage = '', limit = '', text = '', swap = ''] = await Promise.all(
    ['memory.current', 'memory.max', 'memory.stat', 'memory.swap.current'].map((name) => read(join(directory, name))),
  );
  if (usage === '') return undefined;
  const stat = parsePairs(text);
  return {
    used: withoutInactive(Number(usage), stat),
    ...(/^\d+$/.test(limit.trim()) && { limit: Number(limit) }),
    detail: { ...memoryDetail(stat), ...amount('swap', swap) },
  };
}

const amount = (name: string, text: string): Record<string, number> =>
  /^\d+$/.test(text.trim()) ? { [name]: Number(text) } : {};

/** `8:0 Read 123` lines of version 1, `8:0 rbytes=123 wbytes=…` lines of version 2. */
export function sumIo(text: string): { read: number; written: number } {
  const sum = { read: 0, written: 0 };
  for (const line of text.split('\n')) {
    const [, kind, value] = /^\d+:\d+ (Read|Write) (\d+)$/.exec(line) ?? [];
    if (kind === 'Read') sum.read += Number(value);
    if (kind === 'Write') sum.written += Number(value);
    sum.read += Number(/ rbytes=(\d+)/.exec(line)?.[1] ?? 0);
    sum.written += Number(/ wbytes=(\d+)/.exec(line)?.[1] ?? 0);
  }
  return sum;
}

/** /proc/<pid>/net/dev, all interfaces but the loopback one. */
export function sumNetwork(text: string): { received: number; sent: number } {
  const sum = { received: 0, sent: 0 };
  for (const line of text.split('\n')) {
    const [, name, rest] = /^\s*([^:\s]+):\s*(.*)$/.exec(line) ?? [];
    if (name === undefined || rest === undefined || name === 'lo') continue;
    const fields = rest.trim().split(/\s+/).map(Number);
    sum.received += fields[0] ?? 0;
    sum.sent += fields[8] ?? 0;
  }
  return sum;
}
