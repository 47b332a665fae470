import { setTimeout as sleep } from 'node:timers/promises';

import type { Call, Step } from './change.ts';
import { asOpsError, OpsError } from './errors.ts';
import { duration } from './format.ts';
import { perform, type Said } from './plan.ts';
import type { Writers } from './ports.ts';

/** What doing one step needs from around it. */
export interface StepContext {
  writers: Writers;
  /** Throws LOCKED when the lock was lost. */
  confirmLock: () => Promise<void>;
  /** What a long wait sees meanwhile: the answer of the step's `explain`. */
  seen?: (step: Step, seen: object) => void;
  /** Aborted by the first Ctrl-C or SIGTERM. */
  signal: AbortSignal;
}

/** How long an undo may take to be seen, in ms. */
const UNDONE_MS = 15_000;
/** How often a verification is asked again, in ms. */
const POLL_MS = 250;
/** A step whose call broke off gets at least this long to be seen done, in ms. */
const VERIFY_AFTER_FAILURE_MS = 5000;
/** A long wait asks this often, in ms, whether the lock is still ours: whoever took it over may be what is waited for in vain. */
const CONFIRM_MS = 2000;
/** A long wait says this often, in ms, what it sees. */
const SEEN_MS = 5000;
/** A timer of Node that is set for longer fires at once; in ms, some 25 days. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** How long it may take to say something about a step, such as why it was not seen done, in ms. */
const EXPLAIN_MS = 5000;

/** How a step went. */
export interface Done {
  /** What the call said, where it says something worth keeping. */
  output?: string;
  /** What it was to do as well and did not, a line each. */
  notDone?: string[];
  failure?: {
    error: OpsError;
    mayHaveHappened: boolean;
    /** The adapter says that the call did nothing at all. */
    noEffect?: true;
  };
}

/** Characters kept of what a call says; the end of it matters most. */
const OUTPUT_LIMIT = 8000;

/**
 * Makes the call of a step and verifies it until it is seen done or its time is up. A call whose outcome is unknown
 * (it timed out, or the connection broke) is settled by the verification.
 */
export async function doStep(step: Step, around: StepContext): Promise<Done> {
  const deadline = performance.now() + step.timeoutMs;
  let unknown: OpsError | undefined;
  let said: unknown;
  if (step.do !== undefined) {
    try {
      said = await within(
        step.timeoutMs,
        step,
        perform(step.do, around.writers, 'do', step.interruptible === true ? around.signal : undefined),
      );
    } catch (thrown) {
      const error = asOpsError(thrown);
      if (!isOutcomeUnknown(error)) {
        const outcome = error.details?.['outcome'];
        return {
          failure: { error, mayHaveHappened: outcome === 'part', ...(outcome === 'none' ? { noEffect: true } : {}) },
        };
      }
      unknown = error;
    }
  }
  const found = step.verify === undefined ? unknown : await settle(step, step.verify, { deadline, unknown }, around);
  // What a gate answers once it was interrupted does not count, good or bad: it was said already what comes of that.
  const isAnswer = found?.code !== 'LOCKED' && found?.code !== 'BUG';
  const isOverruled = step.do === undefined && around.signal.aborted && isAnswer;
  const error = isOverruled ? interruptedDuring(step) : found;
  if (error !== undefined) return { failure: { error, mayHaveHappened: step.do !== undefined } };
  // That it cannot be read is no failure of the step.
  const { log = [], lines = log, notDone = [] }: Said = (await heardBy(step, step.output, around)) ?? {};
  const output = typeof said === 'string' ? said : lines.join('\n');
  return {
    ...(output === '' ? {} : { output: output.slice(-OUTPUT_LIMIT) }),
    ...(notDone.length === 0 ? {} : { notDone }),
  };
}

/** Asks until the step is seen done. @returns why it was not */
async function settle(
  step: Step,
  verify: Call,
  { deadline, unknown }: { deadline: number; unknown: OpsError | undefined },
  around: StepContext,
): Promise<OpsError | undefined> {
  let last: OpsError | undefined;
  let answeredNo = false;
  let confirmed = performance.now();
  let told = performance.now();
  const soon = performance.now() + VERIFY_AFTER_FAILURE_MS;
  // An engine that answered with a failure is not waited for; one that went away may come back.
  const until = unknown === undefined ? deadline : unknown.code === 'REJECTED' ? soon : Math.max(deadline, soon);
  for (;;) {
    // A gate may wait long and changes nothing, so an interruption need not wait for it; nor for what it may break off.
    if ((step.do === undefined || step.interruptible === true) && around.signal.aborted)
      return unknown ?? interruptedDuring(step);
    try {
      const left = Math.max(1000, until - performance.now());
      if ((await within(left, step, perform(verify, around.writers, 'ask'))) === true) return undefined;
      last = undefined;
      answeredNo = true;
    } catch (thrown) {
      const error = asOpsError(thrown);
      // A look that the end of the wait cut short says less than those before it, which were answered.
      const cutShort = answeredNo && error.code === 'TIMED_OUT' && performance.now() >= until;
      last = cutShort ? undefined : error;
      if (error.code === 'UNSAFE' || error.code === 'BUG' || error.code === 'NOT_FOUND') break;
    }
    if (performance.now() + POLL_MS > until) break;
    if (performance.now() - confirmed > CONFIRM_MS) {
      const lost = await around.confirmLock().then(() => undefined, asOpsError);
      // That nobody can say whose the lock is does not make it lost: the wait has its own end.
      if (lost?.code === 'LOCKED') return lost;
      confirmed = performance.now();
    }
    if (performance.now() - told > SEEN_MS) {
      const seen = await explained(step, around);
      if (seen !== undefined) around.seen?.(step, seen);
      told = performance.now();
    }
    await sleep(POLL_MS);
  }
  return last ?? unknown ?? (await notSeenDone(step, around));
}

const interruptedDuring = ({ id }: Step): OpsError => new OpsError('INTERRUPTED', `interrupted during ${id}`);

/**
 * Whether an error leaves open if the call took effect: it broke off, or the other side failed in the middle of it.
 * Where the adapter knows more, it says so: `outcome` is `unknown`, `none`, or `part` of a call that ended in the middle.
 */
function isOutcomeUnknown({ code, details }: OpsError): boolean {
  const outcome = details?.['outcome'];
  return outcome === undefined ? ['TIMED_OUT', 'UNREACHABLE', 'BAD_ANSWER'].includes(code) : outcome === 'unknown';
}

/** The verification answered, and answered no until the deadline. */
async function notSeenDone(step: Step, around: StepContext): Promise<OpsError> {
  const found = await explained(step, around);
  return new OpsError('TIMED_OUT', `not seen done within ${duration(step.timeoutMs)}: ${step.describe}`, {
    details: { step: step.id, ...found },
  });
}

/** What there is to say of a step that is not seen done. */
const explained = (step: Step, around: StepContext): Promise<object | undefined> => heardBy(step, step.explain, around);

/** The answer to a question about a step; that nobody can say it is no failure. */
async function heardBy(step: Step, call: Call | undefined, around: StepContext): Promise<object | undefined> {
  if (call === undefined) return undefined;
  const found = await within(EXPLAIN_MS, step, perform(call, around.writers, 'ask')).catch(() => undefined);
  return typeof found === 'object' && found !== null ? found : undefined;
}

async function within<T>(ms: number, step: Step, work: Promise<T>): Promise<T> {
  const timer = new AbortController();
  const expiry = sleep(Math.min(ms, LONGEST_TIMER_MS), undefined, { signal: timer.signal }).then(() => {
    throw new OpsError('TIMED_OUT', `${step.id} did not answer within ${Math.round(ms).toString()} ms`);
  });
  expiry.catch(() => undefined);
  try {
    return await Promise.race([work, expiry]);
  } finally {
    timer.abort();
    work.catch(() => undefined);
  }
}

/** Takes a step back and sees that it is so. @throws OpsError telling why it is not */
export async function undoStep(step: Step, call: Call, around: StepContext): Promise<void> {
  await within(step.undoTimeoutMs ?? step.timeoutMs, step, perform(call, around.writers, 'do'));
  if (step.undone === undefined) return;
  const until = performance.now() + UNDONE_MS;
  while ((await within(UNDONE_MS, step, perform(step.undone, around.writers, 'ask'))) !== true) {
    if (performance.now() > until) throw new OpsError('TIMED_OUT', 'it was not seen to be as before');
    await sleep(POLL_MS);
  }
}
