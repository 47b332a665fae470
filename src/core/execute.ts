import type { ChangeEvent, OUTCOMES, Plan, Step } from './change.ts';
import { doStep, type StepContext, undoStep } from './do-step.ts';
import { asOpsError, ERRORS, OpsError } from './errors.ts';
import { isTooLate, whatStays } from './plan.ts';

/** What the executor needs from around it. The lock is confirmed before every step and every undo. */
export interface Execution extends StepContext {
  /** Writes events, the last ahead of what it announces; durable when it returns. */
  journal: (...events: readonly ChangeEvent[]) => Promise<void>;
  /** Progress and the like; told of what is about to happen after the journal. */
  listen: (event: ChangeEvent) => void;
  /**
   * `leave` for what takes a change back: undoing half of that would bring back what it recovers from. Its calls are
   * idempotent, so what is left is done by taking back again. Default `take back`.
   */
  onFailure?: 'take back' | 'leave';
  /** The steps of a change that is gone on with that were done already, or may have been and are done again: they are taken back with the others. */
  carriedOver?: readonly Step[];
  /** What a change that is taken back leaves all the same: a line each. */
  stays?: readonly string[];
  now: () => Date;
}

/** How a change ended, and what could not be taken back. */
export interface Outcome {
  outcome: (typeof OUTCOMES)[number];
  /** What of the change is left, or was not done although the change was, a line each. */
  left: string[];
  /** It was stopped where it was, and nothing was taken back: `partial`. Why: it is too late for that, or it takes back itself. */
  stopped?: 'too late' | 'taking back';
  /** The first thing that went wrong. Of a change that was done: the interruption for which steps after its aim were left out. */
  error?: OpsError;
}

interface Running extends Execution {
  /** What is written with the next event. */
  held: ChangeEvent[];
  /** The step that was begun last. */
  begun?: Step;
  /** What was not done although the change was, a line each. */
  notDone: string[];
}

/** A step whose call was made; not certain when its outcome could not be found out. */
interface Reached {
  step: Step;
  certain: boolean;
}

/**
 * Runs the steps of a plan in order. When one fails, those done before it are undone in reverse and the first error
 * is kept, unless the step says otherwise (`onFailure`) or it is too late for that. A step whose outcome is unknown (its call timed out or the
 * connection broke) is verified; if that does not settle it, it is taken back with the others.
 */
export async function execute(plan: Plan, surroundings: Execution): Promise<Outcome> {
  const around: Running = { ...surroundings, held: [], notDone: [] };
  const isDoneAgain = (step: Step): boolean => plan.steps.some(({ id }) => id === step.id);
  const reached: Reached[] = (around.carriedOver ?? []).map((step) => ({ step, certain: !isDoneAgain(step) }));
  let interruption: OpsError | undefined;
  for (const step of plan.steps) {
    const error = await one(step, reached, around).catch(asOpsError);
    if (error === undefined) continue;
    // What an interruption leads to is said while a step runs, and holds until the next has begun.
    const decide = error.code === 'INTERRUPTED' ? [around.begun, step] : [step];
    if (decide.some((one) => one?.onFailure === 'pause') && isUndecided(error))
      return await ended({ outcome: 'paused', left: [], error }, around);
    if (step.onFailure === 'go on' && error.code !== 'LOCKED') {
      around.notDone.push([`${step.id}: ${error.message}`, ...lastSaid(error)].join(', the last it said: '));
      if (error.code === 'INTERRUPTED') interruption ??= error;
      continue;
    }
    if (around.onFailure === 'leave') return await leave(plan, reached, { error, stopped: 'taking back' }, around);
    return reached.some((one) => isTooLate(one.step))
      ? await leave(plan, reached, { error, stopped: 'too late' }, around)
      : await takeBack(reached, error, around);
  }
  const error = interruption === undefined ? {} : { error: interruption };
  return await ended({ outcome: 'done', left: [...around.notDone, ...(around.stays ?? [])], ...error }, around);
}

/**
 * What an interruption leads to while a step runs, or before the first: a call is waited for, and the first step after it
 * that is needed decides; a gate is not waited for, nor is a call that can end where it is (`break off`). `end`: the change has reached its aim, and what would follow is left out.
 */
export function whenInterrupted(
  { steps }: Plan,
  running: string | undefined,
  { onFailure, carriedOver = [] }: Pick<Execution, 'onFailure' | 'carriedOver'>,
): 'take back' | 'pause' | 'leave' | 'end' | 'break off' {
  const at = steps.findIndex(({ id }) => id === running);
  if (steps[at]?.interruptible === true) return 'break off';
  const next = steps.slice(steps[at]?.do === undefined ? Math.max(0, at) : at + 1);
  const decides = next.find((step) => step.onFailure !== 'go on');
  if (decides === undefined) return 'end';
  if (decides.onFailure === 'pause') return 'pause';
  return onFailure === 'leave' || [...carriedOver, ...steps.slice(0, at + 1)].some(isTooLate) ? 'leave' : 'take back';
}

/** The last line of what a command of the user said before it failed, if anything. */
const lastSaid = ({ details }: OpsError): string[] => {
  const output = details?.['output'];
  return typeof output === 'string' && output.trim() !== '' ? output.trim().split('\n').slice(-1) : [];
};

/** Whether a gate was not answered: neither yes nor no. */
const isUndecided = ({ code }: OpsError): boolean => code === 'INTERRUPTED' || ERRORS[code].exit === 6;

/** Does one step. @returns why it failed */
async function one(step: Step, reached: Reached[], around: Running): Promise<OpsError | undefined> {
  await around.confirmLock();
  if (around.signal.aborted) return new OpsError('INTERRUPTED', `interrupted before ${step.id}`);
  await announce({ type: 'step-begin', step: step.id }, around);
  around.begun = step;
  const began = performance.now();
  const { failure, output, notDone = [] } = await doStep(step, around);
  around.notDone.push(...notDone);
  if (failure === undefined || failure.mayHaveHappened) reached.push({ step, certain: failure === undefined });
  if (failure === undefined) {
    const durationMs = Math.round(performance.now() - began);
    await announce(
      { type: 'step-done', step: step.id, durationMs, ...(output === undefined ? {} : { output }) },
      around,
    );
    return undefined;
  }
  const { message, details } = failure.error;
  const said = typeof details?.['output'] === 'string' ? { output: details['output'] } : {};
  const effect = failure.noEffect === true ? { noEffect: true } : {};
  await announce({ type: 'step-failed', step: step.id, error: message, ...said, ...effect }, around).catch(
    () => undefined,
  );
  return failure.error;
}

async function takeBack(reached: Reached[], error: OpsError, around: Running): Promise<Outcome> {
  const left: string[] = [];
  const kept: string[] = [];
  let lockLost = error.code === 'LOCKED';
  // What was done again stands twice.
  const last = reached.filter((one, at) => at === reached.findLastIndex(({ step }) => step.id === one.step.id));
  for (const { step, certain } of last.toReversed()) {
    const stays = whatStays(step, certain);
    if (stays !== undefined) (step.undo === 'kept' ? kept : left).push(stays);
    if (step.do === undefined || typeof step.undo !== 'object') continue;
    if (!lockLost)
      lockLost = await around.confirmLock().then(
        () => false,
        () => true,
      );
    if (lockLost) {
      left.push(`${step.id}: ${certain ? 'done' : 'may have been done'}, not undone because the lock was lost`);
      continue;
    }
    const undone = await undo(step, step.undo, around);
    if (undone !== undefined) left.push(`${step.id}: undo failed: ${undone.message}`);
  }
  const outcome = left.length === 0 ? 'rolled-back' : 'partial';
  return await ended({ outcome, left: [...left, ...kept], error }, around);
}

/** Stops where it is and says what was not reached. */
async function leave(
  plan: Plan,
  reached: Reached[],
  why: Required<Pick<Outcome, 'error' | 'stopped'>>,
  around: Running,
): Promise<Outcome> {
  const left = plan.steps.flatMap((step) => {
    const how = reached.findLast((item) => item.step.id === step.id);
    return how?.certain === true ? [] : [`${step.id}: ${how === undefined ? 'not done' : 'may have been done'}`];
  });
  return await ended({ outcome: 'partial', left, ...why }, around);
}

async function undo(step: Step, call: NonNullable<Step['do']>, around: Running): Promise<OpsError | undefined> {
  // The journal may be what failed; taking back goes on without it.
  const tell = (event: Untimed): Promise<void> => announce(event, around).catch(() => undefined);
  await tell({ type: 'undo-begin', step: step.id });
  try {
    await undoStep(step, call, around);
  } catch (thrown) {
    const failed = asOpsError(thrown);
    await tell({ type: 'undo-failed', step: step.id, error: failed.message });
    return failed;
  }
  await tell({ type: 'undo-done', step: step.id });
  return undefined;
}

type Untimed = ChangeEvent extends infer Event ? (Event extends ChangeEvent ? Omit<Event, 'at'> : never) : never;

/**
 * That something was done is written together with what comes next, at once: each write costs the engine a process. A
 * program that is killed between the two leaves a step of which nobody knows, and a recovery looks at it.
 */
async function announce(event: Untimed, around: Running): Promise<void> {
  const timed: ChangeEvent = { ...event, at: around.now().toISOString() };
  if (timed.type === 'step-done' || timed.type === 'undo-done') around.held.push(timed);
  else {
    await around.journal(...around.held, timed);
    around.held = [];
  }
  around.listen(timed);
}

async function ended(result: Outcome, around: Running): Promise<Outcome> {
  const event: Untimed = {
    type: 'end',
    outcome: result.outcome,
    left: result.left,
    ...(result.error === undefined ? {} : { error: result.error.message }),
  };
  await announce(event, around).catch(() => undefined);
  return result;
}
