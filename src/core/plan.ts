import { isDeepStrictEqual } from 'node:util';

import type { Call, NO_UNDO, Plan, Step } from './change.ts';
import { OpsError } from './errors.ts';
import type { Readers, Writers } from './ports.ts';

/** What is to be kept of a step that is done. */
export interface Said {
  log?: string[];
  /** The same of a gate: what it went by. */
  lines?: string[];
  /** What it was to do as well and could not, a line each: it is told with what came of the change. */
  notDone?: string[];
}

/** How a step is written down by a command's `plan`. Each function makes exactly one call of a port. */
export interface StepSpec {
  /** Unique in the plan: `<port>.<verb>:<thing>`. */
  id: string;
  describe: string;
  why: string;
  do: (writers: Writers) => Promise<unknown>;
  /**
   * The call that takes it back; none when it cannot be undone. Or why there is none:
   * - `not needed`: the undo of an earlier step covers it, or what stays is of no consequence, such as a pulled image;
   * - `kept`: what it did is kept and told, such as what a migration did to data, while all else is taken back;
   * - `stays`: nothing takes it back, which is reported; doing it again does no harm, such as a reload;
   * - `too late`: once it has begun, what taking back needs is gone; the change is finished, and another plan goes back.
   *   Where it can be seen that it was begun and has not happened, `undone` sees it, and the change is still taken back.
   */
  undo?: ((writers: Writers) => Promise<unknown>) | (typeof NO_UNDO)[number];
  /** How long the undo may take. Default: as long as the step. */
  undoTimeoutMs?: number;
  /** Answers true once the undo took effect and lasts. Without it, a call that succeeded is believed. */
  undone?: (readers: Readers) => Promise<boolean>;
  /** Answers true once the step is done. Only where the call's own answer is all that can be known, there is none. */
  verify?: (readers: Readers) => Promise<boolean>;
  /** Asked once when the step was not seen done in time; its answer tells why. */
  explain?: (readers: Readers) => Promise<object>;
  /** Asked once the step is done: what was said or seen meanwhile, to be kept, where the call itself does not answer with it. */
  output?: (readers: Readers) => Promise<Said>;
  /** The call takes a signal as its last argument, one more than is given here: an interruption ends it where it is. */
  interruptible?: true;
  /** `go on`: a failure is reported and ends nothing; for what comes after the change has reached its aim. */
  onFailure?: 'go on';
  /** How long the call and its verification together may take. Default 60 s. */
  timeoutMs?: number;
}

/** A step that changes nothing and waits until something is so. */
export interface GateSpec extends Pick<StepSpec, 'id' | 'describe' | 'why' | 'explain' | 'output' | 'timeoutMs'> {
  /** Answers true once it is so, false while it may still become so. @throws UNSAFE when it will not */
  verify: (readers: Readers) => Promise<boolean>;
  /** What it saw must still be so when the change is resumed: it is asked again then. */
  recheck?: boolean;
  /** `pause`: when it did not settle in time or was interrupted, everything stays as it is, to be resumed. */
  onFailure?: Step['onFailure'];
}

const DEFAULT_TIMEOUT_MS = 60_000;

/**
 * A step of a plan. The functions are not run: the one call that each makes is recorded as data, so that
 * the plan shown, the plan executed and the plan in the journal are the same thing, and so that an
 * interrupted change can be finished or taken back by a machine that never saw the code that planned it
 * (ADR 1).
 */
export function step(spec: StepSpec): Step {
  return {
    id: spec.id,
    describe: spec.describe,
    why: spec.why,
    do: recordCall(spec.do),
    ...(spec.undo === undefined ? {} : { undo: typeof spec.undo === 'string' ? spec.undo : recordCall(spec.undo) }),
    ...(spec.undone === undefined ? {} : { undone: recordCall(spec.undone) }),
    ...(spec.verify === undefined ? {} : { verify: recordCall(spec.verify) }),
    ...(spec.explain === undefined ? {} : { explain: recordCall(spec.explain) }),
    ...(spec.output === undefined ? {} : { output: recordCall(spec.output) }),
    ...(spec.onFailure === undefined ? {} : { onFailure: spec.onFailure }),
    ...(spec.interruptible === undefined ? {} : { interruptible: spec.interruptible }),
    timeoutMs: spec.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    ...(spec.undoTimeoutMs === undefined ? {} : { undoTimeoutMs: spec.undoTimeoutMs }),
  };
}

/** Such a step as data. */
export function gate(spec: GateSpec): Step {
  return {
    id: spec.id,
    describe: spec.describe,
    why: spec.why,
    verify: recordCall(spec.verify),
    ...(spec.explain === undefined ? {} : { explain: recordCall(spec.explain) }),
    ...(spec.output === undefined ? {} : { output: recordCall(spec.output) }),
    ...(spec.onFailure === undefined ? {} : { onFailure: spec.onFailure }),
    ...(spec.recheck === undefined ? {} : { recheck: spec.recheck }),
    timeoutMs: spec.timeoutMs ?? DEFAULT_TIMEOUT_MS,
  };
}

/** Puts a plan together. @throws BUG when two steps share an id or a step that cannot be undone is not last */
export function plan(parts: Plan): Plan {
  const ids = new Set(parts.steps.map(({ id }) => id));
  if (ids.size !== parts.steps.length)
    throw new OpsError('BUG', `two steps of the plan for ${parts.target} share an id`);
  const firstIrreversible = parts.steps.findIndex(isIrreversible);
  if (
    firstIrreversible >= 0 &&
    parts.steps.slice(firstIrreversible).some((item) => item.do !== undefined && !isIrreversible(item))
  ) {
    throw new OpsError('BUG', `in the plan for ${parts.target} a step that can be undone follows one that cannot`);
  }
  // Services that share a file or a container touch it once.
  return { ...parts, touches: [...new Set(parts.touches)] };
}

/** True for a step that changes something and cannot be taken back. */
export const isIrreversible = (item: Step): boolean => item.do !== undefined && item.undo === undefined;

/** What of a step is left when all else is taken back, as a line; undefined where an undo takes it back, or covers it. */
export function whatStays({ id, do: call, undo }: Step, certain: boolean): string | undefined {
  if (call === undefined || undo === 'not needed' || typeof undo === 'object') return undefined;
  const how =
    undo === undefined ? 'cannot be undone' : undo === 'kept' ? 'and what it did is kept' : 'nothing takes it back';
  return `${id}: ${certain ? 'done' : 'may have been done'}, ${how}`;
}

/** True for a step after which a change is not taken back any more. */
export const isTooLate = ({ undo }: Step): boolean => undo === 'too late';

/** True when both plans would do the same to the same things. */
export const samePlan = (a: Plan, b: Plan): boolean => {
  const compared = (one: Plan): string => JSON.stringify({ ...one, seen: undefined, before: undefined });
  return compared(a) === compared(b);
};

function recordCall(make: (ports: Writers) => Promise<unknown>): Call {
  const calls: Call[] = [];
  const port = (name: string): unknown =>
    new Proxy(
      {},
      {
        get:
          (_target, method) =>
          (...args: unknown[]) => {
            calls.push({ port: name, method: String(method), args });
            return Promise.resolve();
          },
      },
    );
  // The recorder answers for every port; a value that no port could give is never looked at.
  const recorder = new Proxy({}, { get: (_target, name) => port(String(name)) }) as Writers;
  void make(recorder);
  const [call] = calls;
  if (call === undefined || calls.length > 1)
    throw new OpsError('BUG', `a step must make exactly one call, not ${calls.length.toString()}`);
  if (!isDeepStrictEqual(JSON.parse(JSON.stringify(call)), call))
    throw new OpsError('BUG', `the arguments of ${call.port}.${call.method} are not JSON`);
  return call;
}

/** What a step may do. A journal comes from outside: nothing that is not listed here is ever called because of one. */
export const MAY_DO = {
  engine: ['startContainer', 'stopContainer', 'setRestartPolicy'],
  replicas: ['pull', 'create', 'startOnce', 'remove'],
  database: ['cancel', 'terminate', 'disconnect', 'analyze', 'checkpoint', 'setConnectionLimit'],
  cache: ['setMemoryLimit', 'keepSettings', 'flush'],
  files: ['setVariable'],
  hooks: ['run'],
  loadBalancer: ['reload', 'route', 'unroute', 'writeSnippets', 'restoreSnippets'],
  lock: ['breakLock'],
  warm: ['ask'],
} as const satisfies { [P in keyof Writers]?: readonly (keyof Writers[P])[] };

/** What a step may ask, to verify or to explain. */
const MAY_ASK = {
  engine: [
    'isRunning',
    'isStopped',
    'isServing',
    'isDrained',
    'connections',
    'staysUp',
    'whyNotServing',
    'hasRestartPolicy',
  ],
  replicas: ['isComplete', 'isAbsent', 'hasImage', 'lacksLabel', 'hasSucceeded', 'lastWords'],
  database: [
    'isCancelled',
    'isOver',
    'hasMovedOn',
    'sessionState',
    'holdUpNobody',
    'answers',
    'isAnalyzed',
    'hasConnectionLimit',
  ],
  cache: ['answers', 'hasMemoryLimit', 'isFlushed'],
  files: ['hasVariable'],
  release: ['answers', 'whyNoAnswer', 'isWell', 'watchView', 'hasPassed', 'canaryView'],
  loadBalancer: [
    'workersReplaced',
    'isRouted',
    'hasNotSwitched',
    'hasSnippets',
    'loads',
    'checkConfiguration',
    'runs',
    'loaded',
  ],
  lock: ['isFree'],
} as const satisfies { [P in keyof Readers]?: readonly (keyof Readers[P])[] };

/**
 * Carries out a recorded call. @param ports writers, to do something @param signal given to a call that an interruption ends
 * @throws BUG when a step may not do or ask that
 */
export async function perform(call: Call, ports: Readers, as: 'do' | 'ask', signal?: AbortSignal): Promise<unknown> {
  const listed: Partial<Record<string, readonly string[]>> = as === 'do' ? MAY_DO : MAY_ASK;
  if (!Object.hasOwn(listed, call.port) || listed[call.port]?.includes(call.method) !== true)
    throw new OpsError('BUG', `a step may not ${as} ${call.port}.${call.method} in this version of opsctl`);
  const port = own(ports, call.port);
  const method = port === null || typeof port !== 'object' ? undefined : own(port, call.method);
  if (typeof method !== 'function')
    throw new OpsError('BUG', `there is no operation ${call.port}.${call.method} in this version of opsctl`);
  return await (method as (...args: unknown[]) => unknown).apply(
    port,
    signal === undefined ? call.args : [...call.args, signal],
  );
}

const own = (holder: object, name: string): unknown =>
  Object.hasOwn(holder, name) ? (holder as Record<string, unknown>)[name] : undefined;
