/** How services, colours and the load balancer's directory are called: what set-up and deploys must agree on. */
import { isOfPlatform, isOneOff, serviceOf } from './containers.ts';
import { OpsError } from './errors.ts';
import type { Platform, Service } from './platform.ts';
import type { Container } from './ports/engine.ts';
import type { Colour, Route } from './ports/load-balancer.ts';
import { compareNames } from './text.ts';

/** The network name of a service's containers of one colour. */
export const aliasOf = (service: string, colour: Colour): string => `${service}-${colour}`;

/** The label that says which of the two places a container is in. */
export const COLOUR_LABEL = 'opsctl.colour';

/** Which of the two places a container is in. What compose made without saying is blue: it was there first. */
export const colourOf = ({ labels }: Pick<Container, 'labels'>): Colour =>
  labels[COLOUR_LABEL] === 'green' ? 'green' : 'blue';

/** By this header, with the token, a certain colour is asked. nginx' name of the variable: `$http_x_opsctl_probe`. */
export const PROBE_HEADER = 'x-opsctl-probe';
/** Where the load balancer itself answers, to who knows the token: `opsctl <digest of its snippets> <colour asked for>`. */
export const CONFIRM_PATH = '/.opsctl/confirm';
/** Cookie by which a visitor keeps the version that he got, while there is a canary. */
export const VISITOR_COOKIE = 'opsctl_visitor';

/** A container of the load balancer through which its directory is read, and written while it runs. */
export interface Instance {
  id: string;
  name: string;
  /** The volume that the directory is on; absent when it is on none and goes with the container. */
  volume?: string;
}

/** The load balancer as a container of the platform. @throws NOT_CONFIGURED when the configuration names none */
export function balancerOf({ loadBalancer, environment }: Platform): { service: string; directory: string } {
  const { service, directory } = loadBalancer ?? {};
  if (service !== undefined && directory !== undefined) return { service, directory };
  throw new OpsError('NOT_CONFIGURED', `environment ${environment} names no load balancer container`, {
    hint: 'Set loadBalancer.service in opsctl.yaml.',
  });
}

/** What nginx can have of a service's name in those of its own variables and upstreams. */
export const wordOf = (service: string): string => service.replaceAll(/[^A-Za-z0-9]/g, '_');

/**
 * The services that releases consist of.
 * @throws NOT_CONFIGURED when there is none, CONFIG_INVALID when nginx could not tell two of them apart
 */
export function deployableServices({ services }: Platform): [string, Service][] {
  const deployable = Object.entries(services).filter(([, { deployable: is }]) => is);
  mustDiffer(deployable.map(([name]) => name));
  if (deployable.length > 0) return deployable;
  throw new OpsError('NOT_CONFIGURED', 'no service of the configuration is deployable', {
    hint: 'Set deployable: true for a service, then run: opsctl config check',
  });
}

/** In nginx, names of variables and upstreams have neither dots nor dashes, and large letters are small ones. */
function mustDiffer(names: readonly string[]): void {
  const known = new Map<string, string>();
  for (const name of names) {
    const word = wordOf(name).toLowerCase();
    const first = known.get(word);
    if (first !== undefined) {
      throw new OpsError('CONFIG_INVALID', `services ${first} and ${name} would have the same name in nginx: ${word}`, {
        hint: `Give one of them another key in opsctl.yaml, with \`service: ${name}\` for its name in compose, or set deployable: false for it.`,
      });
    }
    known.set(word, name);
  }
}

/** Where the directory of the load balancer can be reached. */
export interface Places {
  instances: Instance[];
  /** False: none of its containers runs, and the instances are stopped ones. */
  running: boolean;
}

/**
 * Every container of the load balancer that runs; when none does, the stopped ones, whose directory can be read all the same.
 * @throws NOT_CONFIGURED without a load balancer container
 */
export function replicasOfBalancer(platform: Platform, containers: readonly Container[]): Places {
  const { compose } = platform;
  const { service, directory } = balancerOf(platform);
  const all = containers.filter(
    (one) => isOfPlatform(one, compose.project) && serviceOf(one) === service && !isOneOff(one),
  );
  const running = all.filter(({ state }) => state === 'running');
  const reached = running.length > 0 ? running : all;
  const byName = [...reached].sort((a, b) => compareNames(a.name, b.name));
  return { instances: byName.map((one) => instanceOf(one, directory)), running: running.length > 0 };
}

function instanceOf(container: Container, directory: string): Instance {
  const { id, name } = container;
  const mount = mountOf(directory, container);
  const volume = mount?.volume ?? mount?.source ?? '';
  // A file system in memory has no source, and goes with the container.
  return { id, name, ...(volume === '' ? {} : { volume }) };
}

/**
 * One of them for each place where the directory is: replicas that share a volume share what is in it.
 * @throws NOT_CONFIGURED without a load balancer container
 */
export function places(platform: Platform, containers: readonly Container[]): Places {
  const { instances: all, running } = replicasOfBalancer(platform, containers);
  return { instances: distinctPlaces(all), running };
}

/** The first instance of each place. */
export const distinctPlaces = <D extends Instance>(all: readonly D[]): D[] => {
  const place = ({ id, volume }: Instance): string => volume ?? id;
  return all.filter((one, index) => all.findIndex((other) => place(other) === place(one)) === index);
};

/** The places, as a change needs them. @throws NOT_CONFIGURED without a load balancer container, UNSAFE when none runs */
export const instances = (platform: Platform, containers: readonly Container[]): Instance[] =>
  runningInstances(places(platform, containers), balancerOf(platform).service);

/** @throws UNSAFE when no container of the load balancer runs */
export function runningInstances({ instances: found, running }: Places, service: string): Instance[] {
  if (running) return found;
  throw new OpsError('UNSAFE', notRunning(service), { hint: `Start it: ${startOf(found, service)}` });
}

export const notRunning = (service: string): string => `no container of the load balancer ${service} runs`;

/** What starts a load balancer of which nothing runs: one that was removed is made anew. */
export const startOf = (stopped: readonly Instance[], service: string): string =>
  stopped.length > 0 ? `opsctl service restart ${service}` : `docker-compose up -d ${service}`;

/** The mount that a directory of a container is on: the one with the longest path. */
export function mountOf(
  directory: string,
  { volumes }: Pick<Container, 'volumes'>,
): Container['volumes'][number] | undefined {
  const above = volumes.filter(
    ({ target }) => directory === target || directory.startsWith(`${target.replace(/\/$/, '')}/`),
  );
  return above.sort((a, b) => b.target.length - a.target.length)[0];
}

export const colourIn = ({ live }: Route, service: string): Colour => live[service] ?? 'blue';

/** True when both send every visitor to the same place. */
export function sameRoute(a: Route, b: Route): boolean {
  const services = new Set([...Object.keys(a.live), ...Object.keys(b.live)]);
  if (![...services].every((name) => colourIn(a, name) === colourIn(b, name))) return false;
  const canary = ({ canary: one }: Route): string =>
    one === undefined ? '' : `${one.percent.toString()} ${[...one.services].sort().join(' ')}`;
  return canary(a) === canary(b);
}
