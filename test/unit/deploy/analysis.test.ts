import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { analyse, type Observation } from '../../../src/deploy/analysis/analyse.ts';
import { analysisSchema, type Analysis } from '../../../src/deploy/analysis/data.ts';
import type { Latency } from '../../../src/deploy/analysis/histogram.ts';

const looks = { number: 12, planned: 108, share: 1 / 120 };
const seen = (requests: number, errors: number, latency?: Latency): Observation => ({ requests, errors, latency });
const judge = (stable: Observation, canary: Observation): Analysis => analyse({ stable, canary, looks });
const quick = (samples: number): Latency => ({ p95Ms: 200, samples, slow: samples / 20 });

/** Verdict, reason, and what each rule said. */
function told({ verdict, reason, rules }: Analysis): string {
  const { samples, errors, latency, hardAbort } = rules;
  const each = [samples, errors, latency, hardAbort].map((rule) => rule.verdict).join(', ');
  return `${verdict}: ${reason}\n[${each}]`;
}

describe('what is said of a canary', () => {
  it('must show every number of every rule', () => {
    expect(judge(seen(5700.3, 5.7, quick(5700)), seen(299.8, 7.1, quick(300)))).toMatchInlineSnapshot(`
      {
        "look": 12,
        "planned": 108,
        "reason": "7 of 300 failed (2.3 %), of stable 6 of 5700 failed (0.11 %): 2.2 points more, by chance with a probability of 9.6e-7 (limit of this look 0.000083)",
        "rules": {
          "errors": {
            "atMostPoints": 4.144195662547849,
            "canary": {
              "errors": 7,
              "requests": 300,
              "share": 0.023333333333333334,
            },
            "differencePoints": 2.2280701754385968,
            "failPoints": 0.5,
            "level": 0.00008333333333333333,
            "marginPoints": 1,
            "p": 9.64815666718296e-7,
            "reason": "7 of 300 failed (2.3 %), of stable 6 of 5700 failed (0.11 %): 2.2 points more, by chance with a probability of 9.6e-7 (limit of this look 0.000083)",
            "stable": {
              "errors": 6,
              "requests": 5700,
              "share": 0.0010526315789473684,
            },
            "verdict": "fail",
          },
          "hardAbort": {
            "atErrors": 5,
            "errors": 7,
            "reason": "the first 100 requests are over",
            "requests": 300,
            "timesStable": 10,
            "verdict": "skipped",
            "withinRequests": 100,
          },
          "latency": {
            "canaryP95Ms": 200,
            "canarySamples": 300,
            "differenceMs": 0,
            "failMs": 50,
            "failRatio": 1.2,
            "level": 0.000041666666666666665,
            "ratio": 1,
            "reason": "p95 200 ms, of stable 200 ms",
            "stableP95Ms": 200,
            "stableSamples": 5700,
            "verdict": "pass",
          },
          "samples": {
            "canary": 300,
            "needed": 300,
            "reason": "at least 300 requests of each",
            "stable": 5700,
            "verdict": "pass",
          },
        },
        "verdict": "fail",
      }
    `);
  });

  it('must pass when there is enough, nothing is worse and worse is improbable', () => {
    expect(told(judge(seen(5700, 6, quick(5700)), seen(300, 0, quick(300))))).toMatchInlineSnapshot(`
      "pass: 0 of 300 failed (0 %), of stable 6 of 5700 failed (0.11 %): at most 0.79 points more with 95 %, below 1; p95 200 ms, of stable 200 ms
      [pass, pass, pass, skipped]"
    `);
    expect(told(judge(seen(57_000, 570), seen(3000, 30)))).toMatchInlineSnapshot(`
      "pass: 30 of 3000 failed (1.0 %), of stable 570 of 57000 failed (1.0 %): at most 0.35 points more with 95 %, below 1; latency is not measured
      [pass, pass, skipped, skipped]"
    `);
  });

  it('must hold it when errors may be more than the margin', () => {
    expect(told(judge(seen(5700, 57), seen(300, 3)))).toMatchInlineSnapshot(`
      "inconclusive: 3 of 300 failed (1.0 %), of stable 57 of 5700 failed (1.0 %): at most 1.5 points more with 95 %, not below 1
      [pass, inconclusive, skipped, skipped]"
    `);
  });

  it('must fail it for errors that are no chance and matter, with fewer requests than a pass needs as well', () => {
    expect(told(judge(seen(2850, 3), seen(150, 6)))).toMatchInlineSnapshot(`
      "fail: 6 of 150 failed (4.0 %), of stable 3 of 2850 failed (0.11 %): 3.9 points more, by chance with a probability of 0.0000011 (limit of this look 0.000083)
      [inconclusive, fail, skipped, skipped]"
    `);
  });

  it('must not fail it for a difference that is certain and does not matter', () => {
    const { errors } = judge(seen(950_000, 950), seen(50_000, 250)).rules;
    expect(errors.p).toBeLessThan(errors.level);
    expect(told(judge(seen(950_000, 950), seen(50_000, 250)))).toMatchInlineSnapshot(`
      "pass: 250 of 50000 failed (0.50 %), of stable 950 of 950000 failed (0.10 %): at most 0.45 points more with 95 %, below 1; latency is not measured
      [pass, pass, skipped, skipped]"
    `);
  });

  it('must say that there was no traffic, and of whom', () => {
    expect(told(judge(seen(0, 0), seen(0, 0)))).toMatchInlineSnapshot(`
      "inconclusive: the canary got no request in this window
      [inconclusive, inconclusive, skipped, pass]"
    `);
    expect(told(judge(seen(1000, 0), seen(0, 0)))).toMatchInlineSnapshot(`
      "inconclusive: the canary got no request in this window
      [inconclusive, inconclusive, skipped, pass]"
    `);
    expect(told(judge(seen(0, 0), seen(1000, 20)))).toMatchInlineSnapshot(`
      "inconclusive: stable got no request in this window
      [inconclusive, inconclusive, skipped, skipped]"
    `);
    expect(told(judge(seen(5, 5), seen(1000, 20)))).toMatchInlineSnapshot(`
      "inconclusive: stable got 5 requests, fewer than 300 in this window
      [inconclusive, pass, skipped, skipped]"
    `);
    expect(told(judge(seen(Number.NaN, 0), seen(1000, 20)))).toMatchInlineSnapshot(`
      "inconclusive: requests were not counted of both versions
      [inconclusive, inconclusive, skipped, skipped]"
    `);
  });
});

describe('hard abort', () => {
  const aborts = (stable: Observation, canary: Observation): string => judge(stable, canary).rules.hardAbort.verdict;

  it('must fail what is ten times worse in its first requests', () => {
    expect(told(judge(seen(60, 0), seen(50, 5)))).toMatchInlineSnapshot(`
      "fail: 5 of 50 failed (10 %), of stable 0 of 60 failed (0 %)
      [inconclusive, inconclusive, skipped, fail]"
    `);
    expect(aborts(seen(1000, 5), seen(100, 5))).toBe('fail');
  });

  it('must not fail it for fewer errors, a bad stable version, too few requests of that, or later', () => {
    expect(aborts(seen(1000, 0), seen(100, 4))).toBe('pass');
    expect(aborts(seen(1000, 6), seen(100, 5))).toBe('pass');
    expect(aborts(seen(99, 0), seen(100, 5))).toBe('pass');
    expect(aborts(seen(1000, 5), seen(101, 6))).toBe('skipped');
  });
});

describe('latency', () => {
  const latency = (stable: Latency | undefined, canary: Latency | undefined): string => {
    const { verdict, reason } = judge(seen(5700, 0, stable), seen(300, 0, canary)).rules.latency;
    return `${verdict}: ${reason}`;
  };
  const stable = { p95Ms: 200, samples: 5700, slow: 285 };

  it('must fail what is slower by ratio, by milliseconds and not by chance', () => {
    expect(latency(stable, { p95Ms: 400, samples: 300, slow: 45 })).toMatchInlineSnapshot(
      `"fail: p95 400 ms, of stable 200 ms: by chance with a probability of 3.2e-10 (limit of this look 0.000042)"`,
    );
  });

  it('must not fail what is slower by chance, by a little or by milliseconds only', () => {
    expect(latency(stable, { p95Ms: 400, samples: 300, slow: 18 })).toMatchInlineSnapshot(
      `"inconclusive: p95 400 ms, of stable 200 ms: by chance with a probability of 0.26 (limit of this look 0.000042)"`,
    );
    expect(latency(stable, { p95Ms: 240, samples: 300, slow: 90 })).toBe('pass: p95 240 ms, of stable 200 ms');
    const fast = { ...stable, p95Ms: 10 };
    expect(latency(fast, { p95Ms: 60, samples: 300, slow: 90 })).toBe('pass: p95 60 ms, of stable 10 ms');
    expect(latency(fast, { p95Ms: 61, samples: 300, slow: 90 })).toMatch(/^fail/);
  });

  it('must hold what cannot be told', () => {
    expect(latency(stable, { p95Ms: 400, samples: 299, slow: 90 })).toMatchInlineSnapshot(
      `"inconclusive: p95 400 ms, of stable 200 ms, of fewer than 300 requests"`,
    );
    expect(latency({ ...stable, samples: 299 }, { p95Ms: 400, samples: 300, slow: 90 })).toMatch(/^inconclusive/);
    expect(latency(stable, { p95Ms: 400, samples: 300 })).toMatchInlineSnapshot(
      `"inconclusive: p95 400 ms, of stable 200 ms: whether by chance, nobody counted"`,
    );
    expect(latency(stable, undefined)).toMatchInlineSnapshot(
      `"inconclusive: latency was not measured of both versions"`,
    );
    expect(latency(stable, { p95Ms: Number.NaN, samples: 300 })).toMatch(/^inconclusive/);
  });

  it('must neither hinder nor help where nobody measures it', () => {
    expect(latency(undefined, undefined)).toBe('skipped: latency is not measured');
    expect(judge(seen(5700, 0), seen(300, 0)).verdict).toBe('pass');
  });

  it('must bear a stable version that takes no time', () => {
    expect(latency({ p95Ms: 0, samples: 5700, slow: 0 }, { p95Ms: 60, samples: 300, slow: 90 })).toMatch(/^fail/);
  });
});

describe('whatever was counted', () => {
  const count = fc.oneof(fc.double({ min: 0, max: 1e7 }), fc.integer({ min: 0, max: 500 }), fc.double());
  const timed = fc.record({ p95Ms: count, samples: count, slow: fc.option(count, { nil: undefined }) });
  const side = fc.record({ requests: count, errors: count, latency: fc.option(timed, { nil: undefined }) });
  const look = fc.record({
    number: fc.integer({ min: 1, max: 500 }),
    planned: fc.integer({ min: 1, max: 300 }),
    share: fc.double({ min: 1e-9, max: 1, noNaN: true }),
  });

  it('must be judged, in numbers that JSON can hold, and never passed on too few requests', () => {
    fc.assert(
      fc.property(side, side, look, (stable, canary, looks) => {
        const analysis = analyse({ stable, canary, looks });
        const json: unknown = JSON.parse(JSON.stringify(analysis));
        expect(analysisSchema.parse(json)).toEqual(json);
        expect(analysis.reason.length).toBeLessThan(300);
        if (analysis.verdict === 'pass')
          expect(Math.round(Math.min(stable.requests, canary.requests))).toBeGreaterThanOrEqual(300);
      }),
      { numRuns: 1000 },
    );
  });

  it('must not look better for an error more', () => {
    const rank = { fail: 0, inconclusive: 1, pass: 2 };
    const counts = fc
      .integer({ min: 0, max: 5000 })
      .chain((requests) =>
        fc.integer({ min: 0, max: Math.min(requests, 200) }).map((errors) => ({ requests, errors })),
      );
    fc.assert(
      fc.property(counts, counts, look, (stable, canary, looks) => {
        const worse = { ...canary, errors: Math.min(canary.requests, canary.errors + 1) };
        const [before, after] = [canary, worse].map((canary) => rank[analyse({ stable, canary, looks }).verdict]);
        expect(after).toBeLessThanOrEqual(before ?? 0);
      }),
      { numRuns: 1000 },
    );
  });
});
