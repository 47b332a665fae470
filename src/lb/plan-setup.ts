import type { Plan, Step } from '../core/change.ts';
import { plan, step, gate } from '../core/plan.ts';
import type { Route, ServerRequest } from '../core/ports/load-balancer.ts';
import { colourOf, distinctPlaces } from '../core/routing.ts';
import { ASK_MS, type InstanceFacts, isLoaded, isWritten, routingOf, type SetupFacts } from './observe.ts';
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
 */
export function planSetup(facts: SetupFacts, withinMs: number): Plan {
  const steps = [
    ...facts.instances.flatMap((instance) => [
      ...(routingOf(instance) === undefined ? [routeStep(instance, facts)] : []),
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

function routeStep({ name, routing }: InstanceFacts, { directory, services, instances }: SetupFacts): Step {
  const route = routeOf(instances) ?? { live: liveNow(services) };
  return step({
    id: `lb.route:${name}`,
    describe: `write in ${name} that traffic goes where it goes now`,
    why: 'a later switch replaces it by one rename',
    do: (w) => w.loadBalancer.route(name, directory, route),
    // A deploy takes it for a load balancer that is set up. What was there and could not be read led nowhere.
    undo: routing === undefined ? (w) => w.loadBalancer.unroute(name, directory) : 'not needed',
    verify: (r) => r.loadBalancer.isRouted(name, directory, route),
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
  if (known === undefined) return undefined;
  return { live: known.live, ...(known.canary === undefined ? {} : { canary: known.canary }) };
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
