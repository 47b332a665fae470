/** What Prometheus counted of the services, by the configured queries. */
import { type Traffic, trafficOf } from '../checks/monitoring.ts';
import type { Platform } from '../core/platform.ts';
import type { MetricsReader } from '../core/ports/metrics.ts';

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

/** What a query gives for each service, by its key. */
export async function byService(
  { services }: Platform,
  metrics: MetricsReader,
  query: string,
): Promise<ReadonlyMap<string, number>> {
  const samples = await metrics.query(query);
  return new Map(
    Object.entries(services).flatMap(([key, service]): [string, number][] => {
      const found = samples.find(({ labels }) => labels['service'] === (service.metrics ?? key));
      return found === undefined ? [] : [[key, found.value]];
    }),
  );
}
