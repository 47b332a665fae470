/** What is live, and where containers, load balancer and configuration disagree. */
import * as z from 'zod';

import { versionOf } from '../core/containers.ts';
import type { ChangeRecord } from '../core/change.ts';
import type { ContainerDetail } from '../core/ports/engine.ts';
import { COLOURS } from '../core/ports/load-balancer.ts';
import { colourOf } from '../core/routing.ts';
import { type Facts, other, type ServiceFacts, versionIn } from './observe.ts';
import type { VersionVariable } from './version-variable.ts';

const replicaSchema = z.object({
  name: z.string(),
  version: z.string().nullable(),
  colour: z.enum(COLOURS),
  state: z.string(),
  health: z.string(),
});

/** A service in `deploy status`. */
export const serviceStatusSchema = z
  .object({
    service: z.string(),
    colour: z.enum(COLOURS).describe('the live one'),
    version: z.string().nullable().describe('null when its containers run several'),
    digest: z.string().nullable().describe('of the image by its registry, else its id; null when there are several'),
    replicas: z.array(replicaSchema).describe('the live ones'),
    weight: z.number().describe('percent of new visitors that get the live colour'),
    previous: z
      .object({ version: z.string().nullable(), warm: z.boolean().describe('runs'), replicas: z.array(replicaSchema) })
      .nullable()
      .describe('what a rollback goes back to'),
    drift: z.array(z.string()).describe('what does not agree with it, a sentence each'),
  })
  .meta({ id: 'ServiceStatus' });
export type ServiceStatus = z.infer<typeof serviceStatusSchema>;

/** What is compared with the containers of a service. */
export interface Beside {
  variable: VersionVariable | { why: string };
  digest: string | undefined;
}

export function statusOf(service: ServiceFacts, { routing }: Facts, { variable, digest }: Beside): ServiceStatus {
  const { name, live, previous } = service;
  const images = new Set(live.map(({ imageId }) => imageId));
  const [image] = images;
  return {
    service: name,
    colour: service.colour,
    version: versionIn(live) ?? null,
    digest: images.size === 1 ? (digest ?? image ?? null) : null,
    replicas: live.map(replica),
    weight: routing.canary?.services.includes(name) === true ? 100 - routing.canary.percent : 100,
    previous:
      previous.length === 0
        ? null
        : {
            version: versionIn(previous) ?? null,
            warm: previous.every(({ state }) => state === 'running'),
            replicas: previous.map(replica),
          },
    drift: driftOf(service, variable),
  };
}

const replica = (one: ContainerDetail): z.infer<typeof replicaSchema> => ({
  name: one.name,
  version: versionOf(one) ?? null,
  colour: colourOf(one),
  state: one.state,
  health: one.health,
});

function driftOf({ name, live }: ServiceFacts, variable: Beside['variable']): string[] {
  const down = live.filter(({ state, health }) => state !== 'running' || health === 'unhealthy');
  const version = versionIn(live);
  return [
    ...(live.length === 0 ? [`the load balancer sends traffic to a colour in which ${name} has no container`] : []),
    ...down.map((one) => `${one.name} is live and ${one.state === 'running' ? 'unhealthy' : one.state}`),
    ...(live.length > 0 && version === undefined ? ['its live containers run several versions'] : []),
    ...(version !== undefined && !('why' in variable) && variable.value !== version
      ? [
          `${variable.file} says ${variable.name}=${variable.value ?? ''}, but ${version} is live: the next docker-compose up would change it`,
        ]
      : []),
  ];
}

/** What of the platform as a whole does not agree. */
export function platformDrift(facts: Facts, unfinished: ChangeRecord | undefined): string[] {
  const { routing, services } = facts;
  const absent = services.filter(
    ({ name, previous }) =>
      routing.canary?.services.includes(name) === true && !previous.some(({ state }) => state === 'running'),
  );
  const stale = services.filter(({ live, previous }) => {
    const [now, then] = [newest(live), newest(previous)];
    return now !== undefined && then !== undefined && then > now && previous.some(({ state }) => state === 'created');
  });
  return [
    ...(unfinished === undefined
      ? []
      : [
          `change ${unfinished.id} (${unfinished.begin.command}) was left in the middle, see opsctl history ${unfinished.id}`,
        ]),
    ...absent.map(
      ({ name, colour }) =>
        `a canary gets ${routing.canary?.percent.toString() ?? ''} % of the traffic of ${name}, but no container of it runs in ${other(colour)}`,
    ),
    ...stale.map(
      ({ name, colour }) => `${name} has containers of a newer release in ${other(colour)} that never started`,
    ),
  ];
}

const newest = (containers: readonly ContainerDetail[]): string | undefined =>
  containers
    .map(({ createdAt }) => createdAt)
    .sort((a, b) => a.localeCompare(b))
    .at(-1);
