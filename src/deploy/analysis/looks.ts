/** Which look at the canary this is. Every look may fail it, so every look spends some of the chance of a false alarm. */
export interface Looks {
  /** From 1, counted from the canary's first look on, through all its steps. */
  number: number;
  /** How many looks the whole canary may take as planned, extensions of its steps included. */
  planned: number;
}

/** What is kept back of the chance of a false alarm, for a canary that is held longer than planned. */
const RESERVE = 0.1;

/**
 * The level that a p value has to reach in this look, so that the looks of a canary that is no worse together fail it
 * with a probability of at most `alpha`. The sum of the levels of all looks is at most `alpha`, and the probability of
 * any of several events is at most the sum of theirs (Boole's inequality); nothing has to be assumed of how the looks
 * depend on each other, or of how much traffic comes between them.
 *
 * Planned looks have equal shares (Bonferroni). To keep most for the end, as clinical trials do (O'Brien and Fleming), is
 * wrong for a canary, whose first step is the one that harms least: measured by `npm run bench -- canary`, it finds fewer
 * bad versions there, and later. Looks beyond the plan, of which there may be any number, have the shares of the series
 * 1/(j(j+1)), whose sum is 1.
 */
export function levelOf(alpha: number, { number, planned }: Looks): number {
  if (number <= planned) return (alpha * (1 - RESERVE)) / planned;
  const later = number - planned;
  return (alpha * RESERVE) / (later * (later + 1));
}

/** How a canary is walked through. */
export interface Walk {
  /** Steps at which there are two versions to compare: a step of 100 percent is none. */
  steps: number;
  stepMs: number;
  lookEveryMs: number;
  /** How often a step that cannot be decided is prolonged by its own length. */
  extensions: number;
}

/** The looks that a canary takes at most when it goes as planned. */
export function plannedLooks({ steps, stepMs, lookEveryMs, extensions }: Walk): number {
  return Math.max(1, steps * (1 + extensions) * Math.ceil(stepMs / lookEveryMs));
}
