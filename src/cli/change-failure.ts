import { asOpsError, OpsError } from '../core/errors.ts';
import type { Outcome } from '../core/execute.ts';
import { closing } from '../core/unfinished.ts';

/** Which change failed, and the one that it was to recover. */
interface Failed {
  id: string;
  recovers: string | undefined;
}

/** What a change that did not end well ends with: the first error, what of the change is left, and the next command. */
export function failureOf(outcome: Outcome, { id, recovers }: Failed): OpsError {
  const cause = outcome.error ?? new OpsError('BUG', 'a change failed without an error');
  const details = { ...cause.details, change: id };
  const unfinished = recovers ?? id;
  if (outcome.outcome === 'paused') {
    return new OpsError(cause.code === 'INTERRUPTED' ? 'INTERRUPTED' : 'PAUSED', `${cause.message}; paused as it is`, {
      cause,
      hint: `Go on, or take it back: opsctl resume ${unfinished}, or opsctl abort ${unfinished}`,
      details,
    });
  }
  if (outcome.outcome === 'partial') {
    const left = { ...details, ...(recovers === undefined ? {} : { recovers }), left: outcome.left };
    const read = `Read what is left with: opsctl history ${unfinished}. Then: `;
    const state =
      outcome.stopped === undefined
        ? 'not everything could be taken back'
        : `change ${unfinished} is still in the middle`;
    const ways =
      outcome.stopped === 'too late'
        ? `opsctl resume ${unfinished}, or close it as it is: ${closing(unfinished)}`
        : `opsctl abort ${unfinished}`;
    return new OpsError('PARTIAL', `${cause.message}; ${state}`, { cause, hint: `${read}${ways}`, details: left });
  }
  const code = cause.code === 'INTERRUPTED' ? 'INTERRUPTED' : 'ROLLED_BACK';
  const kept = outcome.left.length > 0;
  return new OpsError(code, `${cause.message}; everything${kept ? ' else' : ''} done was taken back`, {
    cause,
    hint: [`What happened, step by step: opsctl history ${id}`, ...(cause.hint === undefined ? [] : [cause.hint])].join(
      '. ',
    ),
    details: kept ? { ...details, kept: outcome.left } : details,
  });
}

/** The change was done; only what came of it could not be looked at. */
export function notObserved(thrown: unknown, id: string): OpsError {
  const cause = asOpsError(thrown);
  return cause.told({
    message: `the change was done, but what came of it could not be seen: ${cause.message}`,
    hint: `What was done, step by step: opsctl history ${id}`,
    details: { change: id },
  });
}
