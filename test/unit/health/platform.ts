/** A whole small platform in memory, everything well: what a test of health breaks one thing of. */
import { calmCache, fakeCache } from '../../support/fakes/cache.ts';
import { calmDatabase, fakeDatabase } from '../../support/fakes/database.ts';
import { type FakeFile, fakeFiles } from '../../support/fakes/files.ts';
import { fakeHttp, type FakeHttp } from '../../support/fakes/http.ts';
import { fakeLoadBalancer, type FakeNginx } from '../../support/fakes/load-balancer.ts';
import { fakeMetrics, type FakeMetrics } from '../../support/fakes/metrics.ts';
import type { FakeEngine } from '../../support/fakes/engine.ts';
import type { OpsError } from '../../../src/core/errors.ts';
import type { CacheVitals, DatabaseVitals } from '../../../src/core/ports/data.ts';
import { observeHealth, type Health, type HealthRequest } from '../../../src/health/observe.ts';
import { contextOf, NOW, of, shop, shopEngine } from '../inspect/platform.ts';

export { NOW, of, plain } from '../inspect/platform.ts';

const BASE = 'http://127.0.0.1:8080';
export const API = `${BASE}/api/health`;
export const BALANCER = `${BASE}/nginx-health`;
export const WELL = JSON.stringify({ status: 'ok', components: { database: 'up', redis: { status: 'ok' } } });

export interface World {
  engine: FakeEngine;
  http: FakeHttp;
  metrics: FakeMetrics;
  databases: Record<string, Partial<DatabaseVitals> | OpsError>;
  caches: Record<string, Partial<CacheVitals> | OpsError>;
  files: Map<string, FakeFile>;
  look(request?: Partial<HealthRequest>): Promise<Health>;
}

/** `parts` replace parts of the configuration; undefined ones are taken away. `nginx` is the load balancer's. */
export function world(parts: object = {}, nginx: Partial<FakeNginx> = {}): World {
  const platform = shop({ caches: { main: { service: 'redis' } }, ...parts });
  const engine = shopEngine();
  for (const service of ['api', 'web', 'nginx', 'postgres', 'redis'])
    engine.add({
      ...of(service, { id: `id-${service}` }),
      state: 'running',
      networks: [{ name: 'shop', address: '10.0.0.2' }],
      networkMode: 'shop',
      usage: { cpus: 0.1, memory: 5e7, memoryDetail: {}, pids: 1, source: 'cgroup' },
      startedAt: '2026-03-01T08:00:00.000Z',
    });
  const http = fakeHttp();
  http.answers.set(API, { body: WELL, afterMs: 10 });
  http.answers.set(BALANCER, { afterMs: 1 });
  const metrics = fakeMetrics();
  metrics.scraped = [{ job: 'api', instance: 'api:1', health: 'up', lastError: '', lastScrapeAt: NOW }];
  const databases: World['databases'] = Object.fromEntries(
    Object.keys(platform.databases).map((name) => [name, calmDatabase]),
  );
  const caches: World['caches'] = Object.fromEntries(Object.keys(platform.caches).map((name) => [name, calmCache]));
  const files: World['files'] = new Map();
  const readers = {
    engine,
    http,
    metrics,
    database: fakeDatabase(databases),
    cache: fakeCache(caches),
    files: fakeFiles(files),
    loadBalancer: fakeLoadBalancer({ [of('nginx', {}).name]: nginx }),
  };
  return {
    engine,
    http,
    metrics,
    databases,
    caches,
    files,
    look: (request = {}) =>
      observeHealth(contextOf(readers, platform), { detailed: false, only: [], timeoutMs: undefined, ...request }),
  };
}

/** Statuses by check id. */
export const statuses = (health: Health): Record<string, string> =>
  Object.fromEntries(health.checks.map(({ id, status }) => [id, status]));

export const reasonOf = (health: Health, id: string): string =>
  health.checks.find((check) => check.id === id)?.reason ?? `there is no check ${id}`;
