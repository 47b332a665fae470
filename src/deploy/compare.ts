/** A new version beside the one before, by what Prometheus counted of both. */
import type { Platform } from '../core/platform.ts';
import type { Readers } from '../core/ports.ts';
import type { ComparedService } from '../core/ports/release.ts';
import { analyse, type Observation } from './analysis/analyse.ts';
import type { Analysis } from './analysis/data.ts';
import { latencies } from './analysis/histogram.ts';
import type { Looks } from './analysis/looks.ts';
import { measure, type Measured } from './measure.ts';

/** Between two looks, in ms: twice the usual interval of a quick scrape. */
export const LOOK_EVERY_MS = 10_000;

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

/** Both versions, for the same length of time. Nothing where there is no Prometheus. */
export async function compareVersions(
  services: readonly ComparedService[],
  { elapsed, looks, stableUntil }: Glance,
  { prometheus }: Platform,
  { metrics }: Readers,
): Promise<Compared[]> {
  if (prometheus === undefined) return [];
  const until = stableUntil === undefined ? {} : { until: stableUntil };
  return await Promise.all(
    services.map(async (one) => {
      const window = { service: one.metrics, forMs: elapsed };
      const [stable, canary] = await Promise.all([
        measure(metrics, prometheus.release, { ...window, version: one.stable, ...until }),
        measure(metrics, prometheus.release, { ...window, version: one.candidate }),
      ]);
      return judged(one, stable, canary, looks);
    }),
  );
}

/** Which look it is, from 1, after so long. */
export const lookAt = (elapsedMs: number): number => Math.max(1, Math.floor(elapsedMs / LOOK_EVERY_MS));

/** How long ago something was, by the engine's clock, in ms. */
export const sinceThen = async (then: string, { engine }: Pick<Readers, 'engine'>): Promise<number> =>
  Date.parse((await engine.info()).time) - Date.parse(then);

function judged(service: ComparedService, before: Measured, after: Measured, looks: Looks): Compared {
  const took = latencies(before.buckets, after.buckets);
  const stable = { ...before, latency: took.stable };
  const canary = { ...after, latency: took.canary };
  return { service, stable, canary, analysis: analyse({ stable, canary, looks }) };
}
