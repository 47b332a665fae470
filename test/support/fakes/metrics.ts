import { OpsError } from '../../../src/core/errors.ts';
import type { Alert, Answered, MetricsReader, Sample, ScrapeTarget, Series } from '../../../src/core/ports/metrics.ts';

export interface FakeMetrics extends MetricsReader {
  /** By PromQL text; an unknown query gives no samples, as a metric that nobody exports does. */
  samples: Map<string, Sample[] | OpsError>;
  /** By PromQL text, over whatever window is asked for. */
  series: Map<string, Series[]>;
  /** What is remarked on every query. */
  remarks: string[];
  scraped: ScrapeTarget[];
  raised: Alert[];
  /** Set, every call fails with it. */
  down: OpsError | undefined;
}

/** A Prometheus in memory. It knows no PromQL, only that an open bracket must be closed. */
export function fakeMetrics(): FakeMetrics {
  const known = <T>(all: Map<string, T[] | OpsError>, promql: string): T[] => {
    if (fake.down !== undefined) throw fake.down;
    const found = all.get(promql) ?? [];
    if (found instanceof OpsError) throw found;
    if (promql.split('(').length !== promql.split(')').length) {
      const text = `invalid parameter "query": 1:${promql.length + 1}: parse error: unclosed left parenthesis`;
      throw new OpsError('REJECTED', `prometheus rejects the query: ${text}`, {
        details: { errorType: 'bad_data', line: 1, column: promql.length + 1 },
      });
    }
    return structuredClone(found);
  };
  const bounded = <T>(all: T[], series: number): Answered<T> => ({
    series: all.slice(0, series),
    more: all.length > series,
    remarks: fake.remarks,
  });
  const fake: FakeMetrics = {
    samples: new Map(),
    series: new Map(),
    remarks: [],
    scraped: [],
    raised: [],
    down: undefined,
    query: async (promql) => known(fake.samples, promql),
    instant: async (promql, _at, { series }) => bounded(known(fake.samples, promql), series),
    range: async (promql, _window, { series }) => bounded(known(fake.series, promql), series),
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
