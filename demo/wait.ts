/** Waiting for the platform, with an end to it and a word about what is waited for. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure, say } from '../scripts/failure.ts';
import { attempt, lastLines } from '../scripts/run.ts';
import { demoContainers, expectedContainers } from './containers.ts';

const HEALTHY_MS = 120_000;
const METRICS_MS = 30_000;

/** Returns when every container is healthy; else fails with the ends of the sick ones' logs. */
export async function waitUntilHealthy(): Promise<void> {
  const deadline = Date.now() + HEALTHY_MS;
  const names = [...expectedContainers().values()];
  for (let round = 0; ; round += 1) {
    const healthy = new Set((await demoContainers()).filter((c) => c.healthy).map((c) => c.name));
    const missing = names.filter((name) => !healthy.has(name));
    if (missing.length === 0) return;
    if (Date.now() > deadline) throw await sick(missing);
    if (round % 10 === 0) say(`waiting until healthy: ${missing.join(', ')}`);
    await sleep(500);
  }
}

async function sick(names: readonly string[]): Promise<Failure> {
  const logs = await Promise.all(
    names.map(async (name) => {
      const { output } = await attempt(['docker', 'logs', '--tail', '15', name]);
      return `--- ${name}\n${lastLines(output, 15)}`;
    }),
  );
  return new Failure(
    `not healthy after ${HEALTHY_MS / 1_000} s: ${names.join(', ')}. The end of the logs:\n` +
      `${logs.join('\n')}\nTo start from nothing: npm run demo:down && npm run demo`,
  );
}

/**
 * Returns when Prometheus knows every target and the rate of requests, for which it needs to have
 * looked twice. Else a first look at a new platform would find no traffic. Only a courtesy: no failure.
 */
export async function waitForMetrics(url: string): Promise<void> {
  if (await hasMetrics(url)) return;
  const deadline = Date.now() + METRICS_MS;
  say('waiting for the first metrics');
  while (Date.now() < deadline) {
    await sleep(500);
    if (await hasMetrics(url)) return;
  }
  say('Prometheus has not all metrics yet; they come within a minute');
}

async function hasMetrics(url: string): Promise<boolean> {
  const rates = 'count(count by (service) (rate(http_requests_total[1m]) > 0)) >= 2';
  const query = `${rates} and on () (min(up) == 1) and on () count(node_memory_MemTotal_bytes)`;
  const asked = new URL(`/api/v1/query?query=${encodeURIComponent(query)}`, url);
  const response = await fetch(asked, { signal: AbortSignal.timeout(5_000) }).catch(() => undefined);
  if (response?.ok !== true) return false;
  const { data } = (await response.json()) as { data: { result: unknown[] } };
  return data.result.length > 0;
}
