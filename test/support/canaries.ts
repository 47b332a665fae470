/** Canaries that never ran: traffic, errors and latencies are drawn, and judged as those of real ones are. */
import { analyse, type Look } from '../../src/deploy/analysis/analyse.ts';
import type { Analysis, Rules } from '../../src/deploy/analysis/data.ts';
import { type Bucket, latencies } from '../../src/deploy/analysis/histogram.ts';
import { LOOK_EVERY_MS, lookAt, countLooks } from '../../src/deploy/analysis/looks.ts';
import { normal } from './normal.ts';
import { arrivals, binomial, type Uniform } from './random.ts';

/** What the two versions are like. Shares are 0 to 1. */
export interface Scenario {
  requestsPerSecond: number;
  stableErrors: number;
  canaryErrors: number;
  /** How many times longer each request takes of the canary; default 1. */
  slower?: number;
  /** For how long nobody looks after the time of the first step, because it was interrupted before the next; default 0. */
  heldMs?: number;
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

/** What is decided by: how a look is judged, and which look it is. */
export interface Rule {
  judge?: Judge;
  count?: typeof lookAt;
}

/** Steps in percent before all traffic moves, 2 minutes each, twice prolonged at most, and a look every 10 seconds. */
const STEPS = [5, 25, 50] as const;
const STEP = { stepMs: 120_000, extensions: 2 };
const LOOKS_A_STEP = STEP.stepMs / LOOK_EVERY_MS;
/** Of one step, extensions included, and of all. */
const OWN = countLooks({ ...STEP, steps: 1 });
const PLANNED = countLooks({ ...STEP, steps: STEPS.length });

/**
 * Walks one canary through its steps. It fails at any look; it goes on at the first look that passes when the step has
 * lasted; it is held when the last extension of a step ends.
 */
export function walk(random: Uniform, scenario: Scenario, { judge = analyse, count = lookAt }: Rule = {}): Ending {
  let before = 0;
  for (const [index, percent] of STEPS.entries()) {
    const grow = openWindow(scenario, percent / 100);
    const held = index === 0 ? (scenario.heldMs ?? 0) / LOOK_EVERY_MS : 0;
    let [at, passed] = [0, false];
    for (const look of looksOf(held)) {
      const seen = grow(random, look - at);
      at = look;
      const looks = count({ before: index * OWN, own: OWN, planned: PLANNED }, at * LOOK_EVERY_MS);
      const { verdict, rules } = judge({ ...seen, looks });
      if (verdict === 'fail') return { verdict: 'failed', seconds: secondsOf(before + at), ...failing(rules) };
      passed = verdict === 'pass' && at >= LOOKS_A_STEP + held;
      if (passed) break;
    }
    before += at;
    if (!passed) return { verdict: 'inconclusive', seconds: secondsOf(before) };
  }
  return { verdict: 'promoted', seconds: secondsOf(before) };
}

/** When a step is looked at, in intervals since it began: all its time, and anew once it was held. */
function looksOf(held: number): number[] {
  const from = (first: number, many: number): number[] => Array.from({ length: many }, (_, index) => first + index);
  return held === 0 ? from(1, OWN) : [...from(1, LOOKS_A_STEP), ...from(LOOKS_A_STEP + held, OWN)];
}

const secondsOf = (intervals: number): number => (intervals * LOOK_EVERY_MS) / 1000;

function failing(rules: Rules | undefined): Pick<Ending, 'rule'> {
  const rule = (['errors', 'latency', 'hardAbort'] as const).find((name) => rules?.[name].verdict === 'fail');
  return rule === undefined ? {} : { rule };
}

/** Both versions since a step began. Each call adds some intervals between looks. */
function openWindow(
  scenario: Scenario,
  weight: number,
): (random: Uniform, intervals: number) => Pick<Look, 'stable' | 'canary'> {
  const { requestsPerSecond, stableErrors, canaryErrors, slower = 1 } = scenario;
  const mean = (requestsPerSecond * LOOK_EVERY_MS) / 1000;
  const stable = traffic(mean * (1 - weight), stableErrors, 1);
  const canary = traffic(mean * weight, canaryErrors, slower);
  return (random, intervals) => {
    const [before, after] = [stable(random, intervals), canary(random, intervals)];
    const latency = latencies(before.buckets, after.buckets);
    return {
      stable: { requests: before.requests, errors: before.errors, latency: latency.stable },
      canary: { requests: after.requests, errors: after.errors, latency: latency.canary },
    };
  };
}

/** Latencies are log-normal around this median, with a standard deviation of the logarithm of 1: p95 is 518 ms. */
const MEDIAN_MS = 100;
const BOUNDS_MS = [50, 100, 250, 500, 1000, 2500, 5000, Infinity] as const;

/** Counts of one version that add up. `mean`: requests expected in one interval between looks. */
function traffic(mean: number, errorShare: number, slower: number): (random: Uniform, intervals: number) => Seen {
  const seen: Seen = { requests: 0, errors: 0, buckets: BOUNDS_MS.map((leMs) => ({ leMs, count: 0 })) };
  const shares = BOUNDS_MS.map((ms) => normal(Math.log(ms / (MEDIAN_MS * slower))));
  return (random, intervals) => {
    const requests = arrivals(random, mean * intervals);
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
