/** The traffic of the services, as Prometheus counted it, by the configured queries. */
import type { Platform, Service } from './platform.ts';
import type { MetricsReader } from './ports/metrics.ts';

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
export async function observeTraffic(platform: Platform, metrics: MetricsReader): Promise<Traffic[]> {
  const queries = platform.prometheus?.queries;
  if (queries === undefined) {
    // The port says that there is none, and what to do.
    await metrics.query('vector(1)');
    return [];
  }
  const [rate, errors, p95] = await Promise.all(
    [queries.requestRate, queries.errorShare, queries.p95].map((query) => valuesByService(platform, metrics, query)),
  );
  return Object.entries(platform.services).map(([key, service]) => {
    const [perSecond, errorShare, p95Seconds] = [rate?.get(key), errors?.get(key), p95?.get(key)];
    return {
      service: key,
      label: labelOf(key, service),
      mapped: service.metrics !== undefined,
      ...(perSecond === undefined ? {} : { perSecond }),
      ...(errorShare === undefined ? {} : { errorShare }),
      ...(p95Seconds === undefined ? {} : { p95Ms: p95Seconds * 1000 }),
    };
  });
}

/** What a query gives for each service, by its key. */
export async function valuesByService(
  { services }: Platform,
  metrics: MetricsReader,
  query: string,
): Promise<ReadonlyMap<string, number>> {
  const samples = await metrics.query(query);
  return new Map(
    Object.entries(services).flatMap(([key, service]): [string, number][] => {
      const found = samples.find(({ labels }) => labels['service'] === labelOf(key, service));
      return found === undefined ? [] : [[key, found.value]];
    }),
  );
}

const labelOf = (key: string, { metrics }: Service): string => metrics ?? key;
