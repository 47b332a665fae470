import {
  alerts as judgeAlerts,
  atPrometheus,
  targets as judgeTargets,
  traffic as judgeTraffic,
} from '../checks/monitoring.ts';
import type { Context } from '../core/command.ts';
import { asOpsError, type OpsError } from '../core/errors.ts';
import { observeTraffic } from '../core/traffic.ts';
import { type Verdict, verdict } from '../core/verdict.ts';
import { once } from '../core/once.ts';
import { notObserved, type Probe } from './probe.ts';

/** Prometheus itself, its targets and alerts, and what it counted of the services. */
export function monitoringProbes(context: Context, timeoutMs: number): Probe[] {
  const { prometheus } = context.platform;
  if (prometheus === undefined) return [];
  const { metrics } = context.readers;
  const targets = once(() => metrics.targets());
  const logs = atPrometheus(prometheus.service);
  // One red line for a dead Prometheus; what it would have told is unknown, not bad.
  const dependent = (id: string, component: string, run: () => Promise<Record<string, Verdict> | Verdict>): Probe => ({
    id,
    component,
    gives: id === 'traffic' ? ['requests:*', 'errors:*', 'latency:*'] : [id],
    timeoutMs,
    run: async () => {
      try {
        return await run();
      } catch (thrown) {
        return unasked(asOpsError(thrown));
      }
    },
  });
  return [
    {
      id: 'prometheus',
      component: 'prometheus',
      timeoutMs,
      run: async () => {
        try {
          return verdict.ok(`answers, scrapes ${(await targets()).length.toString()} targets`);
        } catch (thrown) {
          const error = asOpsError(thrown);
          if (error.details?.['engine'] === true) return notObserved(error);
          const aboutUs = error.code === 'AUTH_FAILED' || error.code === 'SECRET_MISSING';
          return aboutUs ? verdict.unknown(error.message, logs) : verdict.crit(error.message, logs);
        }
      },
    },
    dependent('targets', 'prometheus', async () => judgeTargets(await targets(), prometheus.service)),
    dependent('alerts', 'alerts', async () => judgeAlerts(await metrics.alerts())),
    dependent('traffic', 'traffic', async () => traffic(context)),
  ];
}

/** What Prometheus would have told is unknown, not bad; its own check says what is the matter with it. */
export const unasked = (error: OpsError): Verdict =>
  error.details?.['engine'] === true
    ? notObserved(error)
    : verdict.unknown('prometheus, which knows it, could not be asked', ['opsctl health --detailed --only prometheus']);

async function traffic(context: Context): Promise<Record<string, Verdict>> {
  const { platform, readers } = context;
  const entries = (await observeTraffic(platform, readers.metrics)).flatMap((facts) =>
    Object.entries(judgeTraffic(facts, platform.thresholds)).map(([id, one]): [string, Verdict] => [
      `${id}:${facts.service}`,
      one,
    ]),
  );
  return Object.fromEntries(entries);
}
