import { duration, plural } from '../../core/format.ts';
import { wholeCounts } from './counts.ts';
import type { Rules } from './data.ts';
import { fisher } from './fisher.ts';
import type { Latency } from './histogram.ts';
import type { AnalysisLimits } from './limits.ts';
import type { Looks } from './looks.ts';
import { chance } from './rules.ts';

/** Both versions in the same window; a version that nobody measured is undefined. */
export interface LatencyPair {
  stable: Latency | undefined;
  canary: Latency | undefined;
}

/**
 * Is the canary slower? To fail it, its p95 must be greater by ratio and by milliseconds, and that must be no chance:
 * Fisher's test of the requests that are slower than the stable version's p95, 1 in 20 of its own. It assumes nothing of
 * how latencies are spread. A p95 alone does not tell: that of 300 requests moves by more than a fifth through chance
 * (measured by `npm run bench -- canary`), and where one request in 20 goes to a slow page it jumps between two worlds.
 */
export function judgeLatency(pair: LatencyPair, looks: Looks, limits: AnalysisLimits): Rules['latency'] {
  const { failRatio, failMs, latencyAlpha, requests: needed } = limits;
  const level = latencyAlpha * looks.share;
  const [stable, canary] = [observed(pair.stable), observed(pair.canary)];
  const numbers = {
    stableSamples: stable?.samples ?? 0,
    canarySamples: canary?.samples ?? 0,
    failRatio,
    failMs,
    level,
    ...(stable && { stableP95Ms: stable.p95Ms }),
    ...(canary && { canaryP95Ms: canary.p95Ms }),
  };
  if (pair.stable === undefined && pair.canary === undefined)
    return { verdict: 'skipped', reason: 'latency is not measured', ...numbers };
  if (stable === undefined || canary === undefined)
    return { verdict: 'inconclusive', reason: 'latency was not measured of both versions', ...numbers };
  const ratio = canary.p95Ms / stable.p95Ms;
  const compared = {
    ...numbers,
    differenceMs: canary.p95Ms - stable.p95Ms,
    ...(Number.isFinite(ratio) && { ratio }),
  };
  const seen = `p95 ${duration(canary.p95Ms)}, of stable ${duration(stable.p95Ms)}`;
  if (Math.min(stable.samples, canary.samples) < needed)
    return { verdict: 'inconclusive', reason: `${seen}, of fewer than ${plural(needed, 'request')}`, ...compared };
  if (canary.p95Ms <= stable.p95Ms * failRatio || compared.differenceMs <= failMs)
    return { verdict: 'pass', reason: seen, ...compared };
  if (stable.slow === undefined || canary.slow === undefined)
    return { verdict: 'inconclusive', reason: `${seen}: whether by chance, nobody counted`, ...compared };
  const p = fisher(
    { requests: canary.samples, errors: canary.slow },
    { requests: stable.samples, errors: stable.slow },
  );
  const verdict = p <= level ? 'fail' : 'inconclusive';
  return { verdict, reason: `${seen}: ${chance(p, level)}`, ...compared, p };
}

/** With whole counts; undefined for what is no measurement. */
function observed(latency: Latency | undefined): Latency | undefined {
  if (latency === undefined || !(Number.isFinite(latency.p95Ms) && latency.p95Ms >= 0)) return undefined;
  const counts = wholeCounts(latency.samples, latency.slow ?? 0);
  if (counts === undefined || counts.requests === 0) return undefined;
  return {
    p95Ms: latency.p95Ms,
    samples: counts.requests,
    ...(latency.slow !== undefined && { slow: counts.errors }),
  };
}
