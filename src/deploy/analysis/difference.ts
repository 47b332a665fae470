import { type Counts, shareOf } from './counts.ts';

/** The 95 % point of the normal distribution: a limit at this many standard errors is crossed by chance once in 20. */
export const Z_95 = 1.644_853_626_951_473;

/**
 * Where the true share of errors may lie, as shares from 0 to 1. Source: E. B. Wilson, Probable inference, the law of
 * succession, and statistical inference, Journal of the American Statistical Association 22 (1927), 209-212.
 * Right also when nothing failed, where the usual share plus or minus its standard error has no width.
 * @param z standard errors on each side: 1.645 makes each of the two limits hold with 95 %
 */
export function wilson(counts: Counts, z: number): { low: number; high: number } {
  const n = counts.requests;
  if (n === 0) return { low: 0, high: 1 };
  const share = shareOf(counts);
  const centre = share + (z * z) / (2 * n);
  const width = z * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n));
  const scale = 1 + (z * z) / n;
  // The limits of nothing and of everything are exact; calculated, they would be off by a rounding error.
  return {
    low: counts.errors === 0 ? 0 : (centre - width) / scale,
    high: counts.errors === n ? 1 : (centre + width) / scale,
  };
}

/**
 * By how much the canary's share of errors is greater than the stable version's at most, as a share from -1 to 1: the
 * upper limit of Newcombe's hybrid score interval. That it is below a margin is the test of non-inferiority at that
 * margin. Source: R. G. Newcombe, Interval estimation for the difference between independent proportions: comparison of
 * eleven methods, Statistics in Medicine 17 (1998), 873-890, method 10.
 *
 * Its rival of Miettinen and Nurminen (1985) has no closed form and could only be shown as a p value; of the two, this
 * limit is also what a person wants to read. The lower limit is the upper one of the versions swapped, negated.
 */
export function differenceAtMost(canary: Counts, stable: Counts, z: number): number {
  const [bad, good] = [shareOf(canary), shareOf(stable)];
  return bad - good + Math.hypot(wilson(canary, z).high - bad, good - wilson(stable, z).low);
}
