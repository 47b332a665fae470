/** `npm run bench -- canary` does the same with more canaries. */
import { gammaln } from 'simple-statistics';
import { describe, expect, it } from 'vitest';

import { type Scenario, walk } from '../../support/canaries.ts';
import { normal } from '../../support/normal.ts';
import { arrivals, binomial, seeded } from '../../support/random.ts';

const CANARIES = 500;

describe('generated canaries', () => {
  const cells = [0, 0.001, 0.01].flatMap((errors) => [5, 50, 500].map((traffic) => [errors, traffic] as const));
  const share = (scenario: Scenario, verdict: string): number => {
    const random = seeded(1);
    const endings = Array.from({ length: CANARIES }, () => walk(random, scenario));
    return endings.filter((ending) => ending.verdict === verdict).length / CANARIES;
  };

  it.each(cells)(
    'with %f errors and %i requests a second must rarely fail, and rarely be promoted with 2 points more',
    (stableErrors, requestsPerSecond) => {
      const same = { requestsPerSecond, stableErrors, canaryErrors: stableErrors };
      expect(share(same, 'failed')).toBeLessThan(0.02);
      expect(share({ ...same, canaryErrors: stableErrors + 0.02 }, 'promoted')).toBeLessThan(0.02);
    },
    60_000,
  );

  it('must be promoted or failed, not held, where there is traffic enough', () => {
    const busy = { requestsPerSecond: 500, stableErrors: 0.001, canaryErrors: 0.001 };
    expect(share(busy, 'promoted')).toBeGreaterThan(0.98);
    expect(share({ ...busy, canaryErrors: 0.021 }, 'failed')).toBe(1);
    expect(share({ ...busy, slower: 2 }, 'failed')).toBe(1);
  });

  it('must still be told apart when they are held for an hour after their first step', () => {
    const heldMs = 3_600_000;
    const quiet = { requestsPerSecond: 5, stableErrors: 0.001, canaryErrors: 0.001, heldMs };
    expect(share(quiet, 'failed')).toBeLessThan(0.02);
    expect(share({ ...quiet, canaryErrors: 0.011 }, 'failed')).toBeGreaterThan(0.6);
    expect(share({ ...quiet, canaryErrors: 0.021 }, 'failed')).toBeGreaterThan(0.95);
    expect(share({ ...quiet, canaryErrors: 0.021 }, 'promoted')).toBe(0);
  });

  it('must be held without traffic, and never promoted', () => {
    expect(share({ requestsPerSecond: 0, stableErrors: 0, canaryErrors: 0 }, 'inconclusive')).toBe(1);
  });
});

describe('what generates them', () => {
  const DRAWS = 20_000;

  it.each([
    [10, 0.3],
    [10, 0.9],
    [1000, 0.002],
    [1000, 0.0099],
    [1000, 0.0101],
    [300, 0.5],
    [100, 0.85],
    [250_000, 0.001],
  ])('must be binomial: %i tries, %f', (n, p) => {
    const random = seeded(2);
    const found = new Map<number, number>();
    for (let draw = 0; draw < DRAWS; draw += 1) {
      const k = binomial(random, n, p);
      found.set(k, (found.get(k) ?? 0) + 1);
    }
    // Pearson's chi square over the values that are expected at least 10 times, the rest as one.
    let [chiSquare, classes, restExpected, restFound] = [0, 0, DRAWS, DRAWS];
    for (let k = 0; k <= Math.min(n, n * p + 200); k += 1) {
      const ways = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1);
      const expected = DRAWS * Math.exp(ways + k * Math.log(p) + (n - k) * Math.log1p(-p));
      if (expected < 10) continue;
      chiSquare += ((found.get(k) ?? 0) - expected) ** 2 / expected;
      classes += 1;
      restExpected -= expected;
      restFound -= found.get(k) ?? 0;
    }
    if (restExpected > 10) chiSquare += (restFound - restExpected) ** 2 / restExpected;
    // Its mean is the classes, its variance twice that; four standard deviations.
    expect(chiSquare).toBeLessThan(classes + 4 * Math.sqrt(2 * classes));
  });

  it('must be the same for the same seed, and without a success or a failure where none can be', () => {
    const draws = (seed: number): number[] => {
      const random = seeded(seed);
      return Array.from({ length: 5 }, () => arrivals(random, 100));
    };
    expect(draws(1)).toEqual(draws(1));
    expect(draws(1)).not.toEqual(draws(2));
    expect([binomial(seeded(1), 100, 0), binomial(seeded(1), 100, 1), binomial(seeded(1), 0, 0.5)]).toEqual([
      0, 100, 0,
    ]);
  });

  it('must spread evenly between 0 and 1', () => {
    const random = seeded(3);
    const tenths = Array.from({ length: 10 }, () => 0);
    for (let draw = 0; draw < 100_000; draw += 1) {
      const tenth = Math.floor(random() * 10);
      tenths[tenth] = (tenths[tenth] ?? 0) + 1;
    }
    for (const count of tenths) expect(Math.abs(count - 10_000)).toBeLessThan(400);
  });

  it('must have the normal distribution of the tables', () => {
    expect(normal(0)).toBeCloseTo(0.5, 7);
    expect(normal(1.644_853_626_951)).toBeCloseTo(0.95, 7);
    expect(normal(-3.090_232_306_168)).toBeCloseTo(0.001, 9);
    expect([normal(40), normal(-40), normal(Infinity), normal(-Infinity)]).toEqual([1, 0, 1, 0]);
  });
});
