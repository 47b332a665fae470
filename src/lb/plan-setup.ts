import type { Plan, Step } from '../core/change.ts';
import { plan, step, gate } from '../core/plan.ts';
import { colourOf } from '../core/routing.ts';
import { type DoorFacts, isLoaded, isWritten, routingOf, type SetupFacts } from './observe.ts';
import { reloadStep } from './plan-reload.ts';

/** How long nginx may take to test its configuration, in ms: it resolves names, and a resolver that is ill takes seconds. */
const TEST_MS = 20_000;

/**
 * Files for nginx, written beside what it has, tested, and loaded. Who has not included them yet gets the same files and
 * a reload that changes nothing. Where traffic goes is written once; later it is left to the deploys.
 */
export function planSetup(facts: SetupFacts, withinMs: number): Plan {
  const steps = facts.doors.flatMap((door) => stepsFor(door, facts, withinMs));
  const doors = facts.doors.map(({ name }) => name).join(', ');
  return plan({
    target: doors,
    summary: steps.length === 0 ? `${doors} is set up already` : `set up ${doors} for deploys without a reload`,
    touches: facts.doors.flatMap((door) => touches(door, facts)),
    steps,
  });
}

function stepsFor(door: DoorFacts, { directory, services }: SetupFacts, withinMs: number): Step[] {
  const { id, name, wanted, present } = door;
  const written = isWritten(door);
  const names = wanted.files.map((one) => one.name);
  return [
    ...(routingOf(door) !== undefined
      ? []
      : [
          step({
            id: `lb.route:${name}`,
            describe: `write in ${name} that traffic goes where it goes now`,
            why: 'a later switch replaces it by one rename',
            do: (w) => w.loadBalancer.route(id, directory, { live: liveNow(services) }),
            undo: 'not needed',
            verify: (r) => r.loadBalancer.isRouted(id, directory, { live: liveNow(services) }),
          }),
        ]),
    ...(written
      ? []
      : [
          step({
            id: `lb.write:${name}`,
            describe: `write ${names.map((file) => `${directory}/${file}`).join(' and ')} in ${name}`,
            why: 'nginx is to ask for the live colour at each request',
            do: (w) => w.loadBalancer.writeSnippets(id, directory, wanted.files),
            undo: (w) =>
              present.length === 0
                ? w.loadBalancer.removeSnippets(id, directory, names)
                : w.loadBalancer.writeSnippets(id, directory, present),
            undone: (r) =>
              present.length === 0
                ? r.loadBalancer.lacksSnippets(id, directory, names)
                : r.loadBalancer.hasSnippets(id, directory, present),
            verify: (r) => r.loadBalancer.hasSnippets(id, directory, wanted.files),
          }),
        ]),
    ...(written && isLoaded(door)
      ? []
      : [
          gate({
            id: `lb.test:${name}`,
            describe: `test the configuration of ${name}`,
            why: 'a configuration that does not load must not be there at the next restart',
            verify: (r) => r.loadBalancer.loads(id),
            explain: (r) => r.loadBalancer.checkConfiguration(id),
            timeoutMs: TEST_MS,
          }),
          reloadStep(door, withinMs),
        ]),
  ];
}

/** The colour of the containers that run; what opsctl did not deploy is blue. */
const liveNow = (services: SetupFacts['services']): Record<string, 'blue' | 'green'> =>
  Object.fromEntries(
    services.map(({ name, containers }) => {
      const colours = new Set(containers.map(colourOf));
      return [name, colours.size === 1 && colours.has('green') ? 'green' : 'blue'];
    }),
  );

function touches(door: DoorFacts, { directory }: SetupFacts): string[] {
  return [
    ...(isWritten(door)
      ? []
      : [`container ${door.name}: ${door.wanted.files.length.toString()} files in ${directory}`]),
    ...(isWritten(door) && isLoaded(door)
      ? []
      : [`container ${door.name}: its workers are replaced; requests in flight finish in the old ones`]),
  ];
}
