/** A time limit that can be joined with the caller's own signal. */
export interface Deadline {
  /** Aborted when the time is over or the caller's signal was aborted. */
  readonly signal: AbortSignal;
  /** True when the time is over, false when the caller aborted or neither happened. */
  readonly expired: () => boolean;
  /** Ends the watch; to be called whatever happens. */
  readonly clear: () => void;
}

/** Starts a deadline of `ms` milliseconds. */
export function startDeadline(ms: number, outer?: AbortSignal): Deadline {
  const controller = new AbortController();
  let expired = false;
  const timer = setTimeout(() => {
    expired = true;
    controller.abort();
  }, ms);
  const abort = (): void => controller.abort();
  if (outer?.aborted === true) abort();
  outer?.addEventListener('abort', abort, { once: true });
  return {
    signal: controller.signal,
    expired: () => expired,
    clear: () => {
      clearTimeout(timer);
      outer?.removeEventListener('abort', abort);
    },
  };
}
