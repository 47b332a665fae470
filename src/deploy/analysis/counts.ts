/** Requests that a version answered in a window, and those of them that failed: whole, and never more errors than requests. */
export interface Counts {
  requests: number;
  errors: number;
}

/** No window of a canary has so many requests, and up to here the statistics are quick and exact enough. */
const MOST = 1e12;

/**
 * Counts to calculate with. Prometheus' `increase()` extrapolates to the edges of its window, so what it says may be
 * fractional, and errors may come out a little above requests.
 * @returns undefined for what is no count at all: negative, not a number, or beyond belief
 */
export function wholeCounts(requests: number, errors: number): Counts | undefined {
  if (![requests, errors].every((count) => count >= 0 && count <= MOST)) return undefined;
  const whole = Math.round(requests);
  return { requests: whole, errors: Math.min(Math.round(errors), whole) };
}

/** Errors as a share of requests, 0 to 1; of no requests none failed. */
export const shareOf = ({ requests, errors }: Counts): number => (requests === 0 ? 0 : errors / requests);
