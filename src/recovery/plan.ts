import { type ChangeRecord, isUnfinished, type Plan, type Step, UNDO_PREFIX } from '../core/change.ts';
import { OpsError } from '../core/errors.ts';
import { closing, commonThings, waysOut } from '../core/unfinished.ts';
import { isTooLate, plan, whatStays } from '../core/plan.ts';
import type { JournalReader } from '../core/ports/journal.ts';

/**
 * A change that was left in the middle: its program was killed (no end is journalled), or it could not take
 * everything back. The newest one when none is named, of those whose command begins with a noun. @throws NOT_FOUND, UNSAFE when there is nothing to recover
 */
export async function findUnfinished(journal: JournalReader, id: string | undefined, noun = ''): Promise<ChangeRecord> {
  if (id === undefined) {
    const found = (await journal.unfinished()).changes.find((one) => isOf(one, noun));
    if (found === undefined)
      throw new OpsError('NOT_FOUND', `no ${noun === '' ? 'change' : noun} was left in the middle`, {
        hint: 'See what was done: opsctl history',
      });
    return found;
  }
  const named = await journal.change(id);
  // A recovery that failed is not recovered itself: what it recovers still is to be.
  const record = named?.begin.recovers === undefined ? named : await journal.change(named.begin.recovers);
  if (record === undefined)
    throw new OpsError('NOT_FOUND', `the journal has no change ${id}`, { hint: 'See which it has: opsctl history' });
  if (record.recoveredBy !== undefined)
    throw new OpsError('UNSAFE', `change ${record.id} was recovered by ${record.recoveredBy}`, {
      hint: `See: opsctl history ${record.recoveredBy}`,
    });
  if (record.supersededBy !== undefined) {
    const later = await journal.change(record.supersededBy);
    throw new OpsError(
      'UNSAFE',
      `change ${record.id} is in the hands of ${record.supersededBy}${later === undefined ? '' : ` (${later.begin.command})`}, which is not at its end`,
      later === undefined ? {} : { hint: `End that: ${waysOut(later).join(', or ')}` },
    );
  }
  if (!isUnfinished(record))
    throw new OpsError(
      'UNSAFE',
      `change ${record.id} ended (${record.end?.outcome ?? ''}), there is nothing to recover`,
      { hint: `See: opsctl history ${record.id}` },
    );
  return record;
}

/** Whether a change was made by a command of a noun, such as `deploy`; every change is of no noun. */
export const isOf = ({ begin }: ChangeRecord, noun: string): boolean =>
  noun === '' || begin.command.startsWith(`${noun} `);

/**
 * What a change recorded is true of the platform only until another change is made to the same things.
 * @throws UNSAFE when one was, so that its own calls can neither finish it nor take it back
 */
export async function mustBeLast(record: ChangeRecord, journal: JournalReader): Promise<void> {
  const all = await journal.changes(Infinity);
  // What was to bring it to its end, or to take that back, and so on, is about it.
  const aims = new Map(all.map(({ id, begin }) => [id, begin.recovers ?? begin.settles]));
  const isAbout = (id: string): boolean => {
    const aim = aims.get(id);
    return aim !== undefined && aim < id && (aim === record.id || isAbout(aim));
  };
  const later = all.find(
    (one) =>
      one.id > record.id &&
      !isAbout(one.id) &&
      // What took itself back left things as they were.
      one.end?.outcome !== 'rolled-back' &&
      commonThings(one.begin.plan, record.begin.plan).length > 0,
  );
  if (later === undefined) return;
  const things = commonThings(later.begin.plan, record.begin.plan).slice(0, 3).join(', ');
  throw new OpsError(
    'UNSAFE',
    `change ${later.id} (${later.begin.command}) came after ${record.id} and touched ${things}, so ${record.id} can neither be finished nor taken back as it was planned`,
    { hint: `See what is so now (opsctl status), then close it as it is: ${closing(record.id)}` },
  );
}

/**
 * Takes back, newest first, every step of a change that was done or may have been.
 * @throws UNSAFE when it has gone too far for that, or may have
 */
export function planAbort(record: ChangeRecord): Plan {
  const reached = reachedOf(record);
  const tooLate = reached.find(({ step }) => isTooLate(step));
  if (tooLate !== undefined)
    throw new OpsError(
      'UNSAFE',
      `change ${record.id} cannot be taken back any more: ${tooLate.state === 'done' || tooLate.step.undone === undefined ? '' : 'it was begun and may have happened: '}${tooLate.step.describe} (${tooLate.step.why})`,
      {
        hint: `Finish it: opsctl resume ${record.id}. To go back is another change then. Or close it as it is: ${closing(record.id)}`,
      },
    );
  const stays = reached.flatMap(({ step, state }) => {
    const line = whatStays(step, state === 'done');
    return line === undefined ? [] : [`${line} (${step.why})`];
  });
  return plan({
    target: record.begin.plan.target,
    summary: `take back ${record.begin.command} (${record.begin.plan.summary}), ${begun(record)}`,
    touches: [...record.begin.plan.touches, ...stays],
    steps: reached.flatMap(({ step }) => takingBack(step)),
  });
}

/** What of a change is left all the same when it is taken back, as a change that fails tells it. */
export const staysOf = (record: ChangeRecord): string[] =>
  reachedOf(record).flatMap(({ step, state }) => whatStays(step, state === 'done') ?? []);

/** What is there to be taken back, the newest first. */
const reachedOf = ({ steps }: ChangeRecord): ChangeRecord['steps'] =>
  steps.filter(({ state }) => state !== 'pending' && state !== 'undone').toReversed();

/** The time is absolute, so that the plan is the same when it is made again. */
const begun = ({ begin }: ChangeRecord): string =>
  `begun by ${begin.actor} on ${begin.host} at ${begin.at.slice(0, 19).replace('T', ' ')} UTC`;

function takingBack(step: Step): Step[] {
  if (step.do === undefined || typeof step.undo !== 'object') return [];
  return [
    {
      id: `${UNDO_PREFIX}${step.id}`,
      describe: `take back: ${step.describe}`,
      why: 'it was done, or may have been, when the change was interrupted',
      do: step.undo,
      // Taking back is never taken back itself; it is done again until it holds.
      undo: 'not needed',
      ...(step.undone === undefined ? {} : { verify: step.undone }),
      timeoutMs: step.undoTimeoutMs ?? step.timeoutMs,
    },
  ];
}

/** Closes a change in the journal: the platform stays as it is. */
export const planAbandon = (record: ChangeRecord): Plan =>
  plan({
    target: record.begin.plan.target,
    summary: `close ${record.begin.command} (${record.begin.plan.summary}), ${begun(record)}, and leave the platform as it is`,
    touches: ['nothing: it is neither finished nor taken back, and cannot be any more'],
    steps: [],
  });

/**
 * Carries out what is left of a change. A step that may have been done is done again: calls are idempotent. What gates
 * saw before may be so no longer, so those that say so are asked again.
 */
export function planResume(record: ChangeRecord): Plan {
  if (record.steps.some(({ state }) => state === 'undoing' || state === 'undone' || state === 'left')) {
    throw new OpsError('UNSAFE', `change ${record.id} was being taken back when it was interrupted`, {
      hint: `Finish that: opsctl abort ${record.id}`,
    });
  }
  // What was seen before it was too late does not decide any more, nor once the change has reached its aim.
  const decided = record.steps.some(
    ({ step, state, error }) =>
      isTooLate(step) &&
      (state === 'done' || (step.onFailure === 'go on' && (state !== 'pending' || error !== undefined))),
  );
  return plan({
    target: record.begin.plan.target,
    summary: `finish ${record.begin.command} (${record.begin.plan.summary}), ${begun(record)}`,
    touches: record.begin.plan.touches,
    steps: record.steps
      .filter(({ state, step }) => state !== 'done' || (step.recheck === true && !decided))
      .map(({ step }) => step),
  });
}

/**
 * What was done of a change that is resumed, or may have been: taken back with the rest when that fails, and not when one
 * of them made it too late.
 */
export const begunOf = ({ steps }: ChangeRecord): Step[] =>
  steps.filter(({ state, step }) => state !== 'pending' && step.do !== undefined).map(({ step }) => step);
