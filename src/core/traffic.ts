/** The traffic of the services, as Prometheus counted it, by the configured queries. */
import type { Platform } from './platform.ts';
import type { MetricsReader, Sample } from './ports/metrics.ts';

/** Requests of one service over the last minute, as Prometheus counted them. */
export interface Traffic {
  service: string;
  /** The value of the service label under which its samples are looked for. */
  label: string;
  /** Whether the configuration names that label, so that there must be samples. */
  mapped: boolean;
  /** Absent when Prometheus has no sample: nobody counts, or the query, the label or the target is wrong. */
  perSecond?: number;
  errorShare?: number;
  p95Ms?: number;
}

/** The traffic of each service. @throws NOT_CONFIGURED, from the port, without a Prometheus */
export async function observeTraffic({ prometheus, services }: Platform, metrics: MetricsReader): Promise<Traffic[]> {
  const queries = prometheus?.queries;
  if (queries === undefined) return trafficOf({}, { rate: await metrics.query('vector(1)'), errors: [], p95: [] });
  const [rate, errors, p95] = await Promise.all([
    metrics.query(queries.requestRate),
    metrics.query(queries.errorShare),
    metrics.query(queries.p95),
  ]);
  return trafficOf(services, { rate, errors, p95 });
}

function trafficOf(
  services: Platform['services'],
  samples: Record<'rate' | 'errors' | 'p95', readonly Sample[]>,
): Traffic[] {
  const of = (all: readonly Sample[], label: string): number | undefined =>
    all.find(({ labels }) => labels['service'] === label)?.value;
  return Object.entries(services).map(([key, service]) => {
    const label = service.metrics ?? key;
    const [perSecond, errorShare, p95Seconds] = [
      of(samples.rate, label),
      of(samples.errors, label),
      of(samples.p95, label),
    ];
    return {
      service: key,
      label,
      mapped: service.metrics !== undefined,
      ...(perSecond === undefined ? {} : { perSecond }),
      ...(errorShare === undefined ? {} : { errorShare }),
      ...(p95Seconds === undefined ? {} : { p95Ms: p95Seconds * 1000 }),
    };
  });
}
