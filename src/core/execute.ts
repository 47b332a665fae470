import { setTimeout as sleep } from 'node:timers/promises';

import type { ChangeEvent, Plan, Step } from './change.ts';
import { asOpsError, OpsError } from './errors.ts';
import { duration } from './format.ts';
import { perform } from './plan.ts';
import type { Writers } from './ports.ts';

/** What the executor needs from around it. */
export interface Execution {
  writers: Writers;
  /** Writes one event ahead of what it announces; durable when it returns. */
  journal: (event: ChangeEvent) => Promise<void>;
  /** Progress and the like; told after the journal. */
  listen: (event: ChangeEvent) => void;
  /** Throws LOCKED when the lock was lost. Asked before every step and every undo. */
  confirmLock: () => Promise<void>;
  /** Aborted by the first Ctrl-C or SIGTERM: stop before the next step and take back. */
  signal: AbortSignal;
  /**
   * `leave` for recoveries: undoing half of a recovery would bring back what it recovers from. Its calls are
   * idempotent, so what is left is done by recovering again. Default `take back`.
   */
  onFailure?: 'take back' | 'leave';
  now: () => Date;
}

/** How a change ended, and what could not be taken back. */
export interface Outcome {
  outcome: 'done' | 'rolled-back' | 'partial';
  /** What of the change is left, a line each. */
  left: string[];
  /** The first thing that went wrong; absent when all was done. */
  error?: OpsError;
}

/** How long an undo may take to be seen, in ms. */
const UNDONE_MS = 15_000;
/** How often a verification is asked again, in ms. */
const POLL_MS = 250;
/** A step whose call broke off gets at least this long to be seen done, in ms. */
const VERIFY_AFTER_FAILURE_MS = 5000;
/** A long wait asks this often, in ms, whether the lock is still ours: whoever took it over may be what is waited for in vain. */
const CONFIRM_MS = 2000;
/** How long it may take to say why a step was not seen done, in ms. */
const EXPLAIN_MS = 5000;

/**
 * Runs the steps of a plan in order. When one fails, those done before it are undone in reverse and the
 * first error is kept. A step whose outcome is unknown (its call timed out or the connection broke) is
 * verified; if that does not settle it, it is taken back with the others.
 */
export async function execute(plan: Plan, around: Execution): Promise<Outcome> {
  const reached: Reached[] = [];
  try {
    for (const step of plan.steps) {
      await around.confirmLock();
      if (around.signal.aborted) throw new OpsError('INTERRUPTED', `interrupted before ${step.id}`);
      await announce({ type: 'step-begin', step: step.id }, around);
      const began = performance.now();
      const failure = await carryOut(step, around);
      if (failure === undefined || failure.mayHaveHappened) reached.push({ step, certain: failure === undefined });
      if (failure !== undefined) {
        await announce({ type: 'step-failed', step: step.id, error: failure.error.message }, around).catch(
          () => undefined,
        );
        throw failure.error;
      }
      await announce({ type: 'step-done', step: step.id, durationMs: Math.round(performance.now() - began) }, around);
    }
  } catch (thrown) {
    const error = asOpsError(thrown);
    return around.onFailure === 'leave'
      ? await leave(plan, reached, error, around)
      : await takeBack(reached, error, around);
  }
  return await ended({ outcome: 'done', left: [] }, around);
}

/** A step whose call was made; not certain when its outcome could not be found out. */
interface Reached {
  step: Step;
  certain: boolean;
}

interface Failure {
  error: OpsError;
  mayHaveHappened: boolean;
}

async function carryOut(step: Step, around: Execution): Promise<Failure | undefined> {
  const deadline = performance.now() + step.timeoutMs;
  let unknown: OpsError | undefined;
  if (step.do !== undefined) {
    try {
      await within(step.timeoutMs, step, perform(step.do, around.writers, 'do'));
    } catch (thrown) {
      const error = asOpsError(thrown);
      if (!isOutcomeUnknown(error)) return { error, mayHaveHappened: false };
      unknown = error;
    }
  }
  const changes = step.do !== undefined;
  if (step.verify === undefined) return unknown === undefined ? undefined : { error: unknown, mayHaveHappened: true };
  let last: OpsError | undefined;
  let confirmed = performance.now();
  const soon = performance.now() + VERIFY_AFTER_FAILURE_MS;
  // An engine that answered with a failure is not waited for; one that went away may come back.
  const until = unknown === undefined ? deadline : unknown.code === 'REJECTED' ? soon : Math.max(deadline, soon);
  for (;;) {
    // A gate may wait long and changes nothing, so an interruption need not wait for it.
    if (!changes && around.signal.aborted)
      return { error: new OpsError('INTERRUPTED', `interrupted during ${step.id}`), mayHaveHappened: false };
    try {
      if (
        (await within(Math.max(1000, until - performance.now()), step, perform(step.verify, around.writers, 'ask'))) ===
        true
      )
        return undefined;
      last = undefined;
    } catch (thrown) {
      last = asOpsError(thrown);
      if (last.code === 'UNSAFE' || last.code === 'BUG' || last.code === 'NOT_FOUND') break;
    }
    if (performance.now() + POLL_MS > until) break;
    if (last === undefined && performance.now() - confirmed > CONFIRM_MS) {
      const lost = await around.confirmLock().then(() => undefined, asOpsError);
      if (lost !== undefined) return { error: lost, mayHaveHappened: changes };
      confirmed = performance.now();
    }
    await sleep(POLL_MS);
  }
  return { error: last ?? unknown ?? (await notSeenDone(step, around)), mayHaveHappened: changes };
}

/** Whether an error leaves open if the call took effect: it broke off, or the other side failed in the middle of it. */
function isOutcomeUnknown({ code, details }: OpsError): boolean {
  return ['TIMED_OUT', 'UNREACHABLE', 'BAD_ANSWER'].includes(code) || details?.['outcome'] === 'unknown';
}

/** The verification answered, and answered no until the deadline. */
async function notSeenDone(step: Step, around: Execution): Promise<OpsError> {
  const asked =
    step.explain === undefined ? undefined : within(EXPLAIN_MS, step, perform(step.explain, around.writers, 'ask'));
  // That nobody can say why is no other failure.
  const found = await asked?.catch(() => undefined);
  const details = typeof found === 'object' && found !== null ? { details: { ...found } } : {};
  return new OpsError('TIMED_OUT', `${step.id} was not seen done within ${duration(step.timeoutMs)}`, details);
}

async function within<T>(ms: number, step: Step, work: Promise<T>): Promise<T> {
  const timer = new AbortController();
  const expiry = sleep(ms, undefined, { signal: timer.signal }).then(() => {
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

async function takeBack(reached: Reached[], error: OpsError, around: Execution): Promise<Outcome> {
  const left: string[] = [];
  let lockLost = error.code === 'LOCKED';
  const covered = reached.some(({ step }) => typeof step.undo === 'object');
  for (const { step, certain } of reached.toReversed()) {
    if (step.do === undefined || (step.undo === 'not needed' && covered)) continue;
    const word = certain ? 'done' : 'may have been done';
    if (step.undo === undefined || step.undo === 'not needed') {
      left.push(`${step.id}: ${word}, ${step.undo === undefined ? 'cannot be undone' : 'nothing takes it back'}`);
      continue;
    }
    if (!lockLost)
      lockLost = await around.confirmLock().then(
        () => false,
        () => true,
      );
    if (lockLost) {
      left.push(`${step.id}: ${word}, not undone because the lock was lost`);
      continue;
    }
    const undone = await undo(step, step.undo, around);
    if (undone !== undefined) left.push(`${step.id}: undo failed: ${undone.message}`);
  }
  return await ended({ outcome: left.length === 0 ? 'rolled-back' : 'partial', left, error }, around);
}

/** Stops where it is and says what was not reached. */
async function leave(plan: Plan, reached: Reached[], error: OpsError, around: Execution): Promise<Outcome> {
  const left = plan.steps.flatMap((step) => {
    const how = reached.find((one) => one.step === step);
    return how?.certain === true ? [] : [`${step.id}: ${how === undefined ? 'not done' : 'may have been done'}`];
  });
  return await ended({ outcome: 'partial', left, error }, around);
}

async function ended(result: Outcome, around: Execution): Promise<Outcome> {
  await announceEnd(result, around);
  return result;
}

async function undo(step: Step, call: NonNullable<Step['do']>, around: Execution): Promise<OpsError | undefined> {
  // The journal may be what failed; taking back goes on without it.
  const tell = (event: Untimed): Promise<void> => announce(event, around).catch(() => undefined);
  await tell({ type: 'undo-begin', step: step.id });
  try {
    await within(step.timeoutMs, step, perform(call, around.writers, 'do'));
    if (step.undone !== undefined) await seenUndone(step, step.undone, around);
  } catch (thrown) {
    const failed = asOpsError(thrown);
    await tell({ type: 'undo-failed', step: step.id, error: failed.message });
    return failed;
  }
  await tell({ type: 'undo-done', step: step.id });
  return undefined;
}

/** Taken back is what is seen to be so, not what was asked for. @throws why it is not so */
async function seenUndone(step: Step, call: NonNullable<Step['do']>, around: Execution): Promise<void> {
  const until = performance.now() + UNDONE_MS;
  while ((await within(UNDONE_MS, step, perform(call, around.writers, 'ask'))) !== true) {
    if (performance.now() > until) throw new OpsError('TIMED_OUT', 'it was not seen to be as before');
    await sleep(POLL_MS);
  }
}

type Untimed = ChangeEvent extends infer Event ? (Event extends ChangeEvent ? Omit<Event, 'at'> : never) : never;

async function announce(event: Untimed, around: Execution): Promise<void> {
  const timed: ChangeEvent = { ...event, at: around.now().toISOString() };
  await around.journal(timed);
  around.listen(timed);
}

async function announceEnd(result: Outcome, around: Execution): Promise<void> {
  const event: Untimed = {
    type: 'end',
    outcome: result.outcome,
    left: result.left,
    ...(result.error === undefined ? {} : { error: result.error.message }),
  };
  await announce(event, around).catch(() => undefined);
}
