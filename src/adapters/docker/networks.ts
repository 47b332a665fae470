/** Networks and volumes of the engine. */
import * as z from 'zod';

import { OpsError } from '../../core/errors.ts';
import type { Container, Network, Volume } from '../../core/ports/engine.ts';
import { named, type DockerClient } from './client.ts';
import { listContainers } from './containers.ts';

const labels = z.nullish(z.record(z.string(), z.string())).transform((value) => value ?? {});
const network = z.object({
  Id: z.string(),
  Name: z.string(),
  Driver: z.string(),
  Scope: z.string(),
  Internal: z.boolean(),
  Created: z.string(),
  Labels: labels,
  IPAM: z.nullish(
    z.object({ Config: z.nullish(z.array(z.object({ Subnet: z.string(), Gateway: z.string().optional() }))) }),
  ),
  Containers: z.nullish(
    z.record(z.string(), z.object({ Name: z.string(), IPv4Address: z.string(), IPv6Address: z.string() })),
  ),
});
const volume = z.object({
  Name: z.string(),
  Driver: z.string(),
  Mountpoint: z.string(),
  CreatedAt: z.string().optional(),
  Labels: labels,
  UsageData: z.nullish(z.object({ Size: z.number() })),
});

/** The engine walks all files of all volumes. */
const SIZES_TIMEOUT_MS = 60_000;

function toNetwork(found: z.infer<typeof network>): Network {
  return {
    id: found.Id,
    name: found.Name,
    driver: found.Driver,
    scope: found.Scope,
    internal: found.Internal,
    createdAt: new Date(found.Created).toISOString(),
    subnets: (found.IPAM?.Config ?? []).map(({ Subnet, Gateway }) => ({
      subnet: Subnet,
      ...(Gateway ? { gateway: Gateway } : {}),
    })),
    labels: found.Labels,
  };
}

export async function listNetworks(docker: DockerClient): Promise<Network[]> {
  return (await docker.json({ path: '/networks', asked: 'list the networks' }, z.array(network))).map(toNetwork);
}

/** @throws NOT_FOUND */
export async function inspectNetwork(docker: DockerClient, name: string): Promise<Network> {
  const found = await docker.json(
    { path: `/networks/${named('network', name)}`, asked: `inspect network ${name}`, thing: `network ${name}` },
    network,
  );
  const members = Object.entries(found.Containers ?? {}).map(([container, end]) => ({
    container,
    name: end.Name,
    // The engine adds the length of the prefix.
    address: (end.IPv4Address || end.IPv6Address).replace(/\/\d+$/, ''),
  }));
  return { ...toNetwork(found), members };
}

export async function listVolumes(docker: DockerClient, sizes: boolean): Promise<Volume[]> {
  const [containers, found] = await Promise.all([listContainers(docker), sizes ? measured(docker) : plain(docker)]);
  return found.map((item) => toVolume(item, containers));
}

/** @throws NOT_FOUND */
export async function inspectVolume(docker: DockerClient, name: string): Promise<Volume> {
  const [containers, found] = await Promise.all([
    listContainers(docker),
    docker.json(
      { path: `/volumes/${named('volume', name)}`, asked: `inspect volume ${name}`, thing: `volume ${name}` },
      volume,
    ),
  ]);
  if (found.Name !== name)
    throw new OpsError('NOT_FOUND', `there is no volume ${name} on the docker engine at ${docker.host}`);
  return toVolume(found, containers);
}

const listing = z.object({ Volumes: z.nullish(z.array(volume)) });

const plain = async (docker: DockerClient): Promise<z.infer<typeof volume>[]> =>
  (await docker.json({ path: '/volumes', asked: 'list the volumes' }, listing)).Volumes ?? [];

const measured = async (docker: DockerClient): Promise<z.infer<typeof volume>[]> =>
  // Before API 1.42 `type` is ignored: images and layers are measured too.
  (
    await docker.json(
      { path: '/system/df', query: { type: 'volume' }, asked: 'measure the volumes', timeoutMs: SIZES_TIMEOUT_MS },
      listing,
    )
  ).Volumes ?? [];

function toVolume(found: z.infer<typeof volume>, containers: Container[]): Volume {
  const size = found.UsageData?.Size ?? -1;
  return {
    name: found.Name,
    driver: found.Driver,
    mountpoint: found.Mountpoint,
    ...(found.CreatedAt ? { createdAt: new Date(found.CreatedAt).toISOString() } : {}),
    labels: found.Labels,
    usedBy: containers.flatMap((container) =>
      container.volumes
        .filter((mount) => mount.volume === found.Name)
        .map((mount) => ({ container: container.name, target: mount.target, readOnly: mount.readOnly })),
    ),
    ...(size >= 0 && { size }),
  };
}
