import * as z from 'zod';

import { OpsError } from '../core/errors.ts';
import { onlyHost } from '../checks/host.ts';
import type { Platform } from '../core/platform.ts';
import type { Readers } from '../core/ports.ts';
import type { Container, Usage } from '../core/ports/engine.ts';
import { byService, isOfPlatform, serviceOf } from '../core/containers.ts';
import { labelsOf } from './containers.ts';
import { containersNamed } from './names.ts';

/** Use of one container, as `stats --json` gives it. */
export const usageSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    service: z.string(),
    label: z.string().describe('the service while it has one container, else the name of the container'),
    cpus: z.number().describe('CPUs in use over the sample; 1 is one whole CPU'),
    memory: z.number().describe('bytes, without page cache that can be dropped'),
    memoryLimit: z.number().optional().describe('bytes; absent without a limit'),
    memoryDetail: z.record(z.string(), z.number()).describe('kinds of memory in bytes, as the kernel names them'),
    oomKills: z.number().optional(),
    pids: z.number(),
    networkReceived: z.number().optional().describe('bytes since the container started'),
    networkSent: z.number().optional(),
    blockRead: z.number().optional(),
    blockWritten: z.number().optional(),
    source: z.enum(['cgroup', 'api']),
  })
  .meta({ id: 'ContainerUsage' });
export type ContainerUsage = z.infer<typeof usageSchema>;

/** One look at the use of containers. */
export const roundSchema = z.object({
  containers: z.array(usageSchema),
  notRunning: z.array(z.string()).describe('containers of the same services that do not run, hence use nothing'),
  unobserved: z.array(z.string()).describe('containers that run, but whose use could not be observed'),
});
export type Round = z.infer<typeof roundSchema>;

/** Use of the platform's running containers, or of those that the words name. @throws NOT_FOUND */
export async function observeUsage(words: readonly string[], platform: Platform, readers: Readers): Promise<Round> {
  const all = await readers.engine.containers();
  const own = all.filter((container) => isOfPlatform(container, platform.compose.project));
  const chosen = words.length === 0 ? own : [...new Set(words.flatMap((word) => containersNamed(word, platform, all)))];
  chosen.sort(byService);
  const labels = labelsOf(own.length > 0 && words.length === 0 ? own : chosen);
  const running = chosen.filter(({ state }) => state === 'running' || state === 'paused');
  if (running.length === 0 && words.length > 0) {
    throw new OpsError('NOT_FOUND', `no container of ${words.join(', ')} is running`, {
      hint: `See their states with: opsctl status${words.length === 1 ? ` ${words[0] ?? ''}` : ''}`,
    });
  }
  const usage =
    running.length === 0 ? new Map<string, Usage>() : await readers.engine.usage(running.map(({ id }) => id));
  return {
    containers: running.flatMap((container) => {
      const used = usage.get(container.id);
      return used === undefined ? [] : [row(container, used, labels.get(container.id) ?? container.name)];
    }),
    notRunning: chosen.filter((container) => !running.includes(container)).map(({ name }) => name),
    unobserved: running.filter((container) => !usage.has(container.id)).map(({ name }) => name),
  };
}

const row = (container: Container, usage: Usage, label: string): ContainerUsage => ({
  id: container.id,
  name: container.name,
  service: serviceOf(container),
  label,
  ...usage,
});

/** Memory of the host, which a container's own `/proc/meminfo` shows instead of the container's. */
export const hostMemorySchema = z
  .object({
    total: z.number().describe('bytes, as the engine counts them'),
    available: z
      .number()
      .optional()
      .describe('bytes that could be given out, from the node exporter; absent when not known'),
    availableUnknown: z.string().optional().describe('why available is not known'),
  })
  .meta({ id: 'HostMemory' });
export type HostMemory = z.infer<typeof hostMemorySchema>;

/** The engine tells the total only; what is available is asked of Prometheus, where a node exporter feeds it. */
export async function observeHostMemory(platform: Platform, readers: Readers): Promise<HostMemory> {
  const [info, available] = await Promise.all([readers.engine.info(), availableMemory(platform, readers)]);
  return { total: info.memory, ...available };
}

async function availableMemory(
  platform: Platform,
  readers: Readers,
): Promise<Pick<HostMemory, 'available' | 'availableUnknown'>> {
  if (platform.prometheus === undefined) return { availableUnknown: 'no Prometheus is configured' };
  try {
    const seen = onlyHost(await readers.metrics.query('node_memory_MemAvailable_bytes'));
    return 'why' in seen ? { availableUnknown: seen.why } : { available: seen.value };
  } catch (thrown) {
    if (!(thrown instanceof OpsError)) throw thrown;
    return { availableUnknown: thrown.message };
  }
}
