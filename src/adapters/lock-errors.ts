import { OpsError } from '../core/errors.ts';
import { duration } from '../core/format.ts';
import type { LockHolder } from '../core/ports/lock.ts';

/** Somebody else holds the lock. `now` is the engine's clock in ms. */
export function lockedBy(scope: string, held: LockHolder, now: number): OpsError {
  const ago = duration(Math.max(0, now - Date.parse(held.since)));
  return new OpsError(
    'LOCKED',
    `${scope} is locked by ${held.owner} on ${held.host}, running ${held.command} since ${held.since} (${ago} ago)`,
    {
      hint: "Wait for it, or if it is dead: opsctl lock release --reason '<why>'",
      details: { holder: held },
    },
  );
}

/** The lock was ours and is no more. */
export function lost(scope: string, held: LockHolder | undefined): OpsError {
  const by =
    held === undefined
      ? 'it was broken or removed'
      : `${held.owner} on ${held.host} holds it now, running ${held.command}`;
  return new OpsError('LOCKED', `the lock of ${scope} was lost: ${by}`, {
    hint: 'See who holds it and what was done: opsctl lock, then opsctl history.',
    ...(held !== undefined && { details: { holder: held } }),
  });
}
