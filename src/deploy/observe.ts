/** What a deploy has to know of the platform before it plans. */
import { deployOf, isOfPlatform, isOneOff, newestDeploy, serviceOf, versionOf } from '../core/containers.ts';
import { OpsError } from '../core/errors.ts';
import type { Platform } from '../core/platform.ts';
import type { Readers } from '../core/ports.ts';
import type { Container, ContainerDetail } from '../core/ports/engine.ts';
import type { Colour, Routing } from '../core/ports/load-balancer.ts';
import {
  balancerOf,
  colourIn,
  colourOf,
  deployableServices,
  type Instance,
  places,
  type Places,
  runningInstances,
} from '../core/routing.ts';
import { agreed, ask, notSetUp, routingsOf, type Told } from '../core/told.ts';
import { compareNames } from '../core/text.ts';
import { LABEL } from './names.ts';

/** The containers of a service, by what they are to a release. */
export interface ServiceFacts {
  /** As configured. */
  name: string;
  /** The live one. */
  colour: Colour;
  /** The live ones, by name. */
  live: ContainerDetail[];
  /** Those of the release before, running or not: what a rollback goes back to. */
  previous: ContainerDetail[];
  /** Of releases before that: of no use any more. */
  older: ContainerDetail[];
}

export interface Facts {
  instances: Instance[];
  directory: string;
  /** Names of all running containers of the load balancer. */
  balancers: string[];
  routing: Routing;
  services: ServiceFacts[];
  /** Number of the newest deploy whose containers are there. */
  deploy: number;
}

/** A service. Where its live colour is not known, `live` is all that runs of it, and the rest is empty. */
export type SeenService = Omit<ServiceFacts, 'colour'> & { colour: Colour | undefined };

/** The same, as far as it is known: what is so, whether it is good for a deploy or not. */
export interface Look extends Omit<Facts, 'routing' | 'services' | 'instances'> {
  /** The load balancer, as compose calls it. */
  balancer: string;
  places: Places;
  told: Told[];
  /** What all of them say; undefined when one does not know or they disagree. */
  routing: Routing | undefined;
  services: SeenService[];
}

export const other = (colour: Colour): Colour => (colour === 'blue' ? 'green' : 'blue');

/** Looks at load balancer and containers, in whatever state they are. @throws NOT_CONFIGURED */
export async function look(platform: Platform, readers: Readers): Promise<Look> {
  const { service: balancer, directory } = balancerOf(platform);
  const deployable = deployableServices(platform);
  const all = (await readers.engine.containers()).filter((one) => isOfPlatform(one, platform.compose.project));
  const found = places(platform, all);
  const told = await ask(found.instances, directory, readers);
  const services = await Promise.all(
    deployable.map(async ([name, { service }]) => {
      const own = all.filter((one) => serviceOf(one) === (service ?? name) && !isOneOff(one));
      return await seen(name, own, only(routingsOf(told).map((one) => colourIn(one, name))), readers);
    }),
  );
  const balancers = all
    .filter((one) => serviceOf(one) === balancer && one.state === 'running')
    .map(({ name }) => name)
    .sort();
  return {
    balancer,
    directory,
    balancers,
    places: found,
    told,
    routing: agreed(told),
    services,
    deploy: newestDeploy(all),
  };
}

/**
 * The same for who is going to change it.
 * @throws NOT_CONFIGURED; UNSAFE when the load balancer does not run, is not set up, or runs in parts that disagree;
 * what a load balancer says that cannot be read
 */
export async function observe(platform: Platform, readers: Readers): Promise<Facts> {
  const found = await look(platform, readers);
  const [first] = found.told;
  runningInstances(found.places, found.balancer);
  for (const { said } of found.told) if (said instanceof OpsError) throw said;
  if (first?.said === undefined) {
    throw new OpsError('UNSAFE', notSetUp('the load balancer'), {
      hint: 'See what it would write, then set it up: opsctl lb setup --dry-run',
    });
  }
  const facts = factsIn(found);
  if (facts !== undefined) return facts;
  const names = found.told.filter((one) => agreed([first, one]) === undefined).map(({ instance }) => instance.name);
  throw new OpsError('UNSAFE', `${first.instance.name} and ${names[0] ?? ''} send traffic to different versions`, {
    hint: 'See which: opsctl deploy status',
  });
}

/** What is known, where all load balancers say alike where traffic goes. */
export function factsIn({
  routing,
  services,
  places: { instances },
  directory,
  balancers,
  deploy,
}: Look): Facts | undefined {
  if (routing === undefined) return undefined;
  return { instances, directory, balancers, routing, services: services.filter(isPlaced), deploy };
}

/** Whether it is known which containers of a service are live. */
export const isPlaced = (service: SeenService): service is ServiceFacts => service.colour !== undefined;

async function seen(
  name: string,
  own: readonly Container[],
  colour: Colour | undefined,
  { engine }: Readers,
): Promise<SeenService> {
  const details = (wanted: readonly Container[]): Promise<ContainerDetail[]> =>
    Promise.all([...wanted].sort(byName).map(({ id }) => engine.container(id)));
  if (colour === undefined) {
    const running = own.filter(({ state }) => state === 'running');
    return { name, colour, live: await details(running), previous: [], older: [] };
  }
  const newest = (wanted: Colour): Container[] => {
    const there = own.filter((one) => colourOf(one) === wanted);
    const last = newestDeploy(there);
    return there.filter((one) => deployOf(one) === last);
  };
  const [now, before] = [newest(colour), newest(other(colour))];
  return {
    name,
    colour,
    live: await details(now),
    previous: await details(before),
    older: await details(own.filter((one) => !now.includes(one) && !before.includes(one))),
  };
}

const byName = (a: Container, b: Container): number => compareNames(a.name, b.name);

/**
 * Visitors are sent to where nothing runs any more, while the other colour has something to send them to: as after
 * `docker-compose down` and `up`, which make the first colour only. Going there can only make it better.
 */
export const isStranded = ({ live, previous }: Pick<ServiceFacts, 'live' | 'previous'>): boolean =>
  !live.some(({ state }) => state === 'running') && previous.some(({ state }) => state === 'running');

/** Whether all containers of what is in the other colour run: a canary with fewer than it was made of can bear less. */
export const isWhole = ({ previous }: Pick<ServiceFacts, 'previous'>): boolean =>
  previous.length > 0 && previous.every(({ state }) => state === 'running');

/** Why nobody may go back past these containers: their migrations left nothing that the version before could work with. */
export const whyNoWayBack = (containers: readonly Container[]): string | undefined =>
  containers.map(({ labels }) => labels[LABEL.noRollback]).find((label) => label !== undefined && label !== '');

/**
 * Whether what is in the other colour is the release before the live one, which a rollback goes back to. What is newer
 * was rolled back itself, for a reason; what has the same version from the same image, compose made anew.
 */
export const isBefore = ({ live, previous }: Pick<ServiceFacts, 'live' | 'previous'>): boolean =>
  isStranded({ live, previous }) ||
  (previous.length > 0 &&
    newestDeploy(previous) < newestDeploy(live) &&
    (versionIn(previous) !== versionIn(live) || imageIn(previous) !== imageIn(live)));

/** The version that all containers of a service run; undefined when they differ or none is there. */
export const versionIn = (containers: readonly Container[]): string | undefined => only(containers.map(versionOf));

/** The image that all of them run; undefined when they differ or none is there. A tag may have come to mean another. */
export const imageIn = (containers: readonly Container[]): string | undefined =>
  only(containers.map(({ imageId }) => imageId));

/** What all of them are; undefined when they differ or there is none. */
export const only = <T>(values: readonly T[]): T | undefined => (new Set(values).size === 1 ? values[0] : undefined);
