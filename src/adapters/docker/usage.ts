/** Resource use of containers, read the cheapest way that is true. */
import { setTimeout as sleep } from 'node:timers/promises';

import type { QuickUsage, Usage } from '../../core/ports/engine.ts';
import {
  cpuTime,
  findCgroup,
  findMounts,
  sample,
  type Cgroup,
  type CgroupMounts,
  type CgroupSample,
} from './cgroup.ts';
import type { DockerClient } from './client.ts';
import { inspectContainer } from './containers.ts';
import { apiUsage, quickApiUsage } from './stats.ts';

/** Between the two reads of CPU time: the kernel counts in nanoseconds, so this is exact, only short. */
const APART_MS = 150;
/** For a quick look a shorter stretch will do. */
const QUICK_APART_MS = 50;

export interface UsageSource {
  /** The engine's memory in bytes; measuring does not wait for it. */
  memory: () => Promise<number>;
  /** Whether the engine is this machine's own. Asked only for containers whose cgroup is not in the usual place. */
  local: () => Promise<boolean>;
  /** Whether the engine may be this machine's own at all: only then are its containers looked for in the cgroups here. */
  near: boolean;
  mounts?: CgroupMounts;
}

/** Use by id: from cgroup files where the container's own are found, else through the engine's API, all at once. */
export const readUsage = (
  docker: DockerClient,
  ids: readonly string[],
  source: UsageSource,
): Promise<Map<string, Usage>> => read(docker, ids, source, { ask: apiUsage, apartMs: APART_MS });

/** The same from one sample where the engine has to be asked. */
export const readQuickUsage = (
  docker: DockerClient,
  ids: readonly string[],
  source: UsageSource,
): Promise<Map<string, QuickUsage>> =>
  read<QuickUsage>(docker, ids, source, { ask: quickApiUsage, apartMs: QUICK_APART_MS });

async function read<U>(
  docker: DockerClient,
  ids: readonly string[],
  source: UsageSource,
  {
    ask,
    apartMs,
  }: {
    ask: (docker: DockerClient, ids: readonly string[], memory: UsageSource['memory']) => Promise<Map<string, U>>;
    apartMs: number;
  },
): Promise<Map<string, U | Usage>> {
  const mounts = source.near ? (source.mounts ?? (await findMounts())) : undefined;
  if (mounts === undefined) return ask(docker, ids, source.memory);
  const groups = await Promise.all(
    ids.map(async (id) => [id, await cgroupOf(docker, mounts, id, source.local)] as const),
  );
  const elsewhere = groups.filter(([, group]) => group === 'elsewhere').map(([id]) => id);
  const here = groups.filter((entry): entry is readonly [string, Cgroup] => typeof entry[1] === 'object');
  const [measured, asked] = await Promise.all([measure(mounts, here, apartMs), ask(docker, elsewhere, source.memory)]);
  return new Map<string, U | Usage>([...measured, ...asked]);
}

/** A cgroup is found by the container's id; one that is not in the usual place by its process. */
async function cgroupOf(
  docker: DockerClient,
  mounts: CgroupMounts,
  id: string,
  local: UsageSource['local'],
): Promise<Cgroup | 'elsewhere' | 'not running'> {
  const found = await findCgroup(mounts, id);
  if (found !== undefined) return found;
  if (!(await local())) return 'elsewhere';
  const detail = await inspectContainer(docker, id).catch(() => undefined);
  if (detail === undefined || detail.pid === 0) return 'not running';
  return (await findCgroup(mounts, detail.id, detail.pid)) ?? 'elsewhere';
}

async function measure(
  mounts: CgroupMounts,
  groups: readonly (readonly [string, Cgroup])[],
  apartMs: number,
): Promise<[string, Usage][]> {
  const first = await Promise.all(
    groups.map(async ([id, group]) => [id, group, await sample(mounts, id, group)] as const),
  );
  if (groups.length > 0) await sleep(apartMs);
  const all = await Promise.all(
    first.map(async ([id, group, before]): Promise<[string, Usage] | undefined> => {
      const after = before === undefined ? undefined : await cpuTime(group);
      return before === undefined || after === undefined ? undefined : [id, toUsage(before, after)];
    }),
  );
  return all.filter((entry) => entry !== undefined);
}

function toUsage(before: CgroupSample, after: { at: number; ns: number }): Usage {
  return {
    cpus: Math.max(0, (after.ns - before.cpuNs) / 1e6 / (after.at - before.at)),
    memory: before.memory.used,
    ...(before.memory.limit !== undefined && { memoryLimit: before.memory.limit }),
    memoryDetail: before.memory.detail,
    ...(before.oomKills !== undefined && { oomKills: before.oomKills }),
    pids: before.pids,
    ...(before.network && { networkReceived: before.network.received, networkSent: before.network.sent }),
    ...(before.io && { blockRead: before.io.read, blockWritten: before.io.written }),
    source: 'cgroup',
  };
}
