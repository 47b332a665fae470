/** The engine port. */
import { statfs, stat } from 'node:fs/promises';
import { hostname, platform, release } from 'node:os';
import type { Duplex } from 'node:stream';
import * as z from 'zod';

import { OpsError } from '../../core/errors.ts';
import type { ContainerDetail, DiskUsage, EngineInfo, EngineWriter } from '../../core/ports/engine.ts';
import { readFile } from './archive.ts';
import { engineTime } from './bare.ts';
import { named, type DockerClient } from './client.ts';
import { isTable, remoteAddresses, tablesOf } from './connections.ts';
import { inspectContainer, isDown, listContainers, startupOf } from './containers.ts';
import { exec, tunnel, type ExecOptions, type ExecResult } from './exec.ts';
import { ifThere } from './failures.ts';
import { lastLines, readLogs } from './logs.ts';
import { inspectNetwork, inspectVolume, listNetworks, listVolumes } from './networks.ts';
import { readQuickUsage, readUsage, type UsageSource } from './usage.ts';

/** The engine port, and what only other adapters need of it. */
export interface Engine extends EngineWriter {
  exec(id: string, argv: readonly string[], options?: ExecOptions): Promise<ExecResult>;
  tunnel(id: string, argv: readonly string[]): Promise<Duplex>;
  /** Sends a signal to the container's main process; that the engine then starts it again as before is seen to. */
  signal(id: string, name: 'HUP'): Promise<void>;
}

const FILE_LIMIT = 1024 * 1024;
/** A container without a health check has nothing but time to show that it stays up, in ms. */
const SETTLED_MS = 3000;
/** A busy engine takes its time to start a container, and what was not waited for happens all the same. In ms. */
const CHANGE_MS = 30_000;
/** Beyond the grace: the engine kills and cleans up. */
const STOP_EXTRA_MS = 15_000;
/** Reading two small files in a container, in ms. */
const TABLES_MS = 5000;
/** A shell that sends a signal, in ms. */
const SIGNAL_MS = 5000;
/** Lines of log that explain why a container is down. */
const LAST_LINES = 20;

/** Opens the engine port. Nothing is asked before the first call. */
export function openEngine(docker: DockerClient): Engine {
  // Asked by several at once when a command begins: one answer serves all who wait for it.
  let asking: Promise<EngineInfo> | undefined;
  const info = (): Promise<EngineInfo> => {
    asking ??= readInfo(docker).finally(() => (asking = undefined));
    return asking;
  };
  let known: EngineInfo | undefined;
  /** What of it does not change while the program runs. */
  const facts = async (): Promise<Pick<EngineInfo, 'memory' | 'local' | 'dataRoot'>> => (known ??= await info());
  /** Nothing waits for what the engine says of itself before it is needed: on 20.10 that takes longer than measuring. */
  const usageSource = (): UsageSource => {
    const asked = facts();
    asked.catch(() => undefined);
    return {
      near: docker.endpoint.kind === 'socket',
      local: async () => (await asked).local,
      memory: async () => (await asked).memory,
    };
  };
  const container = (id: string): Promise<ContainerDetail> => inspectContainer(docker, id);
  const act = async (
    id: string,
    verb: string,
    query: Record<string, string | number>,
    timeoutMs = CHANGE_MS,
  ): Promise<number> => {
    const { status } = await docker.request({
      method: 'POST',
      path: `/containers/${named('container', id)}/${verb}`,
      query,
      asked: `${verb} container ${id}`,
      thing: `container ${id}`,
      // 304: it is so already. 409 is judged by the caller.
      accept: [304, 409],
      timeoutMs,
    });
    return status;
  };
  const connections = async (id: string, from: readonly string[]): Promise<{ established?: number }> => {
    const found = await container(id);
    // No process, no connections. Who is gone has none either.
    if (found.pid === 0) return { established: 0 };
    const others = await Promise.all(from.map((one) => ifThere(container(one))));
    const addresses = new Set(others.flatMap((other) => other?.networks.map(({ address }) => address) ?? []));
    const { local } = await facts();
    const text = (local ? await tablesOf(found.pid) : undefined) ?? (await tablesInside(id));
    return text === undefined
      ? {}
      : { established: remoteAddresses(text).filter((address) => addresses.has(address)).length };
  };
  /** Where the process is not of this machine: asked of a program that most images have. */
  const tablesInside = async (id: string): Promise<string | undefined> => {
    const call = exec(docker, id, ['cat', '/proc/net/tcp', '/proc/net/tcp6'], { timeoutMs: TABLES_MS });
    const { stdout, truncated } = await call.catch((thrown: unknown) => {
      // What is paused runs no program.
      if (thrown instanceof OpsError && thrown.code === 'REJECTED') return { stdout: '', truncated: false };
      throw thrown;
    });
    // Without IPv6 there is no second table, which the program counts as a failure.
    return isTable(stdout) && !truncated ? stdout : undefined;
  };
  const refused = (id: string, verb: string, state: string): OpsError =>
    new OpsError('REJECTED', `the docker engine refused to ${verb} container ${id}, which is ${state}`, {
      hint: `Look at it: docker --host ${docker.host} inspect ${id}.`,
    });

  return {
    info,
    containers: (filter) => listContainers(docker, filter?.project),
    container,
    usage: async (ids) => {
      if (ids.length === 0) return new Map();
      return readUsage(docker, ids, usageSource());
    },
    quickUsage: async (ids) => {
      if (ids.length === 0) return new Map();
      return readQuickUsage(docker, ids, usageSource());
    },
    logs: (id, query) => readLogs(docker, id, query),
    networks: () => listNetworks(docker),
    network: (name) => inspectNetwork(docker, name),
    volumes: (options) => listVolumes(docker, options?.sizes === true),
    volume: (name) => inspectVolume(docker, name),
    disk: async () => {
      const { local, dataRoot } = await facts();
      return local ? readDisk(dataRoot) : undefined;
    },
    readFile: (id, path) => readFile(docker, id, path, FILE_LIMIT),
    processes: (id) => listProcesses(docker, id),
    isRunning: async (id) => (await container(id)).state === 'running',
    isDrained: async (id, from) => (await connections(id, from)).established === 0,
    connections,
    isStopped: async (id) => ['created', 'exited', 'dead'].includes((await container(id)).state),
    isServing: async (id, restarts) => {
      const found = await container(id);
      if (isDown(found.state) || found.restartCount > (restarts ?? Infinity)) throw await downError(docker, found);
      if (found.state !== 'running') return false;
      return found.health === 'none' ? await hasSettled(docker, found) : found.health === 'healthy';
    },
    staysUp: async (id, startingMs = 0) => {
      const found = await container(id);
      if (isDown(found.state)) throw await downError(docker, found);
      const forMs = found.health === 'starting' ? Math.max(startingMs, SETTLED_MS) : SETTLED_MS;
      return found.state === 'running' && (await hasSettled(docker, found, forMs));
    },
    whyNotServing: async (id) => {
      const { state, health, healthLog } = await container(id);
      const probe = healthLog[0]?.output.trim() ?? '';
      return { state, health, ...(probe !== '' && { probe }), log: await lastLines(docker, id, LAST_LINES) };
    },
    startContainer: async (id) => {
      if ((await act(id, 'start', {})) !== 409) return;
      // A paused container cannot be started; that it runs is what is asked for.
      const { state } = await container(id);
      if (state === 'paused') await act(id, 'unpause', {});
      else if (state !== 'running') throw refused(id, 'start', state);
    },
    // Seen on 20.10: a paused container gets its SIGTERM, is thawed and ends as any other.
    stopContainer: async (id, graceSeconds) => {
      const status = await act(id, 'stop', { t: graceSeconds }, graceSeconds * 1000 + STOP_EXTRA_MS);
      if (status === 409) throw refused(id, 'stop', (await container(id)).state);
    },
    hasRestartPolicy: async (id, policy) => (await container(id)).restartPolicy === policy,
    setRestartPolicy: async (id, policy) => {
      await docker.request({
        method: 'POST',
        path: `/containers/${named('container', id)}/update`,
        json: { RestartPolicy: { Name: policy } },
        asked: `set the restart policy of container ${id}`,
        thing: `container ${id}`,
        timeoutMs: CHANGE_MS,
      });
    },
    exec: (id, argv, options) => exec(docker, id, argv, options),
    tunnel: (id, argv) => tunnel(docker, id, argv),
    startup: (id) => startupOf(docker, id),
    signal: async (id, name) => {
      if (await signalFromInside(docker, id, name)) return;
      if ((await act(id, 'kill', { signal: `SIG${name}` })) === 409)
        throw refused(id, 'signal', (await container(id)).state);
    },
  };
}

const engineInfo = z.object({
  Name: z.string(),
  ServerVersion: z.string(),
  OperatingSystem: z.string(),
  KernelVersion: z.string(),
  NCPU: z.number(),
  MemTotal: z.number(),
  DockerRootDir: z.string(),
  SystemTime: z.string(),
});

async function readInfo(docker: DockerClient): Promise<EngineInfo> {
  const [found, apiVersion] = await Promise.all([
    docker.json({ path: '/info', asked: 'describe itself' }, engineInfo),
    docker.apiVersion(),
  ]);
  return {
    host: docker.host,
    name: found.Name,
    version: found.ServerVersion,
    apiVersion,
    operatingSystem: found.OperatingSystem,
    cpus: found.NCPU,
    memory: found.MemTotal,
    local: await isLocal(docker, found),
    dataRoot: found.DockerRootDir,
    time: new Date(found.SystemTime).toISOString(),
  };
}

/**
 * A socket alone says nothing: behind it may be a virtual machine (Docker Desktop) or a dockerd in a container.
 * The engine is this machine's own when it names our kernel and host and its data directory is here. Whether a
 * container's cgroup is ours is still verified one by one, by its id.
 */
async function isLocal(docker: DockerClient, found: z.infer<typeof engineInfo>): Promise<boolean> {
  if (docker.endpoint.kind !== 'socket' || platform() !== 'linux') return false;
  if (found.KernelVersion !== release() || found.Name !== hostname()) return false;
  return stat(found.DockerRootDir).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
}

/** As `df` computes the share in use: blocks that only root may take belong to neither side. */
async function readDisk(path: string): Promise<DiskUsage | undefined> {
  const found = await statfs(path).catch(() => undefined);
  if (found === undefined) return undefined;
  return { path, size: (found.blocks - found.bfree + found.bavail) * found.bsize, free: found.bavail * found.bsize };
}

const top = z.object({ Titles: z.array(z.string()), Processes: z.nullish(z.array(z.array(z.string()))) });

/** @throws NOT_FOUND, REJECTED when it does not run */
async function listProcesses(docker: DockerClient, id: string): Promise<{ pid: number; command: string }[]> {
  const { Processes } = await docker.json(
    {
      path: `/containers/${named('container', id)}/top`,
      query: { ps_args: '-eo pid,args' },
      asked: `list the processes of container ${id}`,
      thing: `container ${id}`,
    },
    top,
  );
  return (Processes ?? []).map(([pid, ...command]) => ({ pid: Number(pid), command: command.join(' ') }));
}

const processSpace = z.object({ HostConfig: z.object({ PidMode: z.string().optional() }) });

/**
 * From a shell in the container. An engine that is asked to send a signal, whichever, takes the container for one that
 * somebody stopped: with `unless-stopped` it never starts it again, after a crash or a reboot (moby/moby issue 41302).
 * @returns false where that cannot be done: without a shell, or where process 1 is not the container's own
 */
async function signalFromInside(docker: DockerClient, id: string, name: string): Promise<boolean> {
  const path = `/containers/${named('container', id)}/json`;
  const call = { path, asked: `inspect container ${id}`, thing: `container ${id}` };
  const { HostConfig } = await docker.json(call, processSpace);
  if ((HostConfig.PidMode ?? '') !== '') return false;
  const { exitCode } = await exec(docker, id, ['sh', '-c', `kill -s ${name} 1`], { timeoutMs: SIGNAL_MS });
  return exitCode === 0;
}

/** Up for a while, by the engine's clock: between two crashes a container runs, too. */
async function hasSettled(
  docker: DockerClient,
  { startedAt, createdAt }: ContainerDetail,
  forMs = SETTLED_MS,
): Promise<boolean> {
  const { headers } = await docker.request({ path: '/_ping', asked: 'answer' });
  return engineTime(headers.date) - Date.parse(startedAt ?? createdAt) >= forMs;
}

async function downError(docker: DockerClient, found: ContainerDetail): Promise<OpsError> {
  const log = await lastLines(docker, found.id, LAST_LINES);
  const killed = found.oomKilled ? ', killed for want of memory' : '';
  const word =
    found.state === 'restarting'
      ? 'restarts again and again'
      : found.state === 'running'
        ? 'ended and was started again'
        : `is ${found.state}`;
  return new OpsError('UNSAFE', `container ${found.name} ${word} (exit code ${found.exitCode}${killed})`, {
    hint: `Read why: opsctl logs ${found.service ?? found.name} --tail 100.`,
    details: {
      state: found.state,
      exitCode: found.exitCode,
      oomKilled: found.oomKilled,
      restarts: found.restartCount,
      log,
    },
  });
}
