/** What Prometheus' HTTP API answers, checked before it is believed (https://prometheus.io/docs/prometheus/latest/querying/api/). */
import * as z from 'zod';

import { OpsError } from '../core/errors.ts';
import type { Alert, Sample, ScrapeTarget, Series } from '../core/ports/metrics.ts';
import { compareNames } from '../core/text.ts';

const labels = z.record(z.string(), z.string());
const point = z.tuple([z.number(), z.string()]);

const envelope = z.object({
  status: z.enum(['success', 'error']),
  errorType: z.string().optional(),
  error: z.string().optional(),
  data: z.unknown().optional(),
  warnings: z.array(z.string()).default([]),
  infos: z.array(z.string()).default([]),
});

const result = z.discriminatedUnion('resultType', [
  z.object({
    resultType: z.literal('vector'),
    result: z.array(z.object({ metric: labels, value: point.optional() })),
  }),
  z.object({ resultType: z.literal('scalar'), result: point }),
  z.object({ resultType: z.enum(['matrix', 'string']), result: z.unknown() }),
]);

const matrix = z.object({
  resultType: z.literal('matrix'),
  result: z.array(z.object({ metric: labels, values: z.array(point).optional() })),
});

const targets = z.object({
  activeTargets: z.array(
    z.object({
      labels,
      scrapePool: z.string().default(''),
      health: z.string(),
      lastError: z.string().default(''),
      lastScrape: z.string().default(''),
    }),
  ),
});

const alerts = z.object({
  alerts: z.array(
    z.object({ labels, annotations: labels.default({}), state: z.enum(['pending', 'firing']), activeAt: z.string() }),
  ),
});

/** Either the data of an answer, or the server's own account of why there is none. */
export type Envelope = { ok: true; data: unknown; remarks: string[] } | { ok: false; type: string; error: string };

/** Undefined when the text is not an answer of this API at all. */
export function readEnvelope(text: string): Envelope | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  const parsed = envelope.safeParse(json);
  if (!parsed.success) return undefined;
  const { status, data, errorType = '', error = '', warnings, infos } = parsed.data;
  return status === 'success'
    ? { ok: true, data, remarks: [...warnings, ...infos] }
    : { ok: false, type: errorType, error };
}

/** @throws USAGE for a query that does not give one number a series, BAD_ANSWER for a malformed one */
export function readSamples(data: unknown): Sample[] {
  const read = parsed(result, data, 'query');
  if (read.resultType === 'scalar') return [{ labels: {}, value: numberOf(read.result[1]) }];
  if (read.resultType !== 'vector') {
    throw new OpsError('USAGE', `the query gives a ${read.resultType}, not one number a series`, {
      hint: 'Take the newest value of a range, as in last_over_time(metric[5m]), or an aggregate of it. A series over time: opsctl metrics range',
    });
  }
  return read.result.map(({ metric, value }) => {
    if (value === undefined) throw nativeHistogram();
    return { labels: metric, value: numberOf(value[1]) };
  });
}

/** @throws as `readSamples` */
export function readSeries(data: unknown): Series[] {
  return parsed(matrix, data, 'range').result.map(({ metric, values }) => {
    if (values === undefined) throw nativeHistogram();
    return {
      labels: metric,
      points: values.map(([seconds, value]) => ({
        at: new Date(seconds * 1000).toISOString(),
        value: numberOf(value),
      })),
    };
  });
}

const nativeHistogram = (): OpsError =>
  new OpsError('REJECTED', 'the query gives a native histogram, not one number a series', {
    hint: 'Take a number from it, as in histogram_quantile(0.95, metric) or histogram_count(metric).',
  });

/** By job, then instance. `lastScrapeAt` is empty for a target that was never scraped. */
export function readTargets(data: unknown): ScrapeTarget[] {
  return parsed(targets, data, 'targets')
    .activeTargets.map((target) => ({
      job: target.labels['job'] ?? target.scrapePool,
      instance: target.labels['instance'] ?? '',
      health: healthOf(target.health),
      lastError: target.lastError,
      lastScrapeAt: isoTime(target.lastScrape),
    }))
    .toSorted((a, b) => compareNames(a.job, b.job) || compareNames(a.instance, b.instance));
}

function healthOf(text: string): ScrapeTarget['health'] {
  return text === 'up' || text === 'down' ? text : 'unknown';
}

export function readAlerts(data: unknown): Alert[] {
  return parsed(alerts, data, 'alerts').alerts.map((alert) => ({
    name: alert.labels['alertname'] ?? '',
    state: alert.state,
    severity: alert.labels['severity'] ?? '',
    activeAt: isoTime(alert.activeAt),
    labels: alert.labels,
    summary: alert.annotations['summary'] ?? alert.annotations['description'] ?? '',
  }));
}

function parsed<T>(schema: z.ZodType<T>, data: unknown, what: string): T {
  const read = schema.safeParse(data);
  if (read.success) return read.data;
  const issue = read.error.issues[0];
  throw new OpsError('BAD_ANSWER', `prometheus answered the ${what} request with data of another form`, {
    hint: NOT_PROMETHEUS,
    details: { at: issue?.path.join('.') ?? '', problem: issue?.message ?? '' },
  });
}

/** What only looks like its API answers. */
const NOT_PROMETHEUS =
  'Something else answers there, or a proxy changes it. See where it is asked: opsctl config show prometheus --origin';

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

/** Prometheus writes numbers as Go does: `NaN`, `+Inf`, `-Inf`, `1.5e+06`. */
export function numberOf(text: string): number {
  if (text === '+Inf' || text === 'Inf') return Infinity;
  if (text === '-Inf') return -Infinity;
  if (text === 'NaN') return NaN;
  if (NUMBER.test(text)) return Number(text);
  throw new OpsError('BAD_ANSWER', 'prometheus answered a sample that is not a number', { hint: NOT_PROMETHEUS });
}

/** Go's zero time (year 1) stands for never. */
function isoTime(text: string): string {
  const time = new Date(text);
  return Number.isNaN(time.getTime()) || time.getUTCFullYear() <= 1 ? '' : time.toISOString();
}
