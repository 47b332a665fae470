/** The metrics that every service has, with the names that dashboards and opsctl look for. */
import { collectDefaultMetrics, Counter, Histogram, register } from 'prom-client';
import { colour, service, version } from './release.ts';

register.setDefaultLabels({ service, version, colour });
collectDefaultMetrics();

const labelNames = ['method', 'route', 'status'] as const;

const requests = new Counter({
  name: 'http_requests_total',
  help: 'Served requests.',
  labelNames,
});

const durations = new Histogram({
  name: 'http_request_duration_seconds',
  help: 'Time from the head of a request to the end of its answer.',
  labelNames,
  buckets: [0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30],
});

/** Routes are patterns, never paths with ids: each label value is a time series for ever. */
export function observeRequest(request: { method: string; route: string; status: number }, seconds: number): void {
  const labels = { ...request, status: String(request.status) };
  requests.inc(labels);
  durations.observe(labels, seconds);
}

export async function metricsText(): Promise<{ type: string; body: string }> {
  return { type: register.contentType, body: await register.metrics() };
}
