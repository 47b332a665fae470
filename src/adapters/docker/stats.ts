/** Resource use as the engine's API tells it: for engines elsewhere. */
import * as z from 'zod';

import type { QuickUsage, Usage } from '../../core/ports/engine.ts';
import { memoryDetail, withoutInactive } from './cgroup-files.ts';
import { named, type Call, type DockerClient } from './client.ts';
import { startDeadline } from './deadline.ts';

const cpu = z.object({ cpu_usage: z.object({ total_usage: z.number() }) });
const stats = z.object({
  read: z.string(),
  preread: z.string(),
  cpu_stats: cpu,
  precpu_stats: cpu,
  memory_stats: z.object({
    usage: z.number().default(0),
    limit: z.number().default(0),
    stats: z.record(z.string(), z.number()).default({}),
  }),
  pids_stats: z.object({ current: z.number().default(0) }),
  networks: z.nullish(z.record(z.string(), z.object({ rx_bytes: z.number(), tx_bytes: z.number() }))),
  blkio_stats: z.object({
    io_service_bytes_recursive: z.nullish(z.array(z.object({ op: z.string(), value: z.number() }))),
  }),
});

/** Connections at a time. Over ssh each is a process, and sshd refuses more than ten at once that have not logged in. */
const AT_ONCE = { direct: 250, ssh: 8 };
/**
 * The second sample of a stream comes after 1.0 to 2.0 s: the engine's collector ticks once a second. Measured on
 * 20.10: `stream=false` takes 2.0 s, `one-shot` 1.0 s but two of them are needed for CPU, the stream 1.0 s.
 */
const SAMPLE_MS = 2400;
/** A frame of a container with hundreds of networks and disks is still below this. */
const FRAME_LIMIT = 1024 * 1024;

/** Use by id; containers that ended, or did not answer in time, are absent. `memory` is the engine's own, to tell a limit from none. */
export async function apiUsage(
  docker: DockerClient,
  ids: readonly string[],
  memory: () => Promise<number>,
): Promise<Map<string, Usage>> {
  const found = await samples(docker, ids, memory, 2);
  return new Map(
    [...found].flatMap(([id, { cpus, ...rest }]) => (cpus === undefined ? [] : [[id, { ...rest, cpus }]])),
  );
}

/** Use by id from the first sample, without the CPU. */
export const quickApiUsage = (
  docker: DockerClient,
  ids: readonly string[],
  memory: () => Promise<number>,
): Promise<Map<string, QuickUsage>> => samples(docker, ids, memory, 1);

async function samples(
  docker: DockerClient,
  ids: readonly string[],
  memory: () => Promise<number>,
  frames: 1 | 2,
): Promise<Map<string, QuickUsage>> {
  const found = new Map<string, QuickUsage>();
  const waiting = [...ids];
  const workers = Math.min(waiting.length, docker.endpoint.kind === 'ssh' ? AT_ONCE.ssh : AT_ONCE.direct);
  const work = async (): Promise<void> => {
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      const usage = await oneUsage(docker, id, memory, frames);
      if (usage !== undefined) found.set(id, usage);
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  return found;
}

async function oneUsage(
  docker: DockerClient,
  id: string,
  memory: () => Promise<number>,
  frames: 1 | 2,
): Promise<QuickUsage | undefined> {
  const deadline = startDeadline(SAMPLE_MS);
  const call: Call = {
    path: `/containers/${named('container', id)}/stats`,
    query: { stream: true },
    asked: `measure container ${id}`,
    thing: `container ${id}`,
    signal: deadline.signal,
    timeoutMs: SAMPLE_MS,
  };
  try {
    const response = await docker.stream(call);
    const end = (): void => void response.destroy();
    deadline.signal.addEventListener('abort', end, { once: true });
    try {
      // Frames are lines, and chunks are cut anywhere.
      let text = '';
      let seen = 0;
      for await (const chunk of response as AsyncIterable<Buffer>) {
        text += chunk.toString('latin1');
        if (text.length > FRAME_LIMIT) return undefined;
        for (let feed = text.indexOf('\n'); feed >= 0; feed = text.indexOf('\n')) {
          const line = text.slice(0, feed);
          text = text.slice(feed + 1);
          seen += 1;
          if (seen === frames) return toUsage(stats.parse(JSON.parse(line)), await memory());
        }
      }
      return undefined;
    } finally {
      response.destroy();
    }
  } catch (error) {
    // One container that is gone or late must not hide all others; an engine that is gone is told by the calls around.
    void error;
    return undefined;
  } finally {
    deadline.clear();
  }
}

function toUsage(sample: z.infer<typeof stats>, memory: number): QuickUsage | undefined {
  const before = Date.parse(sample.preread);
  const ms = Date.parse(sample.read) - before;
  // A container that ended meanwhile gives empty samples.
  if (!(ms > 0) || sample.memory_stats.limit === 0) return undefined;
  const stat = new Map(Object.entries(sample.memory_stats.stats));
  const io = sample.blkio_stats.io_service_bytes_recursive ?? [];
  const sum = (op: string): number =>
    io.filter((entry) => entry.op.toLowerCase() === op).reduce((total, entry) => total + entry.value, 0);
  const networks = Object.values(sample.networks ?? {});
  return {
    // The first sample has none before it: its time is that of the year 1.
    ...(before > 0 && {
      cpus: Math.max(
        0,
        (sample.cpu_stats.cpu_usage.total_usage - sample.precpu_stats.cpu_usage.total_usage) / 1e6 / ms,
      ),
    }),
    memory: withoutInactive(sample.memory_stats.usage, stat),
    // Without a limit the engine gives all of its memory.
    ...(sample.memory_stats.limit < memory && { memoryLimit: sample.memory_stats.limit }),
    memoryDetail: memoryDetail(stat),
    pids: sample.pids_stats.current,
    ...(networks.length > 0 && {
      networkReceived: networks.reduce((total, one) => total + one.rx_bytes, 0),
      networkSent: networks.reduce((total, one) => total + one.tx_bytes, 0),
    }),
    blockRead: sum('read'),
    blockWritten: sum('write'),
    source: 'api',
  };
}
