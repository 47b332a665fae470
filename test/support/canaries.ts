/** Canaries that never ran: traffic, errors and latencies are drawn, and judged as those of real ones are. */
import { analyse, type Look } from '../../src/deploy/analysis/analyse.ts';
import type { Analysis, Rules } from '../../src/deploy/analysis/data.ts';
import { type Bucket, latencies } from '../../src/deploy/analysis/histogram.ts';
import { type Looks, plannedLooks, type Walk } from '../../src/deploy/analysis/looks.ts';
import { normal } from './normal.ts';
import { arrivals, binomial, type Uniform } from './random.ts';

/** What the two versions are like. Shares are 0 to 1. */
export interface Scenario {
  requestsPerSecond: number;
  stableErrors: number;
  canaryErrors: number;
  /** How many times longer each request takes of the canary; default 1. */
  slower?: number;
}

/** How one canary ended. */
export interface Ending {
  verdict: 'promoted' | 'failed' | 'inconclusive';
  /** The rule that failed it. */
  rule?: keyof Rules;
  seconds: number;
}

/** Judges one look. */
export type Judge = (look: Look) => Analysis;

/** Steps in percent before all traffic moves, 2 minutes each, twice prolonged at most, and a look every 10 seconds. */
const STEPS = [5, 25, 50] as const;
const WALK: Walk = { steps: STEPS.length, stepMs: 120_000, lookEveryMs: 10_000, extensions: 2 };
const LOOKS_A_STEP = WALK.stepMs / WALK.lookEveryMs;
export const PLANNED = plannedLooks(WALK);

/**
 * Walks one canary through its steps. It fails at any look; it goes on at the first look that passes when the step has
 * lasted; it is held when the last extension of a step ends.
 */
export function walk(random: Uniform, scenario: Scenario, judge: Judge = analyse): Ending {
  let number = 0;
  const end = (verdict: Ending['verdict'], rules?: Rules): Ending => ({
    verdict,
    seconds: (number * WALK.lookEveryMs) / 1000,
    ...failing(rules),
  });
  for (const percent of STEPS) {
    const next = openWindow(scenario, percent / 100);
    let passed = false;
    for (let look = 1; look <= LOOKS_A_STEP * (1 + WALK.extensions) && !passed; look += 1) {
      number += 1;
      const { verdict, rules } = judge(next(random, { number, planned: PLANNED }));
      if (verdict === 'fail') return end('failed', rules);
      passed = verdict === 'pass' && look >= LOOKS_A_STEP;
    }
    if (!passed) return end('inconclusive');
  }
  return end('promoted');
}

function failing(rules: Rules | undefined): Pick<Ending, 'rule'> {
  const rule = (['errors', 'latency', 'hardAbort'] as const).find((name) => rules?.[name].verdict === 'fail');
  return rule === undefined ? {} : { rule };
}

/** Both versions since a step began; every call is a look, 10 seconds after the one before. */
function openWindow(scenario: Scenario, weight: number): (random: Uniform, looks: Looks) => Look {
  const { requestsPerSecond, stableErrors, canaryErrors, slower = 1 } = scenario;
  const mean = (requestsPerSecond * WALK.lookEveryMs) / 1000;
  const stable = traffic(mean * (1 - weight), stableErrors, 1);
  const canary = traffic(mean * weight, canaryErrors, slower);
  return (random, looks) => {
    const [before, after] = [stable(random), canary(random)];
    const latency = latencies(before.buckets, after.buckets);
    return {
      stable: { requests: before.requests, errors: before.errors, latency: latency.stable },
      canary: { requests: after.requests, errors: after.errors, latency: latency.canary },
      looks,
    };
  };
}

/** Latencies are log-normal around this median, with a standard deviation of the logarithm of 1: p95 is 518 ms. */
const MEDIAN_MS = 100;
const BOUNDS_MS = [50, 100, 250, 500, 1000, 2500, 5000, Infinity] as const;

/** Counts of one version that add up from look to look. `mean`: requests expected from one look to the next. */
function traffic(mean: number, errorShare: number, slower: number): (random: Uniform) => Seen {
  const seen: Seen = { requests: 0, errors: 0, buckets: BOUNDS_MS.map((leMs) => ({ leMs, count: 0 })) };
  const shares = BOUNDS_MS.map((ms) => normal(Math.log(ms / (MEDIAN_MS * slower))));
  return (random) => {
    const requests = arrivals(random, mean);
    seen.requests += requests;
    seen.errors += binomial(random, requests, errorShare);
    let [within, below] = [0, 0];
    for (const [index, bucket] of seen.buckets.entries()) {
      const share = shares[index] ?? 1;
      within += binomial(random, requests - within, (share - below) / (1 - below));
      bucket.count += within;
      below = share;
    }
    return seen;
  };
}

interface Seen {
  requests: number;
  errors: number;
  buckets: Bucket[];
}
