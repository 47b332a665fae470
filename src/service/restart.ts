import type { Plan, Step } from '../core/change.ts';
import { plural } from '../core/format.ts';
import { gate, plan, step } from '../core/plan.ts';
import type { Container, ContainerDetail } from '../core/ports/engine.ts';

/** How a service is restarted. */
export interface RestartRequest {
  service: string;
  /** Seconds between SIGTERM and SIGKILL, instead of what each container asks for. */
  graceSeconds: number | undefined;
  /** How long a container may take until it serves, in ms. */
  healthyWithinMs: number;
}

/** What is restarted: a container, and the grace that it asks for. */
export type Restarted = Container & Pick<ContainerDetail, 'stopSeconds'>;

/** For containers that ask for none; three times what docker gives, so that requests are rather waited for than cut. */
const DEFAULT_GRACE_SECONDS = 30;

/** A start is quick or it fails; how long the service then takes to serve is another matter. In ms. */
const START_MS = 15_000;
/** What the engine needs beyond the grace to end a container, in ms. */
const STOP_MARGIN_MS = 20_000;

/**
 * One container after the other: stop, start, wait until it serves; so that with several replicas some always
 * serve. One that is stopped already is only started.
 */
export function planRestart(containers: readonly Restarted[], request: RestartRequest): Plan {
  const alone = containers.length === 1;
  return plan({
    target: request.service,
    summary: `restart ${request.service}, ${plural(containers.length, 'container')}`,
    touches: containers.map(
      (one) =>
        `container ${one.name} (${one.image})${alone ? ': the only one, so its requests fail while it restarts' : ''}`,
    ),
    steps: containers.flatMap((one) => restartOne(one, request)),
  });
}

function restartOne(one: Restarted, request: RestartRequest): Step[] {
  const grace = request.graceSeconds ?? one.stopSeconds ?? DEFAULT_GRACE_SECONDS;
  const stopped = one.state === 'exited' || one.state === 'created' || one.state === 'dead';
  const stop = step({
    id: `engine.stop:${one.name}`,
    describe: `stop ${one.name}, with ${grace.toString()} s to finish its requests`,
    why: 'a restart begins with an orderly end',
    do: (w) => w.engine.stopContainer(one.id, grace),
    undo: (w) => w.engine.startContainer(one.id),
    undone: (r) => r.engine.staysUp(one.id),
    verify: (r) => r.engine.isStopped(one.id),
    timeoutMs: grace * 1000 + STOP_MARGIN_MS,
  });
  const start = step({
    id: `engine.start:${one.name}`,
    describe: `start ${one.name}`,
    why: stopped ? 'it does not run' : 'it was stopped',
    do: (w) => w.engine.startContainer(one.id),
    // Where it was stopped here, starting it is what takes that back; where it was stopped before, it is stopped again.
    undo: stopped ? (w) => w.engine.stopContainer(one.id, grace) : 'not needed',
    verify: (r) => r.engine.isRunning(one.id),
    explain: (r) => r.engine.whyNotServing(one.id),
    timeoutMs: START_MS,
  });
  const serving = gate({
    id: `engine.serving:${one.name}`,
    describe: `wait until ${one.name} serves`,
    why: 'success is observed: its own health check decides',
    verify: (r) => r.engine.isServing(one.id),
    explain: (r) => r.engine.whyNotServing(one.id),
    timeoutMs: request.healthyWithinMs,
  });
  return stopped ? [start, serving] : [stop, start, serving];
}
