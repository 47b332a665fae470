/** Runs `work` while this process holds the lock directory. See lock.mjs. */
export function withLock<T>(
  directory: string,
  work: () => Promise<T>,
  onWait?: (pid: number | undefined) => void,
): Promise<T>;
