import { setTimeout as sleep } from 'node:timers/promises';

import { asOpsError, OpsError } from '../core/errors.ts';
import type { HeldLock, Lock, LockHolder } from '../core/ports/lock.ts';

/** How often a silent holder is looked at, in ms. */
const LOOK_MS = 1000;

/** What waiting needs from around it. */
interface Around {
  signal: AbortSignal;
  say: (holder: LockHolder) => void;
}

/**
 * Takes the lock for a recovery. The program that was killed left its lock behind, which counts as alive until its
 * TTL is over; so a holder that gives no sign of life is waited for instead of sending a person away for half a
 * minute. At its next sign of life the wait ends. No look at process ids: they lie across containers and hosts.
 * @throws LOCKED naming a holder that lives, INTERRUPTED
 */
export async function acquireFromSilent(
  lock: Lock,
  request: Parameters<Lock['acquire']>[0],
  { signal, say }: Around,
): Promise<HeldLock> {
  let first: LockHolder | undefined;
  for (;;) {
    try {
      return await lock.acquire(request);
    } catch (thrown) {
      const error = asOpsError(thrown);
      const now = error.code === 'LOCKED' ? await lock.holder() : undefined;
      if (error.code !== 'LOCKED') throw error;
      if (first !== undefined && now !== undefined && (now.id !== first.id || now.heartbeatAt !== first.heartbeatAt))
        throw error;
      if (first === undefined && now !== undefined) say(now);
      first ??= now;
    }
    await sleep(LOOK_MS, undefined, { signal }).catch(() => {
      throw new OpsError('INTERRUPTED', 'interrupted while waiting for the lock, nothing was changed');
    });
  }
}
