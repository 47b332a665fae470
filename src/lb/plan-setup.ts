import type { Plan, Step } from '../core/change.ts';
import { plan, step, gate } from '../core/plan.ts';
import { OpsError } from '../core/errors.ts';
import type { Readers, Writers } from '../core/ports.ts';
import type { Route, Routing, ServerRequest } from '../core/ports/load-balancer.ts';
import { colourOf, distinctPlaces, sameRoute } from '../core/routing.ts';
import {
  ASK_MS,
  type InstanceFacts,
  isLoaded,
  isWritten,
  routingOf,
  type SetupFacts,
  unknownPorts,
} from './observe.ts';
import { reloadStep } from './plan-reload.ts';
import { includes, SERVER_SNIPPET } from './snippets.ts';

/** How long nginx may take to test its configuration, in ms: it resolves names, and a resolver that is ill takes seconds. */
const TEST_MS = 20_000;
/** Putting files back tests the configuration, up to three times, and sees it loaded; in ms. */
const RESTORE_MS = 90_000;
/** New workers accept at once; this is for one that could not be asked for a moment. In ms. */
const ANSWER_MS = 10_000;

/**
 * Files for nginx, written beside what it has, tested, and loaded. Who has not included them yet gets the same files and
 * a reload that changes nothing. Where traffic goes is written once; later it is left to the deploys.
 * @param like the instance that is right, where they do not agree where traffic goes: the others are told the same
 * @throws USAGE when that is none, or was never told; NOT_CONFIGURED when the port of a service is not known
 */
export function planSetup(facts: SetupFacts, withinMs: number, like?: string): Plan {
  const [unknown] = unknownPorts(facts.services);
  if (unknown !== undefined)
    throw new OpsError('NOT_CONFIGURED', unknown.message, {
      hint: `Set services.${unknown.name}.port in opsctl.yaml, then run: opsctl lb setup`,
    });
  const right = like === undefined ? undefined : routeIn(facts, like);
  const route = right ?? routeOf(facts.instances) ?? { live: liveNow(facts.services) };
  const isTold = (instance: InstanceFacts): boolean => {
    const said = routingOf(instance);
    return said !== undefined && (right === undefined || sameRoute(said, right));
  };
  const steps = [
    ...facts.instances.flatMap((instance) => [
      ...(isTold(instance) ? [] : [routeStep(instance, facts, route)]),
      ...(isWritten(instance) ? [] : [writeStep(instance, facts)]),
      ...(isReady(instance) ? [] : loadSteps(instance, withinMs)),
    ]),
    // After all are reloaded: any of them may be the one that answers.
    ...distinctPlaces(facts.instances.filter((instance) => !isReady(instance))).flatMap((instance) =>
      answerSteps(instance, facts),
    ),
  ];
  const instances = facts.instances.map(({ name }) => name).join(', ');
  return plan({
    target: instances,
    summary: steps.length === 0 ? `${instances} is set up already` : `set up ${instances} for deploys without a reload`,
    touches: facts.instances.flatMap((instance) => touches(instance, facts)),
    steps,
  });
}

const isReady = (instance: InstanceFacts): boolean => isWritten(instance) && isLoaded(instance);

function routeStep(instance: InstanceFacts, { directory }: SetupFacts, route: Route): Step {
  const { name, routing } = instance;
  const common = {
    id: `lb.route:${name}`,
    do: (w: Writers) => w.loadBalancer.route(name, directory, route),
    verify: (r: Readers) => r.loadBalancer.isRouted(name, directory, route),
  };
  const said = routingOf(instance);
  if (said !== undefined) {
    const before = withoutWhen(said);
    return step({
      ...common,
      describe: `tell ${name} to send traffic where the named one does`,
      why: 'visitors of the two get different versions now',
      undo: (w) => w.loadBalancer.route(name, directory, before),
      undone: (r) => r.loadBalancer.isRouted(name, directory, before),
    });
  }
  return step({
    ...common,
    describe: `write in ${name} that traffic goes where it goes now`,
    why: 'a later switch replaces it by one rename',
    // A deploy takes it for a load balancer that is set up. What was there and could not be read led nowhere.
    undo: routing === undefined ? (w) => w.loadBalancer.unroute(name, directory) : 'not needed',
  });
}

function writeStep({ name, wanted, present }: InstanceFacts, { directory }: SetupFacts): Step {
  return step({
    id: `lb.write:${name}`,
    describe: `write ${wanted.files.map((file) => `${directory}/${file.name}`).join(' and ')} in ${name}`,
    why: 'nginx is to ask for the live colour at each request',
    do: (w) => w.loadBalancer.writeSnippets(name, directory, wanted.files),
    undo: (w) => w.loadBalancer.restoreSnippets(name, directory, present),
    undone: (r) => r.loadBalancer.hasSnippets(name, directory, present),
    verify: (r) => r.loadBalancer.hasSnippets(name, directory, wanted.files),
    undoTimeoutMs: RESTORE_MS,
  });
}

const loadSteps = (instance: InstanceFacts, withinMs: number): Step[] => [
  gate({
    id: `lb.test:${instance.name}`,
    describe: `test the configuration of ${instance.name}`,
    why: 'a configuration that does not load must not be there at the next restart',
    verify: (r) => r.loadBalancer.loads(instance.name),
    explain: (r) => r.loadBalancer.checkConfiguration(instance.name),
    recheck: true,
    timeoutMs: TEST_MS,
  }),
  // Where files were written, taking them back loads what was there before.
  { ...reloadStep(instance, withinMs), ...(isWritten(instance) ? {} : { undo: 'not needed' as const }) },
];

/**
 * nginx itself tells which files it runs with, where visitors come in and the configuration includes them. Where it told
 * so before, it must tell the new ones; where it never did, another server may answer there, and that is reported.
 */
function answerSteps(instance: InstanceFacts, { directory, services, tls }: SetupFacts): Step[] {
  const { name, wanted, loaded, test, configuration } = instance;
  if (test.ok && !includes(configuration, `${directory}/${SERVER_SNIPPET}`)) return [];
  const asked = new Map<string, Step>();
  for (const { name: service, url } of services) {
    const before = loaded[service];
    if (url === undefined || before === undefined || 'why' in before || (before.digest === undefined && !test.ok))
      continue;
    const { origin, username, password } = new URL(url);
    // Steps are journalled, and hold no secret.
    if (asked.has(origin) || username !== '' || password !== '') continue;
    const request: ServerRequest = { url: origin, timeoutMs: ASK_MS, ...(tls === undefined ? {} : { tls }) };
    const { digest } = wanted;
    asked.set(
      origin,
      gate({
        id: `lb.runs:${name}:${origin}`,
        describe: `ask nginx at ${origin} whether it runs with these files`,
        why: 'neither the signal nor new workers tell what was loaded',
        verify: (r) => r.loadBalancer.runs(name, directory, digest, request),
        explain: (r) => r.loadBalancer.loaded(name, directory, request),
        recheck: true,
        timeoutMs: ANSWER_MS,
        ...(before.digest === undefined ? { onFailure: 'go on' as const } : {}),
      }),
    );
  }
  return [...asked.values()];
}

/** Where another load balancer sends traffic: two that differ would serve two versions. */
function routeOf(instances: readonly InstanceFacts[]): Route | undefined {
  const [known] = instances.flatMap((instance) => routingOf(instance) ?? []);
  return known === undefined ? undefined : withoutWhen(known);
}

const withoutWhen = ({ live, canary }: Routing): Route => ({ live, ...(canary === undefined ? {} : { canary }) });

function routeIn({ instances }: SetupFacts, like: string): Route {
  const named = instances.find(({ name }) => name === like);
  const said = named === undefined ? undefined : routingOf(named);
  if (said !== undefined) return withoutWhen(said);
  throw new OpsError(
    'USAGE',
    named === undefined ? `${like} is no load balancer of the platform` : `${like} cannot tell where traffic goes`,
    { hint: `Name one that can; there are: ${instances.map(({ name }) => name).join(', ')}` },
  );
}

/** The colour of the containers that run; where both do, nginx without a word of where to go has sent all to blue. What opsctl did not deploy is blue. */
const liveNow = (services: SetupFacts['services']): Record<string, 'blue' | 'green'> =>
  Object.fromEntries(
    services.map(({ name, containers }) => {
      const colours = new Set(containers.map(colourOf));
      return [name, colours.size === 1 && colours.has('green') ? 'green' : 'blue'];
    }),
  );

function touches(instance: InstanceFacts, { directory }: SetupFacts): string[] {
  return [
    ...(isWritten(instance)
      ? []
      : [`container ${instance.name}: ${instance.wanted.files.length.toString()} files in ${directory}`]),
    ...(isReady(instance)
      ? []
      : [`container ${instance.name}: its workers are replaced; requests in flight finish in the old ones`]),
  ];
}
