import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { type Counts, wholeCounts } from '../../../src/deploy/analysis/counts.ts';
import { differenceAtMost, wilson, Z_95 } from '../../../src/deploy/analysis/difference.ts';
import { fisher } from '../../../src/deploy/analysis/fisher.ts';
import { latencies } from '../../../src/deploy/analysis/histogram.ts';
import { LOOK_EVERY_MS, lookAt, countLooks, type Schedule } from '../../../src/deploy/analysis/looks.ts';

/** The 97.5 % point of the normal distribution, for two-sided intervals of 95 % as papers print them. */
const Z_975 = 1.959_963_984_540_054;

const counts = (errors: number, requests: number): Counts => ({ errors, requests });
const pairs = (most: number): fc.Arbitrary<[Counts, Counts]> => {
  const one = fc
    .integer({ min: 1, max: most })
    .chain((requests) => fc.integer({ min: 0, max: requests }).map((errors) => counts(errors, requests)));
  return fc.tuple(one, one);
};

function choose(n: number, k: number): bigint {
  let ways = 1n;
  for (let i = 1; i <= k; i += 1) ways = (ways * BigInt(n - k + i)) / BigInt(i);
  return k < 0 || k > n ? 0n : ways;
}

/** The definition in whole numbers: of all ways to draw, those with at least so many errors; to 15 digits. */
function exactly(canary: Counts, stable: Counts): number {
  const total = canary.requests + stable.requests;
  const marked = canary.errors + stable.errors;
  let ways = 0n;
  for (let x = canary.errors; x <= Math.min(marked, canary.requests); x += 1)
    ways += choose(marked, x) * choose(total - marked, canary.requests - x);
  return ratio(ways, choose(total, canary.requests));
}

/** A quotient of great whole numbers, however small it is. */
function ratio(above: bigint, below: bigint): number {
  const shift = Math.max(0, below.toString().length - above.toString().length) + 17;
  return Number(`${((above * 10n ** BigInt(shift)) / below).toString()}e-${shift.toString()}`);
}

describe("Fisher's exact test", () => {
  it.each<[string, Counts, Counts, number]>([
    ['all cups of the lady tasting tea (Fisher 1935): 1 in 70', counts(4, 4), counts(0, 4), 1 / 70],
    ['three of four cups: 17 in 70', counts(3, 4), counts(1, 4), 17 / 70],
    ['two of four cups: 53 in 70', counts(2, 4), counts(2, 4), 53 / 70],
    ['convictions of twins (Fisher 1935, as in R): 4.652e-4', counts(10, 13), counts(2, 17), 4.652e-4],
  ])('must have the published p of %s', (_what, canary, stable, p) => {
    expect(Math.abs(fisher(canary, stable) / p - 1)).toBeLessThan(p === 4.652e-4 ? 1e-4 : 1e-13);
  });

  it('must agree with whole-number arithmetic to 10 digits', () => {
    fc.assert(
      fc.property(pairs(400), ([canary, stable]) => {
        expect(Math.abs(fisher(canary, stable) / exactly(canary, stable) - 1)).toBeLessThan(1e-10);
      }),
    );
  });

  it.each<[Counts, Counts, number]>([
    [counts(7, 300), counts(6, 5700), 9.648_156_667_233_17e-7],
    [counts(10_200, 1e6), counts(100_000, 1e7), 0.028_334_578_743_738_5],
    [counts(101_000, 1e7), counts(100_000, 1e7), 0.012_559_946_030_077_5],
    [counts(99_000, 1e7), counts(100_000, 1e7), 0.987_938_737_992_135],
    [counts(5_001_500, 1e7), counts(5_000_000, 1e7), 0.251_309_961_838_582],
    [counts(60, 1e7), counts(20, 1e7), 4.290_108_862_085_38e-6],
  ])('must hold for great counts: %o beside %o, calculated with 50 digits', (canary, stable, p) => {
    expect(Math.abs(fisher(canary, stable) / p - 1)).toBeLessThan(1e-6);
  });

  it('must fall with every error more of the canary, and stay a probability', () => {
    fc.assert(
      fc.property(pairs(100_000), ([canary, stable]) => {
        const p = fisher(canary, stable);
        expect(p).toBeGreaterThanOrEqual(0);
        expect(p).toBeLessThanOrEqual(1);
        if (canary.errors === canary.requests) return;
        expect(fisher({ ...canary, errors: canary.errors + 1 }, stable)).toBeLessThanOrEqual(p * (1 + 1e-9));
      }),
    );
  });

  it('must find nothing where there is nothing', () => {
    expect(fisher(counts(0, 0), counts(0, 0))).toBe(1);
    expect(fisher(counts(0, 100), counts(0, 0))).toBe(1);
    expect(fisher(counts(100, 100), counts(0, 0))).toBe(1);
    expect(fisher(counts(100, 100), counts(100, 100))).toBe(1);
    expect(fisher(counts(0, 100), counts(50, 100))).toBe(1);
  });
});

describe('limits of a share and of a difference', () => {
  // Newcombe, Two-sided confidence intervals for the single proportion, Statistics in Medicine 17 (1998), 857-872.
  it.each([
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ])("must be Wilson's as published: %i of %i", (errors, requests, low, high) => {
    const limits = wilson(counts(errors, requests), Z_975);
    expect([limits.low.toFixed(4), limits.high.toFixed(4)]).toEqual([low.toFixed(4), high.toFixed(4)]);
  });

  // Newcombe, Interval estimation for the difference, Statistics in Medicine 17 (1998), 873-890, table II, method 10.
  it.each([
    [56, 70, 48, 80, 0.0524, 0.3339],
    [9, 10, 3, 10, 0.1705, 0.809],
    [6, 7, 2, 7, 0.0582, 0.8062],
    [5, 56, 0, 29, -0.0381, 0.1926],
    [0, 10, 0, 20, -0.1611, 0.2775],
    [0, 10, 0, 10, -0.2775, 0.2775],
    [10, 10, 0, 20, 0.6791, 1],
    [10, 10, 0, 10, 0.6075, 1],
  ])("must be Newcombe's as published: %i of %i less %i of %i", (a, m, b, n, low, high) => {
    const atMost = differenceAtMost(counts(a, m), counts(b, n), Z_975);
    const atLeast = -differenceAtMost(counts(b, n), counts(a, m), Z_975);
    expect([atLeast.toFixed(4), atMost.toFixed(4)]).toEqual([low.toFixed(4), high.toFixed(4)]);
  });

  it('must rise with every error more of the canary', () => {
    fc.assert(
      fc.property(pairs(100_000), ([canary, stable]) => {
        const atMost = differenceAtMost(canary, stable, Z_95);
        expect(atMost).toBeGreaterThanOrEqual(-1);
        expect(atMost).toBeLessThanOrEqual(1 + 1e-12);
        if (canary.errors === canary.requests) return;
        const worse = differenceAtMost({ ...canary, errors: canary.errors + 1 }, stable, Z_95);
        expect(worse).toBeGreaterThan(atMost - 1e-12);
      }),
    );
  });

  it('must be below 1 point when none of 300 requests fails, and not when none of 250 does', () => {
    expect(differenceAtMost(counts(0, 300), counts(0, 5700), Z_95)).toBeLessThan(0.01);
    expect(differenceAtMost(counts(0, 250), counts(0, 5700), Z_95)).toBeGreaterThan(0.01);
  });
});

describe('a look', () => {
  const schedule = { before: 36, own: 36, planned: 108 };
  const after = (intervals: number, of: Schedule = schedule) => lookAt(of, intervals * LOOK_EVERY_MS);
  const HOUR = 360;

  it('must be one of those planned while the step lasts as planned, all with equal shares', () => {
    expect(lookAt(schedule, 0)).toEqual({ number: 37, planned: 108, share: 0.9 / 108 });
    expect(lookAt(schedule, 29_999)).toMatchObject({ number: 38 });
    expect(after(36)).toEqual({ number: 72, planned: 108, share: 0.9 / 108 });
  });

  it.each([
    [37, 109, 1],
    [73, 124, 1],
    [74, 125, 2],
    [147, 140, 2],
    [148, 141, 3],
    [360, 161, 4],
  ])(
    'must be counted in doublings of the time beyond that: after %i intervals as look %i',
    (intervals, number, nth) => {
      const looks = after(intervals);
      expect(looks).toMatchObject({ number, planned: 108 });
      expect(looks.share).toBeCloseTo(0.1 / 3 / 16 / (nth * (nth + 1)), 12);
    },
  );

  it('must have a share that a bad version can still reach when the canary was held for hours, or a week', () => {
    const planned = after(1).share;
    expect(after(HOUR).share).toBeGreaterThan(planned / 100);
    expect(after(HOUR * 24 * 7).share).toBeGreaterThan(planned / 1000);
  });

  it('must be a later one with a smaller share the later it is', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.nat(5000), fc.nat(5000), (own, at, more) => {
        const of = { before: 0, own, planned: 3 * own };
        const [early, late] = [after(at, of), after(at + more, of)];
        expect(late.number).toBeGreaterThanOrEqual(early.number);
        expect(late.share).toBeLessThanOrEqual(early.share);
      }),
    );
  });

  it('must leave at most the whole chance to all, with 16 for each doubling, however long each step is held', () => {
    const plan = fc.record({ steps: fc.integer({ min: 1, max: 9 }), own: fc.integer({ min: 1, max: 200 }) });
    fc.assert(
      fc.property(plan, fc.integer({ min: 0, max: 20 }), ({ steps, own }, doublings) => {
        let spent = 0;
        for (let step = 0; step < steps; step += 1) {
          const of = { before: step * own, own, planned: steps * own };
          for (let interval = 1; interval <= own; interval += 1) spent += after(interval, of).share;
          for (let nth = 0; nth < doublings; nth += 1) spent += 16 * after((own + 1) * 2 ** nth, of).share;
        }
        expect(spent).toBeLessThanOrEqual(1 + 1e-9);
      }),
    );
  });

  it('must be one of as many as a walk has', () => {
    expect(countLooks({ steps: 3, stepMs: 120_000, extensions: 2 })).toBe(108);
    expect(countLooks({ steps: 1, stepMs: 25_000, extensions: 0 })).toBe(3);
    expect(countLooks({ steps: 0, stepMs: 1, extensions: 0 })).toBe(1);
  });
});

describe('counts of requests', () => {
  it.each([
    [299.6, 1.4, counts(1, 300)],
    [0.4, 0.4, counts(0, 0)],
    [10.2, 10.6, counts(10, 10)],
    [0, 0, counts(0, 0)],
    [Number.NaN, 0, undefined],
    [10, Number.NaN, undefined],
    [-1, 0, undefined],
    [Infinity, 0, undefined],
    [1e13, 0, undefined],
  ])('must be whole: %f requests, %f errors', (requests, errors, expected) => {
    expect(wholeCounts(requests, errors)).toEqual(expected);
  });
});

describe('latencies from buckets', () => {
  const buckets = (...cumulative: number[]): { leMs: number; count: number }[] =>
    cumulative.map((count, index) => ({ leMs: [100, 200, 400, Infinity][index] ?? Number.NaN, count }));

  it('must be interpolated within a bucket, as Prometheus does it', () => {
    // Rank 95 is half way through the 10 requests between 200 and 400 ms; of the canary, 30 lie there and 10 above.
    const { stable, canary } = latencies(buckets(60, 90, 100, 100), buckets(40, 60, 90, 100));
    expect(stable).toEqual({ p95Ms: 300, samples: 100, slow: 5 });
    expect(canary).toEqual({ p95Ms: 400, samples: 100, slow: 25 });
  });

  it('must begin at 0, end at the greatest finite bound, and take the bound of what is empty', () => {
    expect(latencies(buckets(100, 100, 100, 100), []).stable).toEqual({ p95Ms: 95, samples: 100, slow: 5 });
    expect(latencies(buckets(10, 20, 30, 100), []).stable).toEqual({ p95Ms: 400, samples: 100, slow: 70 });
  });

  it('must bear buckets without order, without sense, and versions without requests', () => {
    const shuffled = buckets(60, 90, 100, 100).toReversed();
    expect(latencies(shuffled, buckets(0, 0, 0, 0))).toEqual({
      stable: { p95Ms: 300, samples: 100, slow: 5 },
      canary: undefined,
    });
    // Extrapolated apart, a bucket below its lower neighbour; and one that could not be read.
    expect(latencies(buckets(60, 59.5, Number.NaN, 60.1), []).stable?.samples).toBe(60.1);
    expect(latencies([], buckets(60, 90, 100, 100)).canary).toEqual({ p95Ms: 300, samples: 100 });
  });
});
