/** Canary analysis on generated canaries: how often it is wrong, and what other rules would do in its place. */
import { analyse } from '../src/deploy/analysis/analyse.ts';
import { fisher } from '../src/deploy/analysis/fisher.ts';
import { ANALYSIS_LIMITS, type AnalysisLimits } from '../src/deploy/analysis/limits.ts';
import { intervalAt, LOOK_EVERY_MS, lookAt, type Looks } from '../src/deploy/analysis/looks.ts';
import { plural } from '../src/core/format.ts';
import { type Ending, type Judge, type Rule, type Scenario, walk } from '../test/support/canaries.ts';
import { normal } from '../test/support/normal.ts';
import { arrivals, binomial, seeded, type Uniform } from '../test/support/random.ts';
import { median } from './measure.ts';

const CANARIES = 10_000;
/** Of each row where rules are only compared. */
const FEWER = 2000;
const TRAFFIC = [5, 50, 500] as const;
const STABLE_ERRORS = [0, 0.001, 0.01] as const;
/** In either direction an error in less than this share of the canaries. */
const GOAL = 0.02;

/** Tables of how canaries end. */
export async function canary(): Promise<string[]> {
  return Promise.resolve([endings(), held(), always(), latencyRules(), schedules(), margins()]);
}

/** What became of a number of canaries that were alike. */
interface Outcome {
  promoted: number;
  failed: number;
  inconclusive: number;
  /** Of those that failed. */
  medianSeconds: number;
}

/** The same canaries for the same scenario, whatever they are decided by. */
function canaries(count: number, scenario: Scenario, rule?: Rule): Ending[] {
  const random = seeded(1);
  return Array.from({ length: count }, () => walk(random, scenario, rule));
}

function outcome(count: number, scenario: Scenario, rule?: Rule): Outcome {
  const all = canaries(count, scenario, rule);
  const share = (verdict: Ending['verdict']): number => all.filter((one) => one.verdict === verdict).length / count;
  const seconds = all.filter(({ verdict }) => verdict === 'failed').map((one) => one.seconds);
  return {
    promoted: share('promoted'),
    failed: share('failed'),
    inconclusive: share('inconclusive'),
    medianSeconds: median(seconds),
  };
}

const percent = (share: number): string => `${(share * 100).toFixed(2)} %`;
const points = (share: number): string => (share === 0 ? 'same' : `+${plural(share * 100, 'point')}`);
const shown = ({ promoted, failed, inconclusive, medianSeconds }: Outcome): string[] => [
  ...[promoted, failed, inconclusive].map(percent),
  Number.isNaN(medianSeconds) ? '-' : `${medianSeconds.toString()} s`,
];
const ENDINGS = ['promoted', 'failed', 'inconclusive', 'median time to fail'];

function table(title: string, how: string, head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [`### ${title}`, '', how, '', line(head), line(head.map(() => '---')), ...rows.map(line), ''].join('\n');
}

function endings(): string {
  const rows: string[][] = [];
  let missed = 0;
  for (const stableErrors of STABLE_ERRORS)
    for (const requestsPerSecond of TRAFFIC)
      for (const more of [0, 0.02]) {
        const ended = outcome(CANARIES, { requestsPerSecond, stableErrors, canaryErrors: stableErrors + more });
        if ((more === 0 ? ended.failed : ended.promoted) >= GOAL) missed += 1;
        rows.push([percent(stableErrors), `${requestsPerSecond.toString()}/s`, points(more), ...shown(ended)]);
      }
  return table(
    'Verdicts of canary analysis',
    `${CANARIES.toString()} generated canaries a row: steps of 5, 25 and 50 % with 2 minutes each, prolonged twice at most, and a look every 10 seconds; p95 of stable 518 ms. ${goalOf(missed)}.`,
    ['errors of stable', 'traffic', 'canary', ...ENDINGS],
    rows,
  );
}

/** For how long canaries are held after their first step. */
const HELD_MS = 3_600_000;

/** As if somebody had looked every 10 seconds, with the shares of the series 1/(j(j+1)) for the looks beyond the plan. */
const everyInterval: typeof lookAt = (schedule, elapsedMs) => {
  const [looks, number] = [lookAt(schedule, elapsedMs), schedule.before + intervalAt(elapsedMs)];
  const later = number - schedule.planned;
  return { ...looks, share: later > 0 ? 0.1 / (later * (later + 1)) : 0.9 / schedule.planned };
};

function held(): string {
  const rows: string[][] = [];
  let missed = 0;
  for (const stableErrors of STABLE_ERRORS)
    for (const requestsPerSecond of TRAFFIC)
      for (const more of [0, 0.02]) {
        const scenario = { requestsPerSecond, stableErrors, canaryErrors: stableErrors + more, heldMs: HELD_MS };
        const all = canaries(CANARIES, scenario);
        const share = (of: (one: Ending) => boolean): string => percent(all.filter(of).length / CANARIES);
        const late = ({ verdict, seconds }: Ending): boolean => verdict === 'failed' && seconds * 1000 > HELD_MS;
        const other = canaries(CANARIES, scenario, { count: everyInterval }).filter(late).length / CANARIES;
        const wrong = all.filter(({ verdict }) => verdict === (more === 0 ? 'failed' : 'promoted')).length;
        if (wrong >= GOAL * CANARIES) missed += 1;
        rows.push([
          percent(stableErrors),
          `${requestsPerSecond.toString()}/s`,
          points(more),
          share((one) => one.verdict === 'failed' && !late(one)),
          share(late),
          percent(other),
          share(({ verdict }) => verdict === 'promoted'),
          share(({ verdict }) => verdict === 'inconclusive'),
        ]);
      }
  return table(
    'Held for long',
    `The same canaries, but interrupted when their first step had lasted its time: for an hour nobody looks, then they are resumed. ${goalOf(missed)}.`,
    [
      'errors of stable',
      'traffic',
      'canary',
      'failed before',
      'failed then',
      '… were each 10 s a look',
      'promoted',
      'inconclusive',
    ],
    rows,
  );
}

/** Looks of a step as planned, extensions included. */
const OWN = 36;
/** How many times as long it is looked at. */
const TIMES = 64;

/** Whether Fisher's test ever reaches the level of its look in a canary like its stable version: as planned, and later. */
function alarms(random: Uniform, requestsPerSecond: number, alpha: number): { planned: boolean; later: boolean } {
  const [stable, same] = [
    { requests: 0, errors: 0, mean: requestsPerSecond * 9.5 },
    { requests: 0, errors: 0, mean: requestsPerSecond * 0.5 },
  ];
  const found = { planned: false, later: false };
  for (let look = 1; look <= OWN * TIMES; look += 1) {
    for (const one of [stable, same]) {
      const requests = arrivals(random, one.mean);
      one.requests += requests;
      one.errors += binomial(random, requests, 0.01);
    }
    const { share } = lookAt({ before: 0, own: OWN, planned: OWN }, look * LOOK_EVERY_MS);
    if (fisher(same, stable) <= alpha * share) found[look <= OWN ? 'planned' : 'later'] = true;
  }
  return found;
}

function always(): string {
  const rows = [50, 500].flatMap((requestsPerSecond) =>
    [1, 0.2].map((alpha) => {
      const random = seeded(1);
      const all = Array.from({ length: FEWER }, () => alarms(random, requestsPerSecond, alpha));
      const share = (when: 'planned' | 'later'): string => percent(all.filter((one) => one[when]).length / FEWER);
      return [
        `${requestsPerSecond.toString()}/s`,
        percent(alpha),
        percent(alpha * 0.9),
        share('planned'),
        percent(alpha * 0.1),
        share('later'),
      ];
    }),
  );
  return table(
    'Looked at all the time',
    `How often errors of the same version reach the level of a look, in one step of 2 minutes that is looked at every 10 seconds for ${TIMES.toString()} times as long as planned; at greater chances than the 1 % in use, which is too rare to count. ${FEWER.toString()} a row, 5 % of the traffic, 1 % errors.`,
    ['traffic', 'chance to be shared', 'of it planned looks have', 'seen', 'of it later looks have', 'seen'],
    rows,
  );
}

const goalOf = (missed: number): string =>
  `Goal: of the same version less than 2 % fail, of one with 2 points more errors less than 2 % are promoted. ${missed === 0 ? 'Reached in every row' : `Not reached in ${missed.toString()} rows`}`;

/** What a comparison of the two p95 alone would do: greater by ratio and by milliseconds, of enough requests. */
const plainLatency: Judge = (look) => {
  const seen = analyse(look);
  const { latency } = seen.rules;
  const exceeds = (latency.ratio ?? 0) > latency.failRatio && (latency.differenceMs ?? 0) > latency.failMs;
  const enough = Math.min(latency.stableSamples, latency.canarySamples) >= ANALYSIS_LIMITS.requests;
  return exceeds && enough ? { ...seen, verdict: 'fail' } : seen;
};

function latencyRules(): string {
  const rows = [50, 500].flatMap((requestsPerSecond) =>
    [1, 1.2, 1.5, 2].map((slower) => {
      const scenario = { requestsPerSecond, stableErrors: 0.001, canaryErrors: 0.001, slower };
      const plain = outcome(FEWER, scenario, { judge: plainLatency });
      const latency = slower === 1 ? 'same' : `${slower.toString()} times`;
      return [`${requestsPerSecond.toString()}/s`, latency, ...shown(outcome(FEWER, scenario)), percent(plain.failed)];
    }),
  );
  const head = ['traffic', 'latency', ...ENDINGS, 'failed by p95 alone'];
  return table('Slow canaries', `${FEWER.toString()} a row, 0.1 % errors of both.`, head, rows);
}

/** O'Brien and Fleming's spending of alpha over the planned looks, as Lan and DeMets (1983) have it: little at first. */
function obrienFleming(alpha: number, { number, planned }: Looks): number {
  // The 99.5 % point of the normal distribution: for an alpha of 0.01.
  const spent = (looks: number): number => 2 * (1 - normal(2.5758 / Math.sqrt(looks / planned)));
  return number > planned ? 0 : (Math.max(0, spent(number) - spent(number - 1)) * alpha) / 0.01;
}

function schedules(): string {
  const alpha = ANALYSIS_LIMITS.errorAlpha;
  const candidates: Record<string, (looks: Looks) => number> = {
    'equal shares (chosen)': (looks) => alpha * looks.share,
    "O'Brien and Fleming": (looks) => obrienFleming(alpha, looks),
    'no allowance for looks': () => alpha,
  };
  const rows = Object.entries(candidates).flatMap(([name, wanted]) =>
    [50, 500].flatMap((requestsPerSecond) =>
      [0, 0.02].map((more) => {
        const scenario = { requestsPerSecond, stableErrors: 0.01, canaryErrors: 0.01 + more };
        // Levels are proportional to alpha, so this alpha gives the level that is wanted.
        const judge: Judge = (look) => analyse(look, withLimits({ errorAlpha: wanted(look.looks) / look.looks.share }));
        const ended = outcome(FEWER, scenario, { judge });
        return [name, `${requestsPerSecond.toString()}/s`, points(more), ...shown(ended)];
      }),
    ),
  );
  const how = `How the chance of a false alarm is spent on the looks; ${FEWER.toString()} a row, 1 % errors of stable.`;
  return table('Repeated looks', how, ['schedule', 'traffic', 'canary', ...ENDINGS], rows);
}

function margins(): string {
  const rows = [1, 1.25, 1.5].flatMap((marginPoints) =>
    [0, 0.01, 0.02].map((more) => {
      const scenario = { requestsPerSecond: 50, stableErrors: 0.01, canaryErrors: 0.01 + more };
      const judge: Judge = (look) => analyse(look, withLimits({ marginPoints }));
      return [marginPoints.toString(), points(more), ...shown(outcome(FEWER, scenario, { judge }))];
    }),
  );
  const how = `How many points more errors must be improbable to pass; ${FEWER.toString()} a row, 50 requests a second, 1 % errors of stable.`;
  return table('Margins', how, ['margin in points', 'canary', ...ENDINGS], rows);
}

const withLimits = (some: Partial<AnalysisLimits>): AnalysisLimits => ({ ...ANALYSIS_LIMITS, ...some });
