import { OpsError } from '../../../src/core/errors.ts';
import type { Alert, MetricsReader, Sample, ScrapeTarget } from '../../../src/core/ports/metrics.ts';

export interface FakeMetrics extends MetricsReader {
  /** By PromQL text; an unknown query gives no samples, as a metric that nobody exports does. */
  samples: Map<string, Sample[] | OpsError>;
  scraped: ScrapeTarget[];
  raised: Alert[];
  /** Set, every call fails with it. */
  down: OpsError | undefined;
}

/** A Prometheus in memory. It knows no PromQL, only that an open bracket must be closed. */
export function fakeMetrics(): FakeMetrics {
  const fake: FakeMetrics = {
    samples: new Map(),
    scraped: [],
    raised: [],
    down: undefined,
    query: async (promql) => {
      if (fake.down !== undefined) throw fake.down;
      const samples = fake.samples.get(promql) ?? [];
      if (samples instanceof OpsError) throw samples;
      if (promql.split('(').length !== promql.split(')').length) {
        throw new OpsError('REJECTED', 'prometheus rejects the query: parse error: unclosed left parenthesis');
      }
      return structuredClone(samples);
    },
    targets: async () => {
      if (fake.down !== undefined) throw fake.down;
      return structuredClone(fake.scraped);
    },
    alerts: async () => {
      if (fake.down !== undefined) throw fake.down;
      return structuredClone(fake.raised);
    },
  };
  return fake;
}
