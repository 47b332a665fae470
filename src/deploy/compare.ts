/** A new version beside the one before, by what Prometheus counted of both. */
import type { Platform } from '../core/platform.ts';
import type { Readers } from '../core/ports.ts';
import type { CanaryStep, ComparedService, Watch } from '../core/ports/release.ts';
import { analyse, type Observation } from './analysis/analyse.ts';
import type { Analysis } from './analysis/data.ts';
import { latencies } from './analysis/histogram.ts';
import { countLooks, lookAt, type Looks, ONLY_LOOK } from './analysis/looks.ts';
import { measure, type Measured } from './measure.ts';
import { EXTENSIONS } from './steps.ts';

export interface Compared {
  service: ComparedService;
  stable: Observation;
  canary: Observation;
  analysis: Analysis;
}

/** How long both were observed, and which look it is. */
export interface Glance {
  elapsed: number;
  looks: Looks;
  /** Until when the stable version was observed, where that is not now: before the switch, it had all visitors. */
  stableUntil?: string;
}

/** Which look at a step of a canary it is, whoever takes it: the change itself, who looks at its status, who promotes. */
export function lookAtStep({ forMs, firstLook, plannedLooks: planned }: CanaryStep, elapsedMs: number): Looks {
  if (planned === 0) return ONLY_LOOK;
  const own = countLooks({ steps: 1, stepMs: forMs, extensions: EXTENSIONS });
  return lookAt({ before: firstLook, own, planned }, elapsedMs);
}

/** A look at a release that is live since then, beside the version that had all visitors before. */
export const glanceAtWatch = (watch: Watch, since: string, elapsed: number): Glance => ({
  elapsed,
  looks: lookAtWatch(watch, elapsed),
  stableUntil: since,
});

/** Which look at a release after its switch it is. */
export function lookAtWatch({ forMs }: Watch, elapsedMs: number): Looks {
  const own = countLooks({ steps: 1, stepMs: forMs, extensions: 0 });
  return lookAt({ before: 0, own, planned: own }, elapsedMs);
}

/** Both versions, for the same length of time. Nothing where there is no Prometheus. */
export async function compareVersions(
  services: readonly ComparedService[],
  { elapsed, looks, stableUntil }: Glance,
  { prometheus }: Platform,
  { metrics }: Readers,
): Promise<Compared[]> {
  if (prometheus === undefined) return [];
  const until = stableUntil === undefined ? {} : { until: stableUntil };
  // Each service may fail the release by itself, so they share what the look may spend.
  const each = { ...looks, share: looks.share / services.length };
  return await Promise.all(
    services.map(async (one) => {
      const window = { service: one.metrics, forMs: elapsed };
      const [stable, canary] = await Promise.all([
        measure(metrics, prometheus.release, { ...window, version: one.stable, ...until }),
        measure(metrics, prometheus.release, { ...window, version: one.candidate }),
      ]);
      return judged(one, stable, canary, each);
    }),
  );
}

/** How long ago something was, by the engine's clock, in ms. */
export const sinceThen = async (then: string, { engine }: Pick<Readers, 'engine'>): Promise<number> =>
  Date.parse((await engine.info()).time) - Date.parse(then);

function judged(service: ComparedService, before: Measured, after: Measured, looks: Looks): Compared {
  const took = latencies(before.buckets, after.buckets);
  const stable = { ...before, latency: took.stable };
  const canary = { ...after, latency: took.canary };
  return { service, stable, canary, analysis: analyse({ stable, canary, looks }) };
}
