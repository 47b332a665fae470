/**
 * A percentile by nearest rank: the smallest value that at least that share of all values does not exceed,
 * so it is always a value that was really measured. With fewer than 20 values the 95th is the greatest.
 * NIST Engineering Statistics Handbook, 7.2.5.2, calls for interpolation instead; of a handful of response
 * times that would give a number that no request took.
 * @returns undefined for no values
 */
export function percentile(values: readonly number[], share: number): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const rank = Math.max(1, Math.ceil(share * sorted.length - RANK_TOLERANCE));
  return sorted[rank - 1];
}

/** 0.95 * 20 is 19.000000000000004 in binary: that must stay rank 19. */
const RANK_TOLERANCE = 1e-9;

/** The three figures that `trace` shows, in the unit of the values. */
export interface Spread {
  p50: number;
  p95: number;
  max: number;
}

/** Median, 95th percentile and greatest; undefined for no values. */
export function spread(values: readonly number[]): Spread | undefined {
  const [p50, p95, max] = [0.5, 0.95, 1].map((share) => percentile(values, share));
  return p50 === undefined || p95 === undefined || max === undefined ? undefined : { p50, p95, max };
}
