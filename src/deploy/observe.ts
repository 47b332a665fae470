/** What a deploy has to know of the platform before it plans. */
import { isOfPlatform, isOneOff, serviceOf, versionOf } from '../core/containers.ts';
import { OpsError } from '../core/errors.ts';
import type { Platform } from '../core/platform.ts';
import type { Readers } from '../core/ports.ts';
import type { Container, ContainerDetail } from '../core/ports/engine.ts';
import type { Colour, Routing } from '../core/ports/load-balancer.ts';
import { balancerOf, colourIn, colourOf, deployableServices, type Door, doors, sameRoute } from '../core/routing.ts';
import { deployOf } from './names.ts';

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
  older: Container[];
}

export interface Facts {
  doors: Door[];
  directory: string;
  /** Names of all running containers of the load balancer. */
  balancers: string[];
  routing: Routing;
  services: ServiceFacts[];
  /** Number of the newest deploy whose containers are there. */
  deploy: number;
}

export const other = (colour: Colour): Colour => (colour === 'blue' ? 'green' : 'blue');

/** Looks at load balancer and containers. @throws NOT_CONFIGURED, UNSAFE when the load balancer is not set up or runs in parts */
export async function observe(platform: Platform, readers: Readers): Promise<Facts> {
  const { service: balancer, directory } = balancerOf(platform);
  const all = (await readers.engine.containers()).filter((one) => isOfPlatform(one, platform.compose.project));
  const entries = doors(platform, all);
  const routing = await agreed(entries, directory, readers);
  const services = await Promise.all(
    deployableServices(platform).map(async ([name, { service }]) => {
      const own = all.filter((one) => serviceOf(one) === (service ?? name) && !isOneOff(one));
      return await factsOf(name, own, colourIn(routing, name), readers);
    }),
  );
  const balancers = all
    .filter((one) => serviceOf(one) === balancer && one.state === 'running')
    .map(({ name }) => name)
    .sort();
  return { doors: entries, balancers, directory, routing, services, deploy: Math.max(0, ...all.map(deployOf)) };
}

/** Where traffic goes, which all doors must say alike. */
async function agreed(entries: readonly Door[], directory: string, { loadBalancer }: Readers): Promise<Routing> {
  const found = await Promise.all(entries.map(async (door) => await loadBalancer.routing(door.id, directory)));
  const [first] = found;
  if (first === undefined) {
    throw new OpsError('UNSAFE', 'the load balancer is not set up for deploys, so traffic cannot be switched', {
      hint: 'See what it would write, then set it up: opsctl lb setup --dry-run',
    });
  }
  const odd = found.findIndex((one) => one === undefined || !sameRoute(one, first));
  if (odd < 0) return first;
  throw new OpsError(
    'UNSAFE',
    `${entries[0]?.name ?? ''} and ${entries[odd]?.name ?? ''} send traffic to different versions`,
    { hint: 'See which: opsctl deploy status' },
  );
}

async function factsOf(
  name: string,
  own: readonly Container[],
  colour: Colour,
  { engine }: Readers,
): Promise<ServiceFacts> {
  const details = (wanted: readonly Container[]): Promise<ContainerDetail[]> =>
    Promise.all([...wanted].sort(byName).map(({ id }) => engine.container(id)));
  const newest = (wanted: Colour): Container[] => {
    const there = own.filter((one) => colourOf(one) === wanted);
    const last = Math.max(0, ...there.map(deployOf));
    return there.filter((one) => deployOf(one) === last);
  };
  const [now, before] = [newest(colour), newest(other(colour))];
  return {
    name,
    colour,
    live: await details(now),
    previous: await details(before),
    older: own.filter((one) => !now.includes(one) && !before.includes(one)).sort(byName),
  };
}

const byName = (a: Container, b: Container): number => a.name.localeCompare(b.name, 'en', { numeric: true });

/** The version that all containers of a service run; undefined when they differ or none is there. */
export function versionIn(containers: readonly Container[]): string | undefined {
  const versions = new Set(containers.map(versionOf));
  const [only] = versions;
  return versions.size === 1 ? only : undefined;
}
