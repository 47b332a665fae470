import { gammaln } from 'simple-statistics';

/** Uniform numbers, 0 < u < 1. */
export type Uniform = () => number;

/**
 * The same numbers for the same seed: sfc32, "small fast counting", of C. Doty-Humphrey (PractRand, 2010). 128 bits of
 * state with a counter of 32, so no cycle is shorter than 2^32 numbers. Of no use for secrets.
 */
export function seeded(seed: number): Uniform {
  let [a, b, c, counter] = [seed | 0, 0, 0, 1];
  const next = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    // Half a step above the lower edge: neither 0 nor 1 comes out, so its logarithm is finite.
    return ((sum >>> 0) + 0.5) / 2 ** 32;
  };
  // The first numbers of similar seeds are similar.
  for (let round = 0; round < 20; round += 1) next();
  return next;
}

/** Below so many expected successes counting up is quicker than rejection, and rejection needs at least these. */
const FEW = 10;

/** How many of n tries succeed, each with probability p: exactly binomial, in a time that does not grow with n. */
export function binomial(random: Uniform, n: number, p: number): number {
  if (n <= 0 || p <= 0) return 0;
  if (p > 0.5) return n - binomial(random, n, 1 - p);
  return n * p < FEW ? byCounting(random, n, p) : byRejection(random, n, p);
}

/** Requests that arrive where `mean` are expected. Binomial of a thousand times as many chances: Poisson but for 1 in 1000. */
export const arrivals = (random: Uniform, mean: number): number => binomial(random, Math.round(mean * 1000), 0.001);

/** Inversion: the probabilities of 0, 1, 2, … are taken off a uniform number until it is used up. */
function byCounting(random: Uniform, n: number, p: number): number {
  const odds = p / (1 - p);
  let term = Math.exp(n * Math.log1p(-p));
  let rest = random() - term;
  let successes = 0;
  while (rest > 0 && successes < n) {
    term *= (odds * (n - successes)) / (successes + 1);
    successes += 1;
    rest -= term;
  }
  return successes;
}

/**
 * Rejection from a hat of two uniform numbers. Source of method and constants: W. Hörmann, The generation of binomial
 * random variates, Journal of Statistical Computation and Simulation 46 (1993), 101-110, algorithm BTRS.
 */
function byRejection(random: Uniform, n: number, p: number): number {
  const spread = Math.sqrt(n * p * (1 - p));
  const b = 1.15 + 2.53 * spread;
  const a = -0.0873 + 0.0248 * b + 0.01 * p;
  const centre = n * p + 0.5;
  const quick = 0.92 - 4.2 / b;
  const alpha = (2.83 + 5.1 / b) * spread;
  const mode = Math.floor((n + 1) * p);
  for (;;) {
    const u = random() - 0.5;
    const v = random();
    const edge = 0.5 - Math.abs(u);
    const k = Math.floor(((2 * a) / edge + b) * u + centre);
    if (edge >= 0.07 && v <= quick) return k;
    if (k < 0 || k > n) continue;
    const ratio = logRatio(n, p, k, mode);
    if (Math.log((v * alpha) / (a / (edge * edge) + b)) <= ratio) return k;
  }
}

/** Natural logarithm of the probability of k beside that of the mode. */
function logRatio(n: number, p: number, k: number, mode: number): number {
  const ways = gammaln(mode + 1) + gammaln(n - mode + 1) - gammaln(k + 1) - gammaln(n - k + 1);
  return ways + (k - mode) * Math.log(p / (1 - p));
}
