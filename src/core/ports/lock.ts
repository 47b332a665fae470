/** The lock that keeps changes apart (design, section 6). */

/** Who holds the change lock of an environment. */
export interface LockHolder {
  /** Identity of this very holding; a new one each time the lock is taken. */
  id: string;
  owner: string;
  host: string;
  pid: number;
  command: string;
  change: string;
  since: string;
  /** Last sign of life, by the engine's clock. */
  heartbeatAt: string;
  ttlMs: number;
  stale: boolean;
}

export interface LockReader {
  holder(): Promise<LockHolder | undefined>;
  isFree(id: string): Promise<boolean>;
}

export interface LockWriter extends LockReader {
  /** Removes the lock with that identity and no other; the holder stops before its next step. */
  breakLock(id: string): Promise<void>;
}

/** A lock that is held. */
export interface HeldLock {
  readonly id: string;
  /** Set when a stale lock was taken over: whose it was. */
  readonly takenOverFrom?: LockHolder;
  /** Asks the engine whether the lock is still ours. @throws LOCKED when it was lost */
  confirm(): Promise<void>;
  release(): Promise<void>;
}

/** Taking the lock; used by the pipeline only, never by a command. */
export interface Lock extends LockWriter {
  /** @throws LOCKED naming the holder */
  acquire(request: { owner: string; command: string; change: string }): Promise<HeldLock>;
}
