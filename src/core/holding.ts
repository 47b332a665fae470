/** Whether a change runs, as far as it can be seen: the docker engine holds the lock, and may be away. */
import { OpsError } from './errors.ts';
import type { LockHolder, LockReader } from './ports/lock.ts';

/** Who holds the lock, or why that could not be seen: `away` is the engine's own failure. */
export interface Holding {
  holder?: LockHolder | undefined;
  away?: OpsError;
}

/** @throws what is no absence of the engine */
export async function holding(lock: LockReader): Promise<Holding> {
  try {
    return { holder: await lock.holder() };
  } catch (thrown) {
    if (!isAway(thrown)) throw thrown;
    return { away: thrown };
  }
}

/** The engine does not answer. */
export const isAway = (thrown: unknown): thrown is OpsError =>
  thrown instanceof OpsError &&
  (thrown.code === 'UNREACHABLE' || thrown.code === 'TIMED_OUT') &&
  thrown.details?.['engine'] === true;
