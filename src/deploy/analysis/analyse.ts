import { type Counts, wholeCounts } from './counts.ts';
import type { Analysis, Rules } from './data.ts';
import type { Latency } from './histogram.ts';
import { ANALYSIS_LIMITS, type AnalysisLimits } from './limits.ts';
import type { Looks } from './looks.ts';
import { judgeLatency } from './rule-latency.ts';
import { judgeErrors, judgeHardAbort, judgeSamples } from './rules.ts';

/** What was seen of one version since the step began. Counts may be fractional, as `increase()` makes them. */
export interface Observation {
  requests: number;
  errors: number;
  /** Undefined where it is not measured. */
  latency?: Latency | undefined;
}

/** Both versions in the same window, and which look at them this is. */
export interface Look {
  stable: Observation;
  canary: Observation;
  looks: Looks;
}

const NOTHING: Counts = { requests: 0, errors: 0 };

/**
 * Judges a canary beside the stable version. It fails when one rule fails, and passes when all of them pass; whatever
 * was not seen, or not often enough, is inconclusive. A pass says that the step *may* end: how long it has to last is
 * not asked here. It compares and nothing else: a canary as bad as a stable version that is broken passes.
 */
export function analyse({ stable, canary, looks }: Look, limits: AnalysisLimits = ANALYSIS_LIMITS): Analysis {
  const counts = { stable: countsOf(stable), canary: countsOf(canary) };
  const pair = { stable: counts.stable ?? NOTHING, canary: counts.canary ?? NOTHING };
  const counted = counts.stable !== undefined && counts.canary !== undefined;
  const samples = judgeSamples(pair, limits);
  const rules: Rules = {
    samples: counted ? samples : { ...samples, reason: 'requests were not counted of both versions' },
    errors: judgeErrors(pair, looks, limits),
    latency: judgeLatency({ stable: stable.latency, canary: canary.latency }, looks, limits),
    hardAbort: judgeHardAbort(pair, limits),
  };
  return { ...conclude(rules), look: looks.number, planned: looks.planned, rules };
}

const countsOf = ({ requests, errors }: Observation): Counts | undefined => wholeCounts(requests, errors);

/** The first rule that decides gives the reason; what fails first is what an operator has to know. */
function conclude({ samples, errors, latency, hardAbort }: Rules): Pick<Analysis, 'verdict' | 'reason'> {
  const failure = [errors, latency, hardAbort].find(({ verdict }) => verdict === 'fail');
  if (failure !== undefined) return { verdict: 'fail', reason: failure.reason };
  const open = [samples, errors, latency].find(({ verdict }) => verdict === 'inconclusive');
  if (open !== undefined) return { verdict: 'inconclusive', reason: open.reason };
  return { verdict: 'pass', reason: `${errors.reason}; ${latency.reason}` };
}
