/** What Prometheus counted of one version of a service in a window. */
import { asOpsError } from '../core/errors.ts';
import type { ReleaseSeries } from '../core/deploy-options.ts';
import type { MetricsReader, Sample } from '../core/ports/metrics.ts';
import type { Bucket } from './analysis/histogram.ts';

/** Of which version, and when. */
export interface Window {
  service: string;
  version: string;
  /** Length in ms. */
  forMs: number;
  /** Its end as ISO time; now where it is absent. */
  until?: string;
}

export interface Measured {
  requests: number;
  errors: number;
  buckets: Bucket[];
}

/** The shortest window, in ms: `increase` needs two scrapes in it. */
export const SHORTEST_MS = 15_000;

/**
 * Without what Prometheus counts a canary is held unjudged: better said before visitors get it.
 * @throws what the metrics port throws, telling how to go without
 */
export async function mustBeAsked(metrics: MetricsReader): Promise<void> {
  await metrics.query('vector(1)').catch((thrown: unknown) => {
    const error = asOpsError(thrown);
    throw error.told({
      message: `a canary is judged by what Prometheus counts, and it cannot be asked: ${error.message}`,
      hint: 'See why: opsctl health --detailed; or watch its containers only: --no-analysis',
    });
  });
}

/** Counts of a version. A series that nobody exported counts as nothing. @throws what the metrics port throws */
export async function measure(metrics: MetricsReader, series: ReleaseSeries, window: Window): Promise<Measured> {
  const of = (selector: string): string => grown(filled(selector, window), window.forMs);
  const ask = (promql: string): Promise<Sample[]> => metrics.query(promql, window.until);
  const [requests, errors, buckets] = await Promise.all([
    ask(`sum(${of(series.requests)})`),
    ask(`sum(${of(series.errors)})`),
    ask(`sum by (le) (${of(series.durations)})`),
  ]);
  return {
    requests: requests[0]?.value ?? 0,
    errors: errors[0]?.value ?? 0,
    buckets: buckets.map(({ labels, value }) => ({ leMs: secondsOf(labels['le']) * 1000, count: value })),
  };
}

/**
 * By how much counters grew. `increase` takes the first value of a series for its beginning, so the first errors of a
 * new version, which make a new series, would not count: a series that was not there before counts from 0.
 */
function grown(selector: string, ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1000)).toString();
  const before = `${selector} offset ${seconds}s`;
  return `(increase(${selector}[${seconds}s]) and ${before}) or (${selector} unless ${before})`;
}

/** Names come from labels and configuration: they are escaped as PromQL strings are. */
function filled(selector: string, { service, version }: Window): string {
  const escaped = (text: string): string =>
    text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
  return selector.replaceAll(/\$(service|version)\b/g, (_, name) => escaped(name === 'service' ? service : version));
}

const secondsOf = (le: string | undefined): number => (le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le));
