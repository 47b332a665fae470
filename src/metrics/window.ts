/** A time span and its steps, bounded. */
import { OpsError } from '../core/errors.ts';
import { duration } from '../core/format.ts';
import type { Window } from '../core/ports/metrics.ts';

/** Points of a series that are asked for at most. Prometheus refuses more than 11,000. */
export const MOST_POINTS = 1000;
/** Without `--step`: a point for each column of a wide terminal, and no more often than most servers scrape. */
const POINTS = 120;
const LEAST_STEP_MS = 15_000;

/**
 * The window of so many ms that ends at a time (ISO).
 * @throws USAGE when it has too many steps
 */
export function windowOf(to: string, ms: number, stepMs: number | undefined): Window {
  const step = stepMs ?? Math.max(LEAST_STEP_MS, Math.ceil(ms / POINTS / 1000) * 1000);
  const points = Math.floor(ms / step) + 1;
  if (points > MOST_POINTS) {
    const least = Math.ceil(ms / (MOST_POINTS - 1) / 1000);
    throw new OpsError(
      'USAGE',
      `${duration(ms)} in steps of ${duration(step)} are ${points.toString()} points a series`,
      {
        hint: `At most ${MOST_POINTS.toString()} are asked for: --step ${least.toString()}s, or a shorter time.`,
      },
    );
  }
  return { from: new Date(Date.parse(to) - ms).toISOString(), to, stepMs: step };
}
