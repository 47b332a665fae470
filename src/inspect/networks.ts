import * as z from 'zod';

import type { Platform } from '../core/platform.ts';
import type { Container, Network, Volume } from '../core/ports/engine.ts';
import { isOfPlatform } from '../core/containers.ts';
import { compareNames } from '../core/text.ts';

const PROJECT = 'com.docker.compose.project';

/** A network and who is on it. */
export const networkSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    driver: z.string(),
    scope: z.string(),
    internal: z.boolean().describe('without a way out'),
    createdAt: z.string(),
    subnets: z.array(z.object({ subnet: z.string(), gateway: z.string().optional() })),
    labels: z.record(z.string(), z.string()),
    own: z.boolean().describe('of this platform: made by its compose project, or used by its containers'),
    members: z.array(z.object({ name: z.string(), address: z.string(), state: z.string() })),
  })
  .meta({ id: 'Network' });
export type NetworkView = z.infer<typeof networkSchema>;

/** A network with its members; stopped containers that belong to it are members without an address. */
export function networkView(network: Network, containers: readonly Container[], { compose }: Platform): NetworkView {
  const members = containers
    .flatMap(({ name, networks, state }) =>
      networks.filter((end) => end.name === network.name).map(({ address }) => ({ name, address, state })),
    )
    .toSorted((a, b) => compareNames(a.name, b.name));
  const { id, name, driver, scope, internal, createdAt, subnets, labels } = network;
  const used = containers.some(
    (container) => isOfPlatform(container, compose.project) && container.networks.some((end) => end.name === name),
  );
  const own = labels[PROJECT] === compose.project || used;
  return { id, name, driver, scope, internal, createdAt, subnets, labels, own, members };
}

/** A volume and who uses it. */
export const volumeSchema = z
  .object({
    name: z.string(),
    driver: z.string(),
    mountpoint: z.string(),
    createdAt: z.string().optional(),
    labels: z.record(z.string(), z.string()),
    size: z.number().optional().describe('bytes; only with --sizes'),
    own: z.boolean().describe('of this platform: made by its compose project, configured, or used by its containers'),
    data: z.boolean().describe('configured as holding data worth keeping'),
    usedBy: z.array(z.object({ container: z.string(), target: z.string(), readOnly: z.boolean(), state: z.string() })),
  })
  .meta({ id: 'Volume' });
export type VolumeView = z.infer<typeof volumeSchema>;

/** A volume with the containers that use it, stopped ones too. */
export function volumeView(volume: Volume, containers: readonly Container[], platform: Platform): VolumeView {
  const { name, driver, mountpoint, createdAt, labels, size } = volume;
  const uses = containers.flatMap((container) =>
    container.volumes
      .filter((mount) => mount.volume === name)
      .map(({ target, readOnly }) => ({
        container,
        use: { container: container.name, target, readOnly, state: container.state },
      })),
  );
  const data = platform.volumes.includes(name);
  const own =
    data ||
    labels[PROJECT] === platform.compose.project ||
    uses.some(({ container }) => isOfPlatform(container, platform.compose.project));
  return {
    name,
    driver,
    mountpoint,
    ...(createdAt === undefined ? {} : { createdAt }),
    labels,
    ...(size === undefined ? {} : { size }),
    own,
    data,
    usedBy: uses.map(({ use }) => use).toSorted((a, b) => compareNames(a.container, b.container)),
  };
}
