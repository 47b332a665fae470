import { type ChangeRecord, isUnfinished, type Plan, type Step, UNDO_PREFIX } from '../core/change.ts';
import { OpsError } from '../core/errors.ts';
import { isIrreversible, plan } from '../core/plan.ts';
import type { JournalReader } from '../core/ports/journal.ts';

/**
 * A change that was left in the middle: its program was killed (no end is journalled), or it could not take
 * everything back. The newest one when none is named, of those whose command begins with a noun. @throws NOT_FOUND, UNSAFE when there is nothing to recover
 */
export async function findUnfinished(journal: JournalReader, id: string | undefined, noun = ''): Promise<ChangeRecord> {
  if (id === undefined) {
    // All that the journal keeps: a change left in the middle does not end by others being made after it.
    const found = (await journal.changes(Infinity)).find((one) => isUnfinished(one) && isOf(one, noun));
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

/** Takes back, newest first, every step of a change that was done or may have been. */
export function planAbort(record: ChangeRecord): Plan {
  const reached = record.steps.filter(({ state }) => state !== 'pending' && state !== 'undone').toReversed();
  const lost = reached
    .filter(({ step }) => isIrreversible(step))
    .map(({ step }) => `cannot be taken back: ${step.describe}`);
  return plan({
    target: record.begin.plan.target,
    summary: `take back ${record.begin.command} (${record.begin.plan.summary}), ${begun(record)}`,
    touches: [...record.begin.plan.touches, ...lost],
    steps: reached.flatMap(({ step }) => takingBack(step)),
  });
}

/** The time is absolute, so that the plan is the same when it is made again. */
const begun = ({ begin }: ChangeRecord): string =>
  `begun by ${begin.actor} on ${begin.host} at ${begin.at.slice(0, 19).replace('T', ' ')} UTC`;

function takingBack(step: Step): Step[] {
  if (step.do === undefined || step.undo === undefined || step.undo === 'not needed') return [];
  return [
    {
      id: `${UNDO_PREFIX}${step.id}`,
      describe: `take back: ${step.describe}`,
      why: 'it was done, or may have been, when the change was interrupted',
      do: step.undo,
      // Taking back is never taken back itself; it is done again until it holds.
      undo: 'not needed',
      ...(step.undone === undefined ? {} : { verify: step.undone }),
      timeoutMs: step.timeoutMs,
    },
  ];
}

/** Carries out what is left of a change. A step that may have been done is done again: calls are idempotent. */
export function planResume(record: ChangeRecord): Plan {
  if (record.steps.some(({ state }) => state === 'undoing' || state === 'undone' || state === 'left')) {
    throw new OpsError('UNSAFE', `change ${record.id} was being taken back when it was interrupted`, {
      hint: `Finish that: opsctl abort ${record.id}`,
    });
  }
  return plan({
    target: record.begin.plan.target,
    summary: `finish ${record.begin.command} (${record.begin.plan.summary}), ${begun(record)}`,
    touches: record.begin.plan.touches,
    steps: record.steps.filter(({ state }) => state !== 'done').map(({ step }) => step),
  });
}
