/** What Prometheus counted of the services, by the configured queries. */
import type { Platform } from '../core/platform.ts';
import type { MetricsReader } from '../core/ports/metrics.ts';

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
