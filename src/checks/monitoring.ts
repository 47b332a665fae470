import { duration, percent, plural } from '../core/format.ts';
import type { Thresholds } from '../core/thresholds.ts';
import type { Alert, ScrapeTarget } from '../core/ports/metrics.ts';
import type { Traffic } from '../core/traffic.ts';
import { against, type Verdict, verdict } from '../core/verdict.ts';

/** Where Prometheus itself is looked at: its service, where it is one of the platform, else what is configured. */
export const atPrometheus = (service: string | undefined): string[] =>
  service === undefined
    ? ['opsctl config show prometheus --origin']
    : [`opsctl status ${service}`, `opsctl logs ${service} --tail 50`];

/** Prometheus's scrape targets. `service`: that it runs as, where it is one of the platform. */
export function targets(list: ScrapeTarget[], service: string | undefined): Verdict {
  const down = list.filter(({ health }) => health === 'down');
  const measured = { value: down.length, unit: 'targets' };
  if (list.length === 0) return verdict.warn('prometheus scrapes nothing', atPrometheus(service), measured);
  if (down.length === 0) return verdict.ok(`all ${list.length.toString()} targets are scraped`, measured);
  const names = down.slice(0, 3).map((target) => `${target.job} (${target.instance})`);
  const reason = `${down.length.toString()} of ${plural(list.length, 'target')} down: ${names.join(', ')}${down.length > 3 ? ' …' : ''}`;
  const next = ['opsctl status', ...atPrometheus(service).slice(-1)];
  return down.length === list.length ? verdict.crit(reason, next, measured) : verdict.warn(reason, next, measured);
}

/** Severities that wake somebody up. */
const SEVERE = new Set(['critical', 'crit', 'page', 'emergency', 'p0', 'p1']);

/** Severities that call nobody: Watchdog, which shows that alerts get through, and InfoInhibitor fire all the time. */
const HARMLESS = new Set(['none', 'info', 'informational']);

/** An alert by the severity that its rule gives it; one that is pending is none yet, and one that calls nobody is well. */
export function alertStatus({ state, severity }: Pick<Alert, 'state' | 'severity'>): 'ok' | 'warn' | 'crit' {
  const word = severity.toLowerCase();
  return state === 'pending' || HARMLESS.has(word) ? 'ok' : SEVERE.has(word) ? 'crit' : 'warn';
}

/** An alert that names its service leads to its log; one that does not, to everything. */
export function leadsTo(labels: readonly Readonly<Record<string, string>>[]): string[] {
  const services = [...new Set(labels.flatMap((one) => one['service'] ?? []))]
    // Labels come from outside: what a shell could take for more than a word is not suggested.
    .filter((service) => /^[\w.-]+$/.test(service))
    .slice(0, 3);
  return services.length === 0 ? ['opsctl status'] : services.map((service) => `opsctl logs ${service} --errors`);
}

/** Alerts that fire now and call somebody. */
export function alerts(list: Alert[]): Verdict {
  const firing = list.filter((one) => alertStatus(one) !== 'ok');
  const measured = { value: firing.length, unit: 'alerts' };
  const pending = list.filter(({ state }) => state === 'pending').length;
  const harmless = list.length - pending - firing.length;
  const besides = [
    ...(pending === 0 ? [] : [`${pending.toString()} pending`]),
    ...(harmless === 0 ? [] : [`${harmless.toString()} that ${harmless === 1 ? 'calls' : 'call'} nobody`]),
  ];
  if (firing.length === 0) return verdict.ok(['no alert fires', ...besides].join(', '), measured);
  const severe = firing.filter((one) => alertStatus(one) === 'crit');
  const names = [...new Set(firing.map(({ name }) => name))];
  const reason = `${plural(firing.length, 'alert')} firing: ${names.slice(0, 4).join(', ')}${names.length > 4 ? ' …' : ''}`;
  const next = leadsTo(firing.map(({ labels }) => labels));
  return severe.length > 0 ? verdict.crit(reason, next, measured) : verdict.warn(reason, next, measured);
}

/** Verdicts on the traffic of one service: rate, error share, p95. */
export function traffic(facts: Traffic, limits: Thresholds): Record<'requests' | 'errors' | 'latency', Verdict> {
  const { service, several = {} } = facts;
  const logs = [`opsctl logs ${service} --errors`, 'opsctl history', `opsctl stats ${service}`];
  if (several.requestRate === undefined && (facts.perSecond === undefined || !Number.isFinite(facts.perSecond))) {
    const none = uncounted(facts);
    return { requests: none, errors: none, latency: none };
  }
  if (facts.perSecond === 0)
    return {
      requests: verdict.ok('no requests in the last minute', { value: 0, unit: 'requests/s' }),
      errors: verdict.skipped('no requests in the last minute'),
      latency: verdict.skipped('no requests in the last minute'),
    };
  return {
    requests: requests(facts),
    errors: errors(facts, limits, logs),
    latency: latency(facts, limits, logs),
  };
}

/** What gives one sample a service, by query. */
const ONE_EACH = {
  requestRate: 'sum by (service) (…)',
  errorShare: 'sum by (service) (…) / sum by (service) (…)',
  p95: 'histogram_quantile(0.95, sum by (service, le) (…))',
  saturation: 'max by (service) (…)',
};

/** Which of several samples of a service is meant nobody knows: one may be well and the other not. */
export const unclear = (query: keyof typeof ONE_EACH, count: number, service: string): Verdict =>
  verdict.unknown(
    `prometheus.queries.${query} gives ${plural(count, 'series', 'series')} for service ${service}: aggregate with ${ONE_EACH[query]}`,
    ['opsctl config show prometheus.queries --origin'],
  );

function requests({ service, perSecond = 0, several }: Traffic): Verdict {
  if (several?.requestRate !== undefined) return unclear('requestRate', several.requestRate, service);
  const measured = { value: Math.round(perSecond * 100) / 100, unit: 'requests/s' };
  return verdict.ok(`${perSecond.toFixed(1)} requests a second`, measured);
}

function errors({ service, errorShare, several }: Traffic, limits: Thresholds, next: string[]): Verdict {
  if (several?.errorShare !== undefined) return unclear('errorShare', several.errorShare, service);
  if (errorShare === undefined && several?.requestRate !== undefined)
    return unclear('requestRate', several.requestRate, service);
  // Prometheus has no series for errors that never happened; with requests there, that means none.
  const share = errorShare ?? 0;
  const { status, threshold } = against(share, limits.errorShare);
  const measured = { value: Math.round(share * 1e6) / 1e6, unit: 'share', threshold };
  const reason = `${percent(share)} of the requests fail (5xx)`;
  return status === 'ok' ? verdict.ok(reason, measured) : { status, reason, ...measured, next };
}

/** No sample is no sign of calm. A service that was never said to have any is left out; one that was is not observed. */
function uncounted({ service, label, mapped, perSecond }: Traffic): Verdict {
  const reason = `prometheus has no ${perSecond === undefined ? 'sample' : 'number'} for service="${label}"`;
  const next = [
    'opsctl health --detailed --only targets',
    `opsctl.yaml: services.${service}.metrics (the label) and prometheus.queries.requestRate`,
  ];
  return mapped || perSecond !== undefined ? verdict.unknown(reason, next) : verdict.skipped(reason, next);
}

function latency(facts: Traffic, limits: Thresholds, next: string[]): Verdict {
  if (facts.several?.p95 !== undefined) return unclear('p95', facts.several.p95, facts.service);
  if (facts.p95Ms === undefined || Number.isNaN(facts.p95Ms))
    return verdict.skipped('prometheus has no latency histogram for it');
  const { status, threshold } = against(facts.p95Ms, limits.p95Ms);
  const measured = { value: Math.round(facts.p95Ms), unit: 'ms', threshold };
  const reason = `95 % of the requests take less than ${duration(facts.p95Ms)}`;
  return status === 'ok' ? verdict.ok(reason, measured) : { status, reason, ...measured, next };
}
