/** What is live of each service, and where its containers and its configuration disagree. */
import * as z from 'zod';

import { versionOf } from '../core/containers.ts';
import type { ContainerDetail } from '../core/ports/engine.ts';
import { COLOURS, type Route } from '../core/ports/load-balancer.ts';
import { colourOf } from '../core/routing.ts';
import { imageIn, isBefore, type Look, only, type SeenService, versionIn } from './observe.ts';
import { routingsOf } from '../core/told.ts';
import { isStale, tagIn, type VersionVariable } from './version-variable.ts';

const replicaSchema = z.object({
  name: z.string(),
  version: z.string().nullable(),
  colour: z.enum(COLOURS),
  state: z.string(),
  health: z.string(),
});

const releaseSchema = z.object({
  version: z.string().nullable(),
  warm: z.boolean().describe('runs'),
  replicas: z.array(replicaSchema),
});

/** A service in `deploy status`. */
export const serviceStatusSchema = z
  .object({
    service: z.string(),
    colour: z
      .enum(COLOURS)
      .nullable()
      .describe(
        'the live one; null when it is not known: the load balancer cannot tell, or each of several says another',
      ),
    version: z.string().nullable().describe('null when its containers run several, or there is none'),
    digest: z.string().nullable().describe('of the image by its registry, else its id; null when there are several'),
    replicas: z.array(replicaSchema).describe('the live ones; all that run when the live colour is not known'),
    weight: z
      .number()
      .nullable()
      .describe('percent of new visitors that get the live colour; null when that is not known'),
    previous: releaseSchema
      .nullable()
      .describe('what a rollback goes back to; null when there is nothing, or the live colour is not known'),
    beside: releaseSchema
      .nullable()
      .describe(
        'what is there beside the live one and no rollback goes back to: a canary, or a version without visitors that was rolled back or is not live yet',
      ),
    drift: z.array(z.string()).describe('what does not agree with it, a sentence each'),
  })
  .meta({ id: 'ServiceStatus' });
export type ServiceStatus = z.infer<typeof serviceStatusSchema>;

/** What is compared with the containers of a service. */
export interface Beside {
  variable: VersionVariable | { why: string };
  digest: string | undefined;
  /** Whether the tag that is live is not its image any more, so that to deploy it would change what is live. */
  moved: boolean;
}

export function statusOf(service: SeenService, { told }: Look, { variable, digest, moved }: Beside): ServiceStatus {
  const { name, colour, live, previous } = service;
  const routings = routingsOf(told);
  const isCanary = routings.some(({ canary }) => canary?.services.includes(name) === true);
  const back = !isCanary && isBefore(service);
  const image = imageIn(live);
  return {
    service: name,
    colour: colour ?? null,
    version: versionIn(live) ?? null,
    digest: image === undefined ? null : (digest ?? image),
    replicas: live.map(replica),
    weight: (colour === undefined ? undefined : only(routings.map((one) => weightOf(name, one)))) ?? null,
    previous: back ? releaseIn(previous) : null,
    beside: back || previous.length === 0 ? null : releaseIn(previous),
    drift: driftOf(service, { variable, moved }),
  };
}

const releaseIn = (containers: readonly ContainerDetail[]): z.infer<typeof releaseSchema> => ({
  version: versionIn(containers) ?? null,
  warm: containers.every(({ state }) => state === 'running'),
  replicas: containers.map(replica),
});

const replica = (one: ContainerDetail): z.infer<typeof replicaSchema> => ({
  name: one.name,
  version: versionOf(one) ?? null,
  colour: colourOf(one),
  state: one.state,
  health: one.health,
});

/** Percent of new visitors that get the live colour. */
const weightOf = (service: string, { canary }: Route): number =>
  canary?.services.includes(service) === true ? 100 - canary.percent : 100;

function driftOf(
  { name, colour, live }: SeenService,
  { variable, moved }: Pick<Beside, 'variable' | 'moved'>,
): string[] {
  const down = live.filter(({ state, health }) => state !== 'running' || health === 'unhealthy');
  const version = versionIn(live);
  const tag = tagIn(live);
  const known = colour !== undefined;
  return [
    ...(live.length > 0
      ? []
      : [
          known
            ? `the load balancer sends traffic to a colour in which ${name} has no container`
            : `no container of ${name} runs`,
        ]),
    ...down.map(
      (one) => `${one.name} is ${known ? 'live and ' : ''}${one.state === 'running' ? 'unhealthy' : one.state}`,
    ),
    ...(known && live.length > 0 && version === undefined ? ['its live containers run several versions'] : []),
    ...(!('why' in variable) && tag !== undefined && isStale({ variable, version: tag })
      ? [staleLine(variable, tag, moved)]
      : []),
  ];
}

/** Of a variable that says another version than the tag that is live, and why no command to write that down is told, if so. */
function staleLine({ file, name, value, fixed }: VersionVariable, tag: string, moved: boolean): string {
  const deploy = moved ? `, and so would a deploy of ${tag}, which is not the image any more that is live` : '';
  const write = fixed === undefined ? '' : `; this user cannot write there: its directory says ${fixed}`;
  return `${file} says ${name}=${value ?? ''}, but ${tag} is live: the next docker-compose up would change it${deploy}${write}`;
}
