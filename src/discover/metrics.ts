import type { HttpReader } from '../core/ports/http.ts';
import { basesOf } from './addresses.ts';
import type { Facts, Found } from './facts.ts';
import { get } from './probe.ts';

const PORT = 9090;
const QUERY = 'count by (service) (http_requests_total)';

/** Values of the label `service` that Prometheus has for requests; undefined when it could not be asked. */
export async function metricLabels(
  http: HttpReader,
  prometheus: Found,
  engine: Facts['engine'],
): Promise<string[] | undefined> {
  const published = basesOf(prometheus, engine).map(({ url }) => url);
  const inside = engine.local
    ? prometheus.containers.flatMap(({ networks }) =>
        networks.map(({ address }) => `http://${address}:${PORT.toString()}`),
      )
    : [];
  for (const base of [...published, ...inside]) {
    const answer = await get(http, `${base}/api/v1/query?query=${encodeURIComponent(QUERY)}`);
    if (answer?.status === 200) return labelsIn(answer.body);
  }
  return undefined;
}

function labelsIn(body: string): string[] {
  try {
    const { data } = JSON.parse(body) as { data?: { result?: { metric?: { service?: unknown } }[] } };
    return (data?.result ?? []).flatMap(({ metric }) => (typeof metric?.service === 'string' ? [metric.service] : []));
  } catch {
    return [];
  }
}

/** The label that stands for a service: its own name, or the only one that has its name in it. */
export function labelOf(service: string, labels: string[]): string | undefined {
  if (labels.includes(service)) return service;
  const plain = (text: string): string => `-${text.toLowerCase().replace(/[^a-z0-9]+/g, '-')}-`;
  const near = labels.filter((label) => plain(label).includes(plain(service)));
  return near.length === 1 ? near[0] : undefined;
}
