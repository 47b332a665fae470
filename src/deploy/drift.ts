/** What of the platform as a whole does not agree: containers, load balancers, journal. */
import { versionOf } from '../core/containers.ts';
import { OpsError } from '../core/errors.ts';
import type { ContainerDetail } from '../core/ports/engine.ts';
import type { Route } from '../core/ports/load-balancer.ts';
import { aliasOf, colourIn, colourOf, type Instance, notRunning, startOf } from '../core/routing.ts';
import { waysOut, wouldMeet } from '../core/unfinished.ts';
import type { Changes } from './changes.ts';
import {
  isPlaced,
  isStranded,
  isWhole,
  type Look,
  other,
  type ServiceFacts,
  versionIn,
  whyNoWayBack,
} from './observe.ts';
import { isUp } from './stages.ts';
import { routeText, switchId } from './steps.ts';
import { agreed, type Known, knows, notSetUp } from '../core/told.ts';

/** A thing that does not agree, as a sentence, and the commands that mend it. */
export interface Drift {
  line: string;
  next: string[];
}

const SETUP = 'opsctl lb setup --dry-run';

export function platformDrift(look: Look, changes: Changes): Drift[] {
  const { instances } = look.places;
  const ofServices = look.services
    .filter(isPlaced)
    .flatMap((one) =>
      [
        ...absent(one, look.routing),
        ...stranded(one, look.routing),
        ...neverStarted(one),
        ...one.older.filter(isUp).map((container) => outlived(container, one, look.routing)),
      ].map((drift) =>
        unlessHeld([...instances.map((instance) => switchId(instance)), ...stopIds(one)], drift, changes),
      ),
    );
  return [...balancerDrift(look, changes), ...unfinishedDrift(changes), ...ofServices];
}

/** What a change that was left in the middle has in its hands nothing else may touch: what ends it is told instead. */
const unlessHeld = (ids: readonly string[], { line, next }: Drift, { unfinished }: Changes): Drift => ({
  line,
  next: wouldMeet(ids, unfinished) ? [] : next,
});

/** Of the steps by which containers of a service are stopped, the ids. */
const stopIds = ({ live, previous, older }: ServiceFacts): string[] =>
  [...live, ...previous, ...older].map(({ name }) => `engine.stop:${name}`);

/** What keeps the load balancer from being told where traffic is to go. */
function balancerDrift({ places, told, balancer, services }: Look, changes: Changes): Drift[] {
  const known = told.filter(knows);
  const never = told.filter(({ said }) => said === undefined);
  const says = ({ instance, said }: Known): string => {
    const live = { ...Object.fromEntries(services.map(({ name }) => [name, colourIn(said, name)])), ...said.live };
    return `${instance.name} sends traffic to ${routeText({ ...said, live })}`;
  };
  const down = { line: notRunning(balancer), next: [startOf(places.instances, balancer)] };
  const starts = places.instances.map(({ name }) => `engine.start:${name}`);
  const ofFiles = [
    ...told.flatMap(({ instance, said }) => (said instanceof OpsError ? [unreadable(said, instance)] : [])),
    ...(never.length > 0 && never.length === told.length
      ? [{ line: notSetUp(`the load balancer ${balancer}`), next: [SETUP] }]
      : never.map(({ instance }) => ({ line: `${instance.name} was never told where traffic goes`, next: [SETUP] }))),
    ...(known.length > 1 && agreed(known) === undefined
      ? [
          {
            line: `load balancers disagree: ${known.map(says).join('; ')}`,
            next: ['opsctl history', ...known.map(({ instance }) => `opsctl lb setup --like ${instance.name}`)],
          },
        ]
      : []),
  ];
  const switches = told.map(({ instance }) => switchId(instance));
  return [
    ...(places.running ? [] : [unlessHeld(starts, down, changes)]),
    ...ofFiles.map((one) => unlessHeld(switches, one, changes)),
  ];
}

/** People know a container by its name. */
const unreadable = ({ code, message }: OpsError, { id, name }: Instance): Drift => ({
  line: message.includes(id) ? message.replaceAll(id, name) : `${name}: ${message}`,
  next: [code === 'BAD_ANSWER' ? SETUP : 'opsctl lb check'],
});

/** The newest: it has to be ended first. */
const unfinishedDrift = ({ unfinished }: Changes): Drift[] =>
  unfinished.slice(0, 1).map((one) => ({
    line: `change ${one.id} (${one.begin.command}) ${one.end?.outcome === 'paused' ? 'is paused' : 'was left in the middle'}, see opsctl history ${one.id}`,
    next: waysOut(one),
  }));

function stranded(service: ServiceFacts, route: Route | undefined): Drift[] {
  if (!isStranded(service)) return [];
  const { name, colour, live, previous } = service;
  const there = versionIn(previous) ?? 'another release';
  const line = `visitors of ${name} are sent to ${colour}, where nothing runs; ${there} runs in ${other(colour)}`;
  // Until a canary has ended, nothing is rolled back; it may be what helps.
  if (route?.canary !== undefined) {
    const helps = canaryOf(name, route) !== undefined && isWhole(service);
    return [{ line, next: helps ? ['opsctl deploy promote --force'] : [] }];
  }
  const why = whyNoWayBack(live);
  if (why === undefined) return [{ line, next: ['opsctl deploy blue-green --rollback'] }];
  return [
    {
      line: `${line}, and must not be gone back to: ${why}`,
      next: live.map((one) => `opsctl service restart ${one.name}`),
    },
  ];
}

function absent({ name, colour, previous }: ServiceFacts, route: Route | undefined): Drift[] {
  const canary = canaryOf(name, route);
  const down = previous.filter(({ state }) => state !== 'running');
  if (canary === undefined || (down.length === 0 && previous.length > 0)) return [];
  const what =
    down.length === previous.length
      ? `no container of it runs in ${other(colour)}`
      : down.map((one) => `${one.name} is ${one.state}`).join(', ');
  return [
    {
      line: `a canary gets ${canary.percent.toString()} % of the traffic of ${name}, but ${what}`,
      next: [],
    },
  ];
}

function neverStarted({ name, colour, live, previous }: ServiceFacts): Drift[] {
  const [now, then] = [newest(live), newest(previous)];
  const is = now !== undefined && then !== undefined && then > now && previous.some(({ state }) => state === 'created');
  return is
    ? [{ line: `${name} has containers of a newer release in ${other(colour)} that never started`, next: [] }]
    : [];
}

/** One that the engine started again when its host did, say: it gets a share of what its colour gets. */
function outlived(container: ContainerDetail, { name, colour }: ServiceFacts, route: Route | undefined): Drift {
  const own = colourOf(container);
  const candidate = canaryOf(name, route) === undefined ? 'a rollback or the next release' : 'the canary';
  const shared = own === colour ? 'what is live' : candidate;
  return {
    line: `${container.name} is of an older release (${versionOf(container) ?? container.image}) and runs: it shares the network name ${aliasOf(name, own)}, so it would get requests of ${shared}`,
    // Until the canary has ended, nothing is retired.
    next: route?.canary === undefined ? ['opsctl deploy retire'] : [],
  };
}

const canaryOf = (service: string, route: Route | undefined): Route['canary'] =>
  route?.canary?.services.includes(service) === true ? route.canary : undefined;

const newest = (containers: readonly ContainerDetail[]): string | undefined =>
  containers
    .map(({ createdAt }) => createdAt)
    .toSorted((a, b) => Date.parse(a) - Date.parse(b))
    .at(-1);
