/** Between two looks, in ms: twice the usual interval of a quick scrape. */
export const LOOK_EVERY_MS = 10_000;

/** Which look at a release this is. Every look may fail it, so every look spends some of the chance of a false alarm. */
export interface Looks {
  /** From 1, counted through all steps of a canary; above `planned` in a step that lasts longer than planned. */
  number: number;
  /** How many looks the whole canary may take as planned, extensions of its steps included. */
  planned: number;
  /** What of the chance of a false alarm this look may spend, 0 to 1. */
  share: number;
}

/** A look where no other is known of. */
export const ONLY_LOOK: Looks = { number: 1, planned: 1, share: 1 };

/** How many looks were planned: for the steps before, for the one that is looked at, and for all. */
export interface Schedule {
  before: number;
  own: number;
  planned: number;
}

/** What is kept back of the chance of a false alarm, for a step that is held longer than planned. */
const RESERVE = 0.1;

/**
 * How many looks are paid for each time that a step has lasted twice as long. However many are taken, they cost no more,
 * because most of what each of them counts was counted before: the chance that what is counted reaches a level at any time
 * between t and 2t is 8 times that level at 3e-5, 11 times at 3e-7 and 15 times at 1e-9, where it is nearly normal. Source
 * of the formula: R. Miller and D. Siegmund, Maximally selected chi square statistics, Biometrics 38 (1982), 1011-1016;
 * of its two sides, half.
 */
const LOOKS_A_DOUBLING = 16;

/**
 * Which look it is, told by the time since the step began and nothing else: whoever looks at the same moment, in whatever
 * process, sees the same, and a canary that nobody looked at meanwhile has spent nothing.
 *
 * The shares together are at most 1, and the probability of any of several events is at most the sum of theirs (Boole's
 * inequality), so a version that is no worse fails with at most the chance that is shared.
 *
 * Planned looks have equal shares (Bonferroni); nothing has to be assumed of how they depend on each other, or of how much
 * traffic comes between them. To keep most for the end, as clinical trials do (O'Brien and Fleming), is wrong for a canary,
 * whose first step is the one that harms least: measured by `npm run bench -- canary`, it finds fewer bad versions there,
 * and later.
 *
 * Beyond the plan time is counted in doublings, of which there are few even when a canary is held for days. Each has its
 * part of the step's reserve, by the series 1/(k(k+1)), whose sum is 1.
 */
export function lookAt({ before, own, planned }: Schedule, elapsedMs: number): Looks {
  const interval = intervalAt(elapsedMs);
  if (interval <= own) return { number: before + interval, planned, share: (1 - RESERVE) / planned };
  const doublings = Math.log2(interval / (own + 1));
  const nth = Math.floor(doublings) + 1;
  return {
    number: planned + Math.floor(doublings * LOOKS_A_DOUBLING) + 1,
    planned,
    share: (RESERVE * own) / (planned * LOOKS_A_DOUBLING * nth * (nth + 1)),
  };
}

/** In which of the times between two looks something is, from 1; the first lasts twice as long. */
export const intervalAt = (elapsedMs: number): number => Math.max(1, Math.floor(elapsedMs / LOOK_EVERY_MS));

/** The steps of a release that are looked at, as they were planned. */
export interface PlannedSteps {
  /** Steps at which there are two versions to compare: a step of 100 percent is none. */
  steps: number;
  stepMs: number;
  /** How often a step that cannot be decided is prolonged by its own length. */
  extensions: number;
}

/** The looks that it takes at most when it goes as planned. */
export function countLooks({ steps, stepMs, extensions }: PlannedSteps): number {
  return Math.max(1, steps * (1 + extensions) * Math.ceil(stepMs / LOOK_EVERY_MS));
}
