import { asOpsError, OpsError } from '../core/errors.ts';
import type { Outcome } from '../core/execute.ts';

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
    return outcome.stopped === true
      ? new OpsError('PARTIAL', `${cause.message}; change ${unfinished} is still in the middle`, {
          cause,
          hint: `${read}opsctl resume ${unfinished}, or opsctl abort ${unfinished}`,
          details: left,
        })
      : new OpsError('PARTIAL', `${cause.message}; not everything could be taken back`, {
          cause,
          hint: `${read}opsctl abort ${unfinished}`,
          details: left,
        });
  }
  const code = cause.code === 'INTERRUPTED' ? 'INTERRUPTED' : 'ROLLED_BACK';
  return new OpsError(code, `${cause.message}; everything done was taken back`, {
    cause,
    hint: `What happened, step by step: opsctl history ${id}`,
    details,
  });
}

/** The change was done; only what came of it could not be looked at. */
export function notObserved(thrown: unknown, id: string): OpsError {
  const cause = asOpsError(thrown);
  return new OpsError(cause.code, `the change was done, but what came of it could not be seen: ${cause.message}`, {
    cause,
    hint: `What was done, step by step: opsctl history ${id}`,
    details: { ...cause.details, change: id },
  });
}
