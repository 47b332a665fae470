import { bytes, percent } from '../../core/format.ts';
import type { Style } from '../../core/style.ts';
import type { ContainerUsage, HostMemory } from '../../inspect/stats.ts';

/** What the kernel's words mean, in the order in which they help (kernel documentation, cgroup-v2 and v1 memory). */
const KINDS: readonly [names: readonly string[], meaning: string][] = [
  [['anon', 'rss', 'total_rss'], 'heap and stacks of the programs; cannot be dropped'],
  [['file', 'cache', 'total_cache'], 'page cache; mostly dropped when memory is needed'],
  [['shmem', 'total_shmem'], 'shared memory and tmpfs (shared_buffers of Postgres)'],
  [['file_mapped', 'mapped_file', 'total_mapped_file'], 'files mapped into memory'],
  [['inactive_file', 'total_inactive_file'], 'page cache not used lately; not counted as in use'],
  [['kernel', 'kernel_usage'], 'memory of the kernel for this container'],
  [['slab'], 'structures of the kernel, such as directory entries'],
  [['sock', 'kernel_tcp'], 'network buffers'],
  [['swap', 'total_swap'], 'swapped out'],
];

/** The kinds of memory of each container, and what the host has. Only kinds that the kernel reported are shown. */
export function memoryText(
  {
    containers,
    unobserved,
    host,
  }: { containers: readonly ContainerUsage[]; unobserved: readonly string[]; host?: HostMemory | undefined },
  style: Style,
): string {
  const blocks = containers.map((one) => `${head(one, style)}\n${kinds(one, style)}`);
  if (unobserved.length > 0) blocks.push(notSeen(unobserved, style));
  return [...blocks, ...(host === undefined ? [] : [hostText(host, style)])].join('\n\n');
}

/** Containers that run, but that the engine tells nothing of. */
export const notSeen = (names: readonly string[], style: Style): string =>
  `${style.status('unknown')}  ${style.wrap(`use could not be observed: ${names.join(', ')}`, 2)}`;

function head({ label, memory, memoryLimit, oomKills }: ContainerUsage, style: Style): string {
  const limit =
    memoryLimit === undefined ? 'no limit' : `${percent(memory / memoryLimit)} of the limit of ${bytes(memoryLimit)}`;
  const kills =
    oomKills === undefined || oomKills === 0 ? '' : `, ${style.bad(`killed for memory ${oomKills.toString()} times`)}`;
  return `${style.bold(label)}  ${bytes(memory)} in use, ${limit}${kills}`;
}

function kinds({ memoryDetail }: ContainerUsage, style: Style): string {
  const known = KINDS.flatMap(([names, meaning]): string[][] => {
    const name = names.find((candidate) => memoryDetail[candidate] !== undefined);
    return name === undefined ? [] : [[name, bytes(memoryDetail[name] ?? 0), meaning]];
  });
  if (known.length === 0) return '  the engine does not tell the kinds of memory';
  const columns = [
    { title: 'KIND' },
    { title: 'SIZE', align: 'right' as const },
    { title: 'WHAT IT IS', flexible: true },
  ];
  return style.table(columns, known);
}

function hostText({ total, available, availableUnknown }: HostMemory, style: Style): string {
  const rest =
    available === undefined
      ? `; available not known: ${availableUnknown ?? ''}`
      : `, ${bytes(available)} available (${percent(available / total)})`;
  return style.wrap(
    `host: ${bytes(total)}${rest}. /proc/meminfo inside a container shows these figures of the host, not the container's own.`,
  );
}
