import type { Plan, Step } from '../core/change.ts';
import { OpsError } from '../core/errors.ts';
import { plural } from '../core/format.ts';
import { plan, step } from '../core/plan.ts';
import type { Container } from '../core/ports/engine.ts';

/** A running replica of the load balancer as it was observed. */
export interface Balancer {
  container: Pick<Container, 'name'>;
  /** What the test of the configuration on its disk said. */
  test: { ok: boolean; output: string };
  /** Process ids of the workers that accept. */
  workers: readonly number[];
}

/** The replicas of a load balancer that can be reloaded: those that run. @throws UNSAFE when none does */
export function runningReplicas(service: string, replicas: readonly Container[]): Container[] {
  const running = replicas.filter(({ state }) => state === 'running');
  if (running.length > 0) return running;
  const [first] = replicas;
  throw new OpsError('UNSAFE', `${first?.name ?? service} is ${first?.state ?? 'absent'}, there is nothing to reload`, {
    hint: `Start it: opsctl service restart ${service}`,
  });
}

/**
 * One replica after the other, each seen to have new workers before the next: a configuration that loads and serves
 * badly is noticed on the first. Nothing is reloaded unless every replica's configuration loads.
 * @throws UNSAFE naming the first replica whose configuration does not load
 */
export function planReload(service: string, balancers: readonly Balancer[], withinMs: number): Plan {
  const broken = balancers.find(({ test }) => !test.ok);
  if (broken !== undefined) {
    throw new OpsError(
      'UNSAFE',
      `the configuration of ${broken.container.name} does not load, so ${balancers.length > 1 ? 'no replica' : 'it'} is ${balancers.length > 1 ? '' : 'not '}reloaded`,
      {
        hint: 'Mend what nginx names above and try again: opsctl lb reload --dry-run',
        details: { nginx: broken.test.output },
      },
    );
  }
  const [only] = balancers;
  const alone = only !== undefined && balancers.length === 1;
  return plan({
    target: alone ? only.container.name : service,
    summary: alone
      ? `reload nginx in ${only.container.name}`
      : `reload nginx in ${plural(balancers.length, 'replica')} of ${service}`,
    touches: balancers.map(
      ({ container, workers }) =>
        `container ${container.name}: ${plural(workers.length, 'worker')} ${workers.length === 1 ? 'is' : 'are'} replaced; requests in flight finish in the old ones`,
    ),
    steps: balancers.map(({ container, workers }) => reloadStep({ ...container, workers }, withinMs)),
  });
}

/** Reloads one nginx and sees that it has new workers. */
export function reloadStep({ name, workers }: { name: string; workers: readonly number[] }, withinMs: number): Step {
  const before = workers.toSorted((a, b) => a - b);
  return step({
    id: `lb.reload:${name}`,
    describe: `reload nginx in ${name} and wait for its new workers`,
    why: 'the configuration on disk was tested and loads',
    do: (w) => w.loadBalancer.reload(name),
    undo: 'stays',
    verify: (r) => r.loadBalancer.workersReplaced(name, before),
    timeoutMs: withinMs,
  });
}
