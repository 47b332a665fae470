/** A day in ten minutes: quiet nights, busy evenings, between 5 and 15 requests a second. */
const DAY_MS = 600_000;
const LOW = 5;
const HIGH = 15;

/** Requests a second that are due at a moment. */
export function requestsPerSecond(now: number): number {
  const phase = ((now % DAY_MS) / DAY_MS) * 2 * Math.PI;
  return LOW + ((HIGH - LOW) * (1 - Math.cos(phase))) / 2;
}
