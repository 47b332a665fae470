/** The steps that deploys and rollbacks are made of. */
import { duration, plural } from '../core/format.ts';
import type { Step } from '../core/change.ts';
import { gate, step } from '../core/plan.ts';
import type { ContainerDetail } from '../core/ports/engine.ts';
import type { Route } from '../core/ports/load-balancer.ts';
import type { Candidate, CanaryStep, Watch } from '../core/ports/release.ts';
import type { Replica } from '../core/ports/replicas.ts';
import { colourIn, type Instance } from '../core/routing.ts';
import { LABEL } from './names.ts';
import { other } from './observe.ts';
import type { VersionVariable } from './version-variable.ts';

/** Seconds between SIGTERM and SIGKILL for containers that name none; above the longest usual request. */
const DEFAULT_GRACE_SECONDS = 30;
/** What the engine needs beyond the grace to end a container, in ms. */
const STOP_MARGIN_MS = 20_000;
/** A start is quick or it fails; serving is another matter. In ms. */
export const START_MS = 15_000;
/** A new candidate answers in ms, or not at all; this is for the connection to be found. */
const SMOKE_MS = 30_000;
/** One rename in a container. Above the deadlines of all its calls together, so that none is made once the step is given up. */
const SWITCH_MS = 90_000;
/** How often a step of a canary that cannot be decided yet is prolonged by its own length. */
export const EXTENSIONS = 2;
/** For the questions after the watch's time is over. */
const WATCH_MARGIN_MS = 30_000;

export const graceOf = (one: Pick<ContainerDetail, 'stopSeconds'>): number => one.stopSeconds ?? DEFAULT_GRACE_SECONDS;

/**
 * Waits for the requests that a container still has. The load balancer keeps no connection to it for longer than a few
 * idle seconds, so that none is evidence. That some are left when the time is over is reported, and ends nothing.
 */
export const drained = (
  one: Pick<ContainerDetail, 'id' | 'name'>,
  { from, drainMs }: Pick<Retirement, 'from' | 'drainMs'>,
): Step =>
  gate({
    id: `engine.drained:${one.name}`,
    describe: `wait until ${one.name} has finished its requests, at most ${duration(drainMs)}`,
    why: 'it gets no new ones; a connection of the load balancer is one that is not finished',
    verify: (r) => r.engine.isDrained(one.id, [...from]),
    explain: (r) => r.engine.connections(one.id, [...from]),
    timeoutMs: drainMs,
    onFailure: 'go on',
  });

/**
 * Ends a container, once the requests that it has are finished. One that still gets new ones would be waited for in vain:
 * it finishes what it has begun within its grace, and the load balancer asks those beside it.
 */
export const retire = (one: ContainerDetail, { from, drainMs, why, asked }: Retirement): Step[] => [
  ...(asked ? [] : [drained(one, { from, drainMs })]),
  ...(one.restartPolicy === 'always' ? [staysStopped(one)] : []),
  step({
    id: `engine.stop:${one.name}`,
    describe: `stop ${one.name}`,
    why,
    do: (w) => w.engine.stopContainer(one.id, graceOf(one)),
    undo: (w) => w.engine.startContainer(one.id),
    undone: (r) => r.engine.isRunning(one.id),
    verify: (r) => r.engine.isStopped(one.id),
    timeoutMs: graceOf(one) * 1000 + STOP_MARGIN_MS,
  }),
];

/** A release of before that comes back by itself would get requests of the one that has its place then. */
const staysStopped = ({ id, name }: ContainerDetail): Step =>
  step({
    id: `engine.restartPolicy:${name}`,
    describe: `set the restart policy of ${name} from always to unless-stopped`,
    why: 'else it would come back with the next start of the engine, although it was stopped',
    do: (w) => w.engine.setRestartPolicy(id, 'unless-stopped'),
    undo: (w) => w.engine.setRestartPolicy(id, 'always'),
    undone: (r) => r.engine.hasRestartPolicy(id, 'always'),
    verify: (r) => r.engine.hasRestartPolicy(id, 'unless-stopped'),
  });

/** How a container is ended. */
export interface Retirement {
  /** Names of the load balancer's containers. */
  from: readonly string[];
  drainMs: number;
  why: string;
  /** It gets requests until it ends: it shares the network name of what is live. */
  asked: boolean;
}

/** @param noRollback why nobody may roll back past it, where the user said so */
export const pull = (reference: string, digest: string, noRollback: string | undefined): Step[] => [
  step({
    id: `replicas.pull:${reference}`,
    describe: `pull ${reference}`,
    why: 'the engine does not have it',
    do: (w) => w.replicas.pull(reference, digest),
    undo: 'not needed',
    verify: (r) => r.replicas.hasImage(reference, digest),
    timeoutMs: 900_000,
  }),
  ...(noRollback === undefined
    ? [
        gate({
          id: `replicas.label:${reference}`,
          describe: `see that ${reference} does not forbid a rollback`,
          why: 'what it says could not be read before it was here, and this plan takes a bad version back',
          verify: (r) => r.replicas.lacksLabel(reference, LABEL.noRollback),
        }),
      ]
    : []),
];

/** What taking a new container back waits for: the requests that it has, then its own grace. */
export interface Ending {
  graceSeconds: number;
  /** Absent for one that gets no requests. */
  drain?: { from: string[]; forMs: number };
}

export const create = (replica: Replica, { graceSeconds, drain }: Ending): Step =>
  step({
    id: `replicas.create:${replica.name}`,
    describe: `create ${replica.name} from ${replica.image}`,
    why: replica.once === undefined ? 'the new version runs beside the old one' : 'it runs once, before any traffic',
    do: (w) => w.replicas.create(replica),
    undo: (w) =>
      w.replicas.remove({
        container: replica.name,
        labels: replica.labels,
        graceSeconds,
        ...(drain === undefined ? {} : { drain }),
      }),
    undone: (r) => r.replicas.isAbsent(replica.name),
    verify: (r) => r.replicas.isComplete(replica.name, replica.model),
    undoTimeoutMs: (drain?.forMs ?? 0) + graceSeconds * 1000 + STOP_MARGIN_MS,
  });

export const start = (name: string): Step =>
  step({
    id: `engine.start:${name}`,
    describe: `start ${name}`,
    why: 'it must serve before it gets traffic',
    do: (w) => w.engine.startContainer(name),
    undo: 'not needed',
    verify: (r) => r.engine.isRunning(name),
    explain: (r) => r.engine.whyNotServing(name),
    timeoutMs: START_MS,
  });

/** A release that was stopped comes back for good, so that a failed rollback leaves it as it was. */
export const restart = (one: ContainerDetail): Step =>
  step({
    id: `engine.start:${one.name}`,
    describe: `start ${one.name}`,
    why: 'it was stopped after the last deploy',
    do: (w) => w.engine.startContainer(one.id),
    undo: (w) => w.engine.stopContainer(one.id, graceOf(one)),
    undone: (r) => r.engine.isStopped(one.id),
    verify: (r) => r.engine.isRunning(one.id),
    explain: (r) => r.engine.whyNotServing(one.id),
    timeoutMs: START_MS,
    undoTimeoutMs: graceOf(one) * 1000 + STOP_MARGIN_MS,
  });

export const serving = (name: string, withinMs: number): Step =>
  gate({
    id: `engine.serving:${name}`,
    describe: `wait until ${name} serves`,
    why: 'its own health check decides',
    // One that ended and was started again would do so under visitors.
    verify: (r) => r.engine.isServing(name, 0),
    explain: (r) => r.engine.whyNotServing(name),
    recheck: true,
    timeoutMs: withinMs,
  });

/** One gate for all that a version is asked: each step costs a line of the journal. */
export const smoke = (candidate: Candidate, who = 'the new version'): Step =>
  gate({
    id: 'release.answers',
    describe: asking(candidate, who),
    why: 'visitors must not be the first to ask',
    verify: (r) => r.release.answers(candidate),
    explain: (r) => r.release.whyNoAnswer(candidate),
    recheck: true,
    timeoutMs: SMOKE_MS + candidate.passes * 1000,
  });

function asking({ asks, passes, containers = [] }: Candidate, who: string): string {
  const often = passes === 1 ? '' : `, ${plural(passes, 'time')} in a row`;
  const urls = asks.map(({ url, colour }) => `${url} (${colour})`).join(', ');
  return [
    ...(containers.length === 0
      ? []
      : [`see that ${containers.join(' and ')} ${containers.length === 1 ? 'serves' : 'serve'}`]),
    ...(asks.length === 0 ? [] : [`ask ${who} through the load balancer${often}: ${urls}`]),
  ].join(', and ');
}

/** Where traffic goes before and after a switch. */
export interface Switch {
  from: Route;
  to: Route;
  /** Tells switches of one plan apart, such as `25%`. */
  at?: string;
  /** There is no way back, for what the new version did to the data. */
  oneWay?: boolean;
}

/** The id of a switch, at which changes of the same load balancer are seen to meet. */
export const switchId = ({ name }: Instance, at?: string): string =>
  `lb.route:${name}${at === undefined ? '' : `:${at}`}`;

export const route = (instance: Instance, directory: string, { from, to, at, oneWay = false }: Switch): Step =>
  step({
    id: switchId(instance, at),
    describe: `${instance.name} sends traffic to ${routeText(to)}`,
    why: oneWay
      ? 'from here on it is not taken back: the version before cannot work with what this one did to the data'
      : 'one rename, seen by the next request; no reload',
    do: (w) => w.loadBalancer.route(instance.name, directory, to),
    ...(oneWay
      ? {
          undo: 'too late' as const,
          undone: (r) => r.loadBalancer.hasNotSwitched(instance.name, directory, to),
        }
      : {
          undo: (w) => w.loadBalancer.route(instance.name, directory, from),
          undone: (r) => r.loadBalancer.isRouted(instance.name, directory, from),
        }),
    verify: (r) => r.loadBalancer.isRouted(instance.name, directory, to),
    timeoutMs: SWITCH_MS,
  });

export function routeText(route: Route): string {
  const { live, canary } = route;
  const share = (name: string): string =>
    canary?.services.includes(name) === true
      ? ` (${canary.percent.toString()} % to ${other(colourIn(route, name))})`
      : '';
  return Object.keys(live)
    .map((name) => `${name} ${colourIn(route, name)}${share(name)}`)
    .join(', ');
}

export const watch = (what: Watch, at?: string): Step =>
  gate({
    id: `release.well${at === undefined ? '' : `:${at}`}`,
    describe: `watch the new version for ${duration(what.forMs)}`,
    why: 'what only real traffic shows is taken back by itself',
    verify: (r) => r.release.isWell(what),
    explain: (r) => r.release.watchView(what),
    output: (r) => r.release.watchView(what),
    timeoutMs: what.forMs + WATCH_MARGIN_MS,
    // A share of a canary is held when it is interrupted; after a switch, all is taken back.
    ...(at === undefined ? {} : { onFailure: 'pause' as const }),
  });

/** A canary is held, not taken back, when it cannot be told whether it is worse. */
export const compare = (what: CanaryStep, percent: number): Step =>
  gate({
    id: `release.passed:${percent.toString()}%`,
    describe: `compare the new version with the stable one for at least ${duration(what.forMs)}`,
    why: 'errors and latency of both, in the same window',
    verify: (r) => r.release.hasPassed(what),
    explain: (r) => r.release.canaryView(what),
    timeoutMs: what.forMs * (1 + EXTENSIONS) + WATCH_MARGIN_MS,
    onFailure: 'pause',
  });

export const setVersion = ({ file, name, value }: VersionVariable, version: string): Step =>
  step({
    id: `files.variable:${name}`,
    describe: `set ${name}=${version} in ${file}`,
    why: 'else the next docker-compose up would bring the old version back',
    do: (w) => w.files.setVariable(file, name, version),
    undo: (w) => w.files.setVariable(file, name, value ?? null),
    undone: (r) => r.files.hasVariable(file, name, value ?? null),
    verify: (r) => r.files.hasVariable(file, name, version),
  });

/** Removes a container that no rollback needs any more; that it stays is no reason to take a release back. */
export const removeOld = (one: Pick<ContainerDetail, 'id' | 'name' | 'stopSeconds'>): Step =>
  step({
    id: `replicas.remove:${one.name}`,
    describe: `remove ${one.name}`,
    why: 'no rollback goes back that far',
    do: (w) => w.replicas.remove({ container: one.id, labels: {}, graceSeconds: graceOf(one) }),
    // It may be what the undo of an earlier step would start again.
    undo: 'too late',
    verify: (r) => r.replicas.isAbsent(one.id),
    timeoutMs: graceOf(one) * 1000 + STOP_MARGIN_MS,
    onFailure: 'go on',
  });
