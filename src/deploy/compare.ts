/** A new version beside the one before, by what Prometheus counted of both. */
import type { Platform } from '../core/platform.ts';
import type { Readers } from '../core/ports.ts';
import type { ComparedService, Watch } from '../core/ports/release.ts';
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
}

/** Both versions while both have visitors: the same window. Nothing where there is no Prometheus. */
export async function compareInWindow(
  services: readonly ComparedService[],
  { elapsed, looks }: Glance,
  { prometheus }: Platform,
  { metrics }: Readers,
): Promise<Compared[]> {
  if (prometheus === undefined) return [];
  const of = (service: string, version: string): Promise<Measured> =>
    measure(metrics, prometheus.release, { service, version, forMs: elapsed });
  return await Promise.all(
    services.map(async (one) => {
      const [stable, canary] = await Promise.all([of(one.metrics, one.stable), of(one.metrics, one.candidate)]);
      return judged(one, stable, canary, looks);
    }),
  );
}

/** The new version since the switch beside the old one for as long before it. */
export async function compareWithBefore(
  { services }: Pick<Watch, 'services'>,
  { elapsed, looks }: Glance,
  { prometheus }: Platform,
  { metrics, engine }: Readers,
): Promise<Compared[]> {
  if (prometheus === undefined) return [];
  const until = new Date(Date.parse((await engine.info()).time) - elapsed).toISOString();
  return await Promise.all(
    services.map(async (one) => {
      const [stable, canary] = await Promise.all([
        measure(metrics, prometheus.release, { service: one.metrics, version: one.stable, forMs: elapsed, until }),
        measure(metrics, prometheus.release, { service: one.metrics, version: one.candidate, forMs: elapsed }),
      ]);
      return judged(one, stable, canary, looks);
    }),
  );
}

function judged(service: ComparedService, before: Measured, after: Measured, looks: Looks): Compared {
  const took = latencies(before.buckets, after.buckets);
  const stable = { ...before, latency: took.stable };
  const canary = { ...after, latency: took.canary };
  return { service, stable, canary, analysis: analyse({ stable, canary, looks }) };
}
