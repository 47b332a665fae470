/** A canary that gets traffic, or a release after its switch, and what Prometheus counted of both versions. */
import type { Readers } from '../../../src/core/ports.ts';
import type { Platform } from '../../../src/core/platform.ts';
import type { Colour } from '../../../src/core/ports/load-balancer.ts';
import type { CanaryStep, ReleaseReader, Watch } from '../../../src/core/ports/release.ts';
import { openRelease } from '../../../src/deploy/release.ts';
import type { FakeContainer, FakeEngine } from '../../support/fakes/engine.ts';
import { type FakeJournal, fakeJournal } from '../../support/fakes/journal.ts';
import { type FakeLoadBalancer, fakeLoadBalancer } from '../../support/fakes/load-balancer.ts';
import { type FakeMetrics, fakeMetrics } from '../../support/fakes/metrics.ts';
import { contextOf, NOW, shop, shopEngine } from '../inspect/platform.ts';

interface Counted {
  requests: number;
  errors: number;
}
export interface World {
  engine: FakeEngine;
  candidate: FakeContainer;
  loadBalancer: FakeLoadBalancer;
  metrics: FakeMetrics;
  /** By version. */
  counted: Record<string, Counted>;
  /** Queries and the times that they were about. */
  asked: [string, string | undefined][];
  journal: FakeJournal;
  release: ReleaseReader;
  platform: Platform;
  readers: Readers;
  /** Lets time go by, in ms. */
  wait: (ms: number) => void;
}

export const live: Record<string, Colour> = { api: 'blue' };
export const route = { live, canary: { services: ['api'], percent: 5 } };
export const instance = { instance: 'nginx', directory: '/etc/opsctl' };
export const services = [{ metrics: 'api', stable: 'v1', candidate: 'v2' }];

/** A version that has had its share of visitors for so long, beside a stable one without errors. */
export function world({ forMs = 60_000, prometheus = true }: { forMs?: number; prometheus?: boolean } = {}): World {
  const engine = shopEngine();
  const candidate = engine.add({ name: 'api-green', health: 'healthy' });
  const since = new Date(Date.parse(NOW) - forMs).toISOString();
  const loadBalancer = fakeLoadBalancer({ nginx: { routing: { ...route, generation: 2, since } } });
  const metrics = fakeMetrics();
  const counted: World['counted'] = { v1: { requests: 10_000, errors: 0 }, v2: { requests: 10_000, errors: 0 } };
  const asked: World['asked'] = [];
  metrics.query = async (promql, at) => {
    asked.push([promql, at]);
    if (metrics.down !== undefined) throw metrics.down;
    const { requests, errors } = counted[/version="(\w+)"/.exec(promql)?.[1] ?? ''] ?? { requests: 0, errors: 0 };
    if (promql.includes('by (le)')) return ['0.1', '+Inf'].map((le) => ({ labels: { le }, value: requests }));
    return [{ labels: {}, value: promql.includes('status=~') ? errors : requests }];
  };
  const journal = fakeJournal();
  const { readers } = contextOf({ engine, loadBalancer, metrics, journal });
  const platform = shop(prometheus ? { prometheus: { service: 'prometheus' } } : {});
  const wait = (ms: number): void => {
    engine.facts = { ...engine.facts, time: new Date(Date.parse(engine.facts.time) + ms).toISOString() };
  };
  const release = openRelease(readers, platform);
  return { engine, candidate, loadBalancer, metrics, counted, asked, journal, release, platform, readers, wait };
}

export const step = (more: Partial<CanaryStep> = {}): CanaryStep => ({
  ...instance,
  route,
  containers: ['api-green'],
  services,
  forMs: 60_000,
  firstLook: 0,
  plannedLooks: 18,
  ...more,
});
export const watch = (more: Partial<Watch> = {}): Watch => ({
  ...instance,
  route,
  containers: ['api-green'],
  services,
  forMs: 60_000,
  ...more,
});
