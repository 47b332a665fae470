import { percent, plural } from '../../core/format.ts';
import { type Counts, shareOf } from './counts.ts';
import type { Rules } from './data.ts';
import { differenceAtMost, Z_95 } from './difference.ts';
import { fisher } from './fisher.ts';
import type { AnalysisLimits } from './limits.ts';
import type { Looks } from './looks.ts';

/** Both versions in the same window. */
export interface Pair {
  stable: Counts;
  canary: Counts;
}

/** Are there enough requests to pass? Of both versions: beside a handful of requests of stable everything looks good. */
export function judgeSamples({ stable, canary }: Pair, { requests: needed }: AnalysisLimits): Rules['samples'] {
  const numbers = { stable: stable.requests, canary: canary.requests, needed };
  const few = (
    [
      ['the canary', numbers.canary],
      ['stable', numbers.stable],
    ] as const
  ).find(([, requests]) => requests < needed);
  if (few === undefined)
    return { verdict: 'pass', reason: `at least ${plural(needed, 'request')} of each`, ...numbers };
  const [who, requests] = few;
  const got = requests === 0 ? 'no request' : `${plural(requests, 'request')}, fewer than ${needed.toString()}`;
  return { verdict: 'inconclusive', reason: `${who} got ${got} in this window`, ...numbers };
}

/**
 * Does more of the canary's requests fail? To fail it, the difference must be no chance (Fisher's test at the level of
 * this look) and matter; to pass it, a difference that matters must be improbable.
 */
export function judgeErrors(pair: Pair, looks: Looks, limits: AnalysisLimits): Rules['errors'] {
  const { stable, canary } = pair;
  const { marginPoints, failPoints } = limits;
  const shares = { stable: shareOf(stable), canary: shareOf(canary) };
  const level = limits.errorAlpha * looks.share;
  const numbers = {
    stable: { ...stable, share: shares.stable },
    canary: { ...canary, share: shares.canary },
    marginPoints,
    failPoints,
    level,
  };
  if (stable.requests === 0 || canary.requests === 0)
    return { verdict: 'inconclusive', reason: 'errors cannot be compared without requests of both', ...numbers };
  const differencePoints = (shares.canary - shares.stable) * 100;
  const atMostPoints = differenceAtMost(canary, stable, Z_95) * 100;
  const p = fisher(canary, stable);
  const measured = { ...numbers, differencePoints, atMostPoints, p };
  const seen = `${failed(canary)}, of stable ${failed(stable)}`;
  if (p <= level && differencePoints >= failPoints)
    return { verdict: 'fail', reason: `${seen}: ${points(differencePoints)} more, ${chance(p, level)}`, ...measured };
  const most = `${seen}: at most ${points(atMostPoints)} more with 95 %`;
  return atMostPoints < marginPoints
    ? { verdict: 'pass', reason: `${most}, below ${marginPoints.toString()}`, ...measured }
    : { verdict: 'inconclusive', reason: `${most}, not below ${marginPoints.toString()}`, ...measured };
}

/**
 * Is it so bad that its first requests tell? Only while stable got at least as many: else no error of stable may be
 * what chance makes of few requests.
 */
export function judgeHardAbort({ stable, canary }: Pair, limits: AnalysisLimits): Rules['hardAbort'] {
  const { abortErrors, abortWithin, abortTimes } = limits;
  const numbers = { ...canary, atErrors: abortErrors, withinRequests: abortWithin, timesStable: abortTimes };
  if (canary.requests > abortWithin)
    return { verdict: 'skipped', reason: `the first ${plural(abortWithin, 'request')} are over`, ...numbers };
  const comparable = stable.requests >= canary.requests;
  const worse = shareOf(canary) >= shareOf(stable) * abortTimes;
  const verdict = canary.errors >= abortErrors && comparable && worse ? 'fail' : 'pass';
  return { verdict, reason: `${failed(canary)}, of stable ${failed(stable)}`, ...numbers };
}

const failed = ({ requests, errors }: Counts): string =>
  `${errors.toString()} of ${requests.toString()} failed (${percent(shareOf({ requests, errors }))})`;

/** Percentage points for people; small differences keep a digit that is not 0. */
function points(value: number): string {
  const digits = Math.abs(value) < 1 ? 2 : 1;
  return plural(Number(value.toFixed(digits)), 'point');
}

/** How a difference that is no chance is told. */
export const chance = (p: number, level: number): string =>
  `by chance with a probability of ${p.toPrecision(2)} (limit of this look ${level.toPrecision(2)})`;
