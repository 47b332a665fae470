import { describe, expect, test } from 'vitest';

import { readCommandLine } from '../../src/cli/invocation.ts';
import { registry } from '../../src/commands/index.ts';
import type { ChangeEvent } from '../../src/core/change.ts';
import type { ChangeCommand, Context } from '../../src/core/command.ts';
import { MAY_DO } from '../../src/core/plan.ts';
import type { Route, Routing } from '../../src/core/ports/load-balancer.ts';
import type { Sample } from '../../src/core/ports/metrics.ts';
import { platformSchema } from '../../src/core/platform.ts';
import { fakeCache } from '../support/fakes/cache.ts';
import { fakeDatabase } from '../support/fakes/database.ts';
import { fakeEngine } from '../support/fakes/engine.ts';
import { fakeFiles } from '../support/fakes/files.ts';
import { fakeJournal } from '../support/fakes/journal.ts';
import { fakeLoadBalancer } from '../support/fakes/load-balancer.ts';
import { fakeReplicas } from '../support/fakes/replicas.ts';
import { fakeLock } from '../support/fakes/lock.ts';
import { readyNginx } from '../support/ready-nginx.ts';

const routing: Routing = { live: { api: 'green', web: 'green' }, generation: 1, since: '2024-12-31T00:00:00.000Z' };
const share: NonNullable<Route['canary']> = { services: ['api', 'web'], percent: 5 };

/** What Prometheus says of every version: 10,000 requests, none failed, all quick. */
function counted(promql: string): Sample[] {
  if (promql.includes('status=~')) return [];
  if (!promql.includes('by (le)')) return [{ labels: {}, value: 10_000 }];
  return ['0.1', '+Inf'].map((le) => ({ labels: { le }, value: 10_000 }));
}

/** A database with a session that runs something, some tables, and room for more connections. */
function shopDatabase(): object {
  const session = {
    ...{ pid: 4242, startedAt: '2025-12-31T00:00:00.000000Z', queryStartedAt: '2025-12-31T00:00:00.000001Z' },
    ...{ database: 'shop', user: 'app', application: 'api', client: 'local', state: 'active' },
    ...{ blockedBy: [], privileged: false },
  };
  const rows = [
    ['orders', 'public', 'orders', 'public.orders', null],
    ['order_items', 'public', 'order_items', 'public.order_items', null],
    ['sales.invoice', 'sales', 'invoice', 'sales.invoice', null],
  ];
  return fakeDatabase({
    main: { parts: { sessions: { is: 'seen', value: [session] } }, answer: { columns: ['typed'], rows } },
  });
}

/** A small platform in memory, whose every writing method throws, with a lock held and a change left in the middle. */
async function context({ canary, ready }: { canary: boolean; ready: boolean }): Promise<Context> {
  const engine = fakeEngine();
  for (const service of ['api', 'web', 'nginx', 'postgres', 'redis']) {
    engine.add({ name: `shop-${service}-1`, project: 'shop', service, state: 'running', health: 'healthy' });
  }
  const replicas = fakeReplicas(engine);
  for (const service of ['api', 'web']) {
    const { id } = engine.add({
      name: `shop-${service}-green-r1`,
      image: `shop/${service}:v1.1.0`,
      imageId: `sha256:${service}`,
      state: 'running',
      labels: {
        'opsctl.project': 'shop',
        'opsctl.service': service,
        'opsctl.colour': 'green',
        'opsctl.release': 'v1.1.0',
        'opsctl.deploy': '1',
      },
      memoryLimit: 1024,
    });
    replicas.models.set(id, { aliases: { shop: [`${service}-green`] }, published: [] });
    const image = { digests: [], labels: {}, ports: [3000], size: 1 };
    for (const one of engine.all) replicas.images.set(one.imageId, { ...image, id: one.imageId });
    replicas.images.set(`sha256:${service}`, { ...image, id: `sha256:${service}` });
    replicas.images.set(`shop/${service}:v1.2.3`, { ...image, id: `sha256:${service}2` });
  }
  const journal = fakeJournal();
  const at = '2026-01-01T00:00:00.000Z';
  const stop = { port: 'engine', method: 'stopContainer', args: ['x', 1] };
  const step = {
    id: 'stop',
    describe: 'stop x',
    why: 'test',
    do: stop,
    undo: { port: 'engine', method: 'startContainer', args: ['x'] },
    timeoutMs: 1,
  };
  const events: ChangeEvent[] = [
    {
      type: 'begin',
      at,
      command: 'deploy blue-green',
      input: {},
      actor: 'a',
      host: 'h',
      plan: { target: 'x', summary: 'restart x', touches: [], steps: [step] },
    },
    { type: 'step-begin', at, step: 'stop' },
  ];
  for (const event of events) await journal.append('20260101T000000Z-0001', event);
  const lock = fakeLock({ state: { now: () => Date.parse(at), taken: 0 } });
  await lock.acquire({ owner: 'a', command: 'service restart', change: '20260101T000000Z-0001' });
  const nginx = engine.all[2];
  const isSetUp = ready ? readyNginx(['api', 'web']) : {};
  const balancer = { ...isSetUp, routing: canary ? { ...routing, canary: share } : routing };
  const readers: Record<string, object> = {
    engine,
    // Looked at by id and by name.
    loadBalancer: fakeLoadBalancer({ [nginx?.id ?? '']: balancer, [nginx?.name ?? '']: balancer }),
    replicas,
    files: fakeFiles(),
    database: shopDatabase(),
    cache: fakeCache({ main: { keys: 0 } }),
    metrics: { query: async (promql: string) => counted(promql) },
    warm: { inTheWay: async () => [], hitsBefore: async () => null },
    lock,
    journal,
  };
  for (const [port, methods] of Object.entries(MAY_DO)) {
    for (const method of methods) {
      Object.assign(readers[port] ?? {}, {
        [method]: () => {
          throw new Error(`a dry run called ${port}.${method}`);
        },
      });
    }
  }
  const platform = platformSchema.parse({
    compose: { project: 'shop' },
    services: { api: {}, web: {} },
    loadBalancer: { service: 'nginx' },
    databases: { main: { service: 'postgres' } },
    caches: { main: { service: 'redis', warm: { urls: ['http://127.0.0.1/{1..3}'] } } },
    prometheus: { url: 'http://127.0.0.1:9090' },
  });
  return {
    platform: { ...platform, environment: 'production', protected: true, directory: '/' },
    readers: readers as unknown as Context['readers'],
    signal: new AbortController().signal,
    now: () => new Date(at),
    warn: () => undefined,
  };
}

const commands = await Promise.all(registry.map(async (entry) => (await entry.load()).default));
const changes = commands.filter((command): command is ChangeCommand => command.kind === 'change');

describe.each(changes.map((command) => [command.name, command] as const))('%s', (_name, command) => {
  test.each(command.examples.map(({ command: line }) => [line]))('%s must plan without writing', async (line) => {
    const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].map((match) => match[1] ?? match[2] ?? '').slice(1);
    const invocation = readCommandLine(command, words, {}, () => undefined, 80);
    const state = {
      canary: /^opsctl deploy (?:promote|canary --rollback)/.test(line),
      ready: line.startsWith('opsctl deploy'),
    };
    const plan = await command.plan(invocation?.input ?? {}, await context(state));
    // To close a change is to do nothing but say so in the journal.
    expect(plan.steps.length > 0).toBe(!line.includes('--abandon'));
    // The same again: a plan that differs without anything having changed could never be executed.
    expect(await command.plan(invocation?.input ?? {}, await context(state))).toEqual(plan);
  });
});

test('there is a change to look at', () => {
  expect(changes.length).toBeGreaterThanOrEqual(5);
});
