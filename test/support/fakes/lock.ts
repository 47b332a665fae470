/** A lock in memory for tests of the pipeline and of commands. Several openings of one state stand for several machines. */
import { OpsError } from '../../../src/core/errors.ts';
import type { Lock, LockHolder } from '../../../src/core/ports/lock.ts';

/** What all machines share. `now` is the engine's clock in ms; a test may move it. */
export interface FakeLockState {
  held?: LockHolder | undefined;
  now: () => number;
  taken: number;
}

export const fakeLockState = (): FakeLockState => ({ now: () => Date.now(), taken: 0 });

export interface FakeLockOptions {
  state?: FakeLockState;
  scope?: string;
  host?: string;
  pid?: number;
  ttlMs?: number;
}

export function fakeLock({
  state = fakeLockState(),
  scope = 'fake',
  host = 'here',
  pid = 1,
  ttlMs = 30_000,
}: FakeLockOptions = {}): Lock {
  const iso = (): string => new Date(state.now()).toISOString();
  const current = (): LockHolder | undefined =>
    state.held && { ...state.held, stale: state.now() - Date.parse(state.held.heartbeatAt) > state.held.ttlMs };
  const release = async (id: string): Promise<void> => {
    if (state.held?.id === id) state.held = undefined;
  };

  return {
    holder: async () => current(),
    isFree: async (id) => state.held?.id !== id,
    breakLock: release,
    acquire: async ({ owner, command, change }) => {
      const before = current();
      if (before !== undefined && !before.stale) {
        throw new OpsError(
          'LOCKED',
          `${scope} is locked by ${before.owner} on ${before.host}, running ${before.command} since ${before.since} (0 s ago)`,
          {
            hint: 'Wait for it, or if it is dead: opsctl lock release.',
            details: { holder: before },
          },
        );
      }
      state.taken += 1;
      const id = String(state.taken).padStart(64, '0');
      state.held = { id, owner, host, pid, command, change, since: iso(), heartbeatAt: iso(), ttlMs, stale: false };
      return {
        id,
        ...(before !== undefined && { takenOverFrom: before }),
        confirm: async () => {
          if (state.held?.id !== id)
            throw new OpsError('LOCKED', `the lock of ${scope} was lost: it was broken or removed`);
          state.held.heartbeatAt = iso();
        },
        release: () => release(id),
      };
    },
  };
}
