/** Whether a scan makes the server slower. */

/** Round trips that are compared: single ones say nothing on a machine that does other things, too. */
const WINDOW = 15;
/**
 * What a doubled round trip must have grown by in ms: below that it is the noise of networks and schedulers, and no client
 * of a cache notices.
 */
const NOTICED_MS = 5;

/** A shorter round trip than that is not told from another. */
const NOISE_MS = 0.5;

export interface Guard {
  /** Takes a round trip in ms. */
  saw(ms: number): void;
  /** In the middle: before the scan, and of late. */
  latencyMs(): { before: number; after: number };
  /** How many times as long as before the scan they take of late. */
  strain(): number;
  /** Of late round trips take twice as long as before the scan, noticeably. */
  isSlower(): boolean;
}

/** A guard that knows round trips from before the scan. */
export function openGuard(before: readonly number[]): Guard {
  const baseline = median(before);
  const recent: number[] = [];
  const now = (): number => (recent.length === 0 ? baseline : median(recent));
  return {
    saw: (ms) => {
      recent.push(ms);
      if (recent.length > WINDOW) recent.shift();
    },
    strain: () => now() / Math.max(baseline, NOISE_MS),
    latencyMs: () => ({ before: baseline, after: now() }),
    isSlower: () => recent.length >= WINDOW && now() >= Math.max(2 * baseline, baseline + NOTICED_MS),
  };
}

/** 0 of none. */
export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
