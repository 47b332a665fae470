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
  /** How many samples a query gives for the service where that is more than the one that is asked for: none of them is taken. */
  several?: Partial<Record<'requestRate' | 'errorShare' | 'p95', number>>;
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
    const all = { requestRate: rate?.get(key), errorShare: errors?.get(key), p95: p95?.get(key) };
    const [perSecond, errorShare, p95Seconds] = [single(all.requestRate), single(all.errorShare), single(all.p95)];
    const several = Object.entries(all).flatMap(([query, { length } = []]) => (length > 1 ? [[query, length]] : []));
    return {
      service: key,
      label: labelOf(key, service),
      mapped: service.metrics !== undefined,
      ...(perSecond === undefined ? {} : { perSecond }),
      ...(errorShare === undefined ? {} : { errorShare }),
      ...(p95Seconds === undefined ? {} : { p95Ms: p95Seconds * 1000 }),
      ...(several.length === 0 ? {} : { several: Object.fromEntries(several) as NonNullable<Traffic['several']> }),
    };
  });
}

/** The value of a service, of which there must be one: which of several is meant nobody knows. */
export const single = (values: readonly number[] = []): number | undefined =>
  values.length === 1 ? values[0] : undefined;

/** What a query gives for each service, by its key; services without a sample are left out. */
export async function valuesByService(
  { services }: Platform,
  metrics: MetricsReader,
  query: string,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const samples = await metrics.query(query);
  return new Map(
    Object.entries(services).flatMap(([key, service]): [string, number[]][] => {
      const own = samples.filter(({ labels }) => labels['service'] === labelOf(key, service));
      return own.length === 0 ? [] : [[key, own.map(({ value }) => value)]];
    }),
  );
}

const labelOf = (key: string, { metrics }: Service): string => metrics ?? key;
