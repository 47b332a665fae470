/** Containers as the engine lists and inspects them. */
import * as z from 'zod';

import type {
  Container,
  ContainerDetail,
  ContainerHealth,
  ContainerState,
  PublishedPort,
} from '../../core/ports/engine.ts';
import { named, type DockerClient } from './client.ts';

const STATES = ['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead'] as const;
const state = z.enum(STATES);
const orNone = <T extends z.ZodType>(schema: T) => z.nullish(schema).transform((value) => value ?? undefined);
const labels = z.nullish(z.record(z.string(), z.string())).transform((value) => value ?? {});
const networks = z.nullish(
  z.record(z.string(), z.object({ IPAddress: orNone(z.string()), GlobalIPv6Address: orNone(z.string()) })),
);
const mounts = z.nullish(
  z.array(
    z.object({
      Type: z.string(),
      Name: orNone(z.string()),
      Source: orNone(z.string()),
      Destination: z.string(),
      RW: z.boolean(),
    }),
  ),
);

const listed = z.array(
  z.object({
    Id: z.string(),
    Names: z.nullish(z.array(z.string())),
    Image: z.string(),
    ImageID: z.string(),
    Created: z.number(),
    State: state,
    Status: z.string(),
    Labels: labels,
    Ports: z.nullish(
      z.array(
        z.object({ IP: orNone(z.string()), PrivatePort: z.number(), PublicPort: orNone(z.number()), Type: z.string() }),
      ),
    ),
    NetworkSettings: z.nullish(z.object({ Networks: networks })),
    Mounts: mounts,
  }),
);
type Listed = z.infer<typeof listed>[number];

/** All containers in one call: nothing is asked per container, so that 200 cost little more than 7. */
export async function listContainers(docker: DockerClient, project?: string): Promise<Container[]> {
  const filters = project === undefined ? undefined : { label: [`com.docker.compose.project=${project}`] };
  const found = await docker.json(
    { path: '/containers/json', query: { all: true, filters }, asked: 'list the containers' },
    listed,
  );
  return found.map(fromListing);
}

function fromListing(item: Listed): Container {
  return {
    id: item.Id,
    // Links of old add names like /web/db; the container's own has one slash.
    name: (item.Names?.find((name) => name.lastIndexOf('/') === 0) ?? `/${item.Id.slice(0, 12)}`).slice(1),
    image: item.Image,
    imageId: item.ImageID,
    state: item.State,
    health: healthOf(item.Status),
    createdAt: new Date(item.Created * 1000).toISOString(),
    ...composeOf(item.Labels),
    labels: item.Labels,
    ports: (item.Ports ?? []).map((port) => ({
      container: port.PrivatePort,
      protocol: port.Type,
      ...(port.PublicPort !== undefined && { host: { address: port.IP ?? '', port: port.PublicPort } }),
    })),
    networks: networksOf(item.NetworkSettings?.Networks),
    volumes: volumesOf(item.Mounts),
  };
}

/** Up to API 1.51 a listing tells health only in the text that `docker ps` shows, which has not changed since 1.12. */
function healthOf(status: string): ContainerHealth {
  const [, word] = /\((healthy|unhealthy|health: starting)\)$/.exec(status) ?? [];
  if (word === undefined) return 'none';
  return word === 'healthy' || word === 'unhealthy' ? word : 'starting';
}

const composeOf = (all: Record<string, string>): { project?: string; service?: string } => {
  const project = all['com.docker.compose.project'];
  const service = all['com.docker.compose.service'];
  return { ...(project !== undefined && { project }), ...(service !== undefined && { service }) };
};

const networksOf = (all: z.infer<typeof networks>): Container['networks'] =>
  Object.entries(all ?? {}).map(([name, end]) => ({ name, address: (end.IPAddress || end.GlobalIPv6Address) ?? '' }));

const volumesOf = (all: z.infer<typeof mounts>): Container['volumes'] =>
  (all ?? []).map((mount) => ({
    ...(mount.Type === 'volume' && mount.Name !== undefined && { volume: mount.Name }),
    source: mount.Source ?? '',
    target: mount.Destination,
    readOnly: !mount.RW,
  }));

const inspected = z.object({
  Id: z.string(),
  Name: z.string(),
  Created: z.string(),
  Image: z.string(),
  RestartCount: z.number(),
  State: z.object({
    Status: state,
    Pid: z.number(),
    ExitCode: z.number(),
    OOMKilled: z.boolean(),
    StartedAt: z.string(),
    FinishedAt: z.string(),
    Health: z.nullish(
      z.object({
        Status: z.string(),
        Log: z.nullish(z.array(z.object({ Start: z.string(), ExitCode: z.number(), Output: z.string() }))),
      }),
    ),
  }),
  Config: z.object({
    Image: z.string(),
    Tty: z.boolean(),
    StopTimeout: orNone(z.number()),
    Labels: labels,
    Env: z.nullish(z.array(z.string())),
    ExposedPorts: z.nullish(z.record(z.string(), z.unknown())),
  }),
  Path: z.string(),
  Args: z.nullish(z.array(z.string())),
  HostConfig: z.object({
    Memory: orNone(z.number()),
    NanoCpus: orNone(z.number()),
    CpuQuota: orNone(z.number()),
    CpuPeriod: orNone(z.number()),
    RestartPolicy: z.nullish(z.object({ Name: z.string() })),
    NetworkMode: orNone(z.string()),
  }),
  NetworkSettings: z.object({
    Networks: networks,
    Ports: z.nullish(z.record(z.string(), z.nullish(z.array(z.object({ HostIp: z.string(), HostPort: z.string() }))))),
  }),
  Mounts: mounts,
});
type Inspected = z.infer<typeof inspected>;

const OUTPUT_LIMIT = 400;
const HEALTH_LOG = 5;
/** The kernel's default period for a CPU quota, in microseconds. */
const DEFAULT_CPU_PERIOD = 100_000;

const inspect = (docker: DockerClient, id: string): Promise<Inspected> =>
  docker.json(
    { path: `/containers/${named('container', id)}/json`, asked: `inspect container ${id}`, thing: `container ${id}` },
    inspected,
  );

/** One container. @throws NOT_FOUND */
export async function inspectContainer(docker: DockerClient, id: string): Promise<ContainerDetail> {
  const found = await inspect(docker, id);
  const { State, Config, HostConfig } = found;
  const startedAt = timeOf(State.StartedAt);
  const finishedAt = timeOf(State.FinishedAt);
  const cpuLimit = HostConfig.NanoCpus
    ? HostConfig.NanoCpus / 1e9
    : (HostConfig.CpuQuota ?? 0) > 0
      ? (HostConfig.CpuQuota ?? 0) / (HostConfig.CpuPeriod || DEFAULT_CPU_PERIOD)
      : undefined;
  return {
    id: found.Id,
    name: found.Name.replace(/^\//, ''),
    image: Config.Image,
    imageId: found.Image,
    state: State.Status,
    health: healthWord(State.Health?.Status),
    createdAt: new Date(found.Created).toISOString(),
    ...composeOf(Config.Labels),
    labels: Config.Labels,
    ports: publishedPorts(found),
    networks: networksOf(found.NetworkSettings.Networks),
    volumes: volumesOf(found.Mounts),
    pid: State.Pid,
    ...(startedAt !== undefined && { startedAt }),
    ...(finishedAt !== undefined && { finishedAt }),
    exitCode: State.ExitCode,
    oomKilled: State.OOMKilled,
    restartCount: found.RestartCount,
    restartPolicy: HostConfig.RestartPolicy?.Name || 'no',
    ...(HostConfig.NetworkMode !== undefined && { networkMode: HostConfig.NetworkMode }),
    ...(HostConfig.Memory ? { memoryLimit: HostConfig.Memory } : {}),
    ...(cpuLimit !== undefined && { cpuLimit }),
    healthLog: (State.Health?.Log ?? [])
      .slice(-HEALTH_LOG)
      .reverse()
      .map((entry) => ({
        at: new Date(entry.Start).toISOString(),
        exitCode: entry.ExitCode,
        output: entry.Output.slice(0, OUTPUT_LIMIT),
      })),
    tty: Config.Tty,
    ...(Config.StopTimeout !== undefined && { stopSeconds: Config.StopTimeout }),
  };
}

/** The environment and command line that a container was created with. The values may be secret. @throws NOT_FOUND */
export async function startupOf(
  docker: DockerClient,
  id: string,
): Promise<{ environment: Record<string, string>; command: string[] }> {
  const { Config, Path, Args } = await inspect(docker, id);
  const pairs = (Config.Env ?? []).map((entry): [string, string] => {
    const at = entry.indexOf('=');
    return at < 0 ? [entry, ''] : [entry.slice(0, at), entry.slice(at + 1)];
  });
  return { environment: Object.fromEntries(pairs), command: [Path, ...(Args ?? [])] };
}

const healthWord = (word: string | undefined): ContainerHealth =>
  word === 'healthy' || word === 'unhealthy' || word === 'starting' ? word : 'none';

/** Go writes the year 1 for a time that has not been. */
const timeOf = (text: string): string | undefined =>
  text === '' || text.startsWith('0001-') ? undefined : new Date(text).toISOString();

function publishedPorts({ NetworkSettings, Config }: Inspected): PublishedPort[] {
  // A stopped container has no port bindings but still exposes.
  const all = {
    ...Object.fromEntries(Object.keys(Config.ExposedPorts ?? {}).map((key) => [key, null])),
    ...NetworkSettings.Ports,
  };
  return Object.entries(all).flatMap(([key, bindings]) => {
    const [port = '0', protocol = 'tcp'] = key.split('/');
    const one = { container: Number(port), protocol };
    if (!bindings || bindings.length === 0) return [one];
    return bindings.map((binding) => ({ ...one, host: { address: binding.HostIp, port: Number(binding.HostPort) } }));
  });
}

/** True for states from which a container does not come to serve by itself. */
export const isDown = (word: ContainerState): boolean => ['exited', 'restarting', 'dead', 'removing'].includes(word);
