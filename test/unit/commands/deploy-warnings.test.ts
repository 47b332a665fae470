import { expect, test } from 'vitest';

import blueGreen from '../../../src/commands/deploy/blue-green.ts';
import canary from '../../../src/commands/deploy/canary.ts';
import { OpsError } from '../../../src/core/errors.ts';
import type { ContainerState } from '../../../src/core/ports/engine.ts';
import type { LoadBalancerReader } from '../../../src/core/ports/load-balancer.ts';
import { fakeEngine } from '../../support/fakes/engine.ts';
import { fakeFiles } from '../../support/fakes/files.ts';
import { fakeJournal } from '../../support/fakes/journal.ts';
import { fakeLoadBalancer } from '../../support/fakes/load-balancer.ts';
import { fakeMetrics } from '../../support/fakes/metrics.ts';
import { fakeReplicas } from '../../support/fakes/replicas.ts';
import { readyNginx } from '../../support/ready-nginx.ts';
import { made } from '../deploy/facts.ts';
import { contextOf, of, shop } from '../inspect/platform.ts';

/** What planning a deploy of version v2 warns of, and what it is refused for: no location of nginx goes by what it is told. */
async function planned(
  volumes: { source: string; target: string; readOnly: boolean }[],
  fails: Partial<LoadBalancerReader> = {},
): Promise<{ said: string[]; refused: unknown }> {
  const engine = fakeEngine();
  engine.add(of('nginx', { name: 'nginx', id: 'nginx', volumes }));
  engine.add(made('shop_api_1', { memoryLimit: 1024 }));
  const replicas = fakeReplicas(engine);
  replicas.images.set('shop/api:v1', { id: 'sha256:1', digests: [], labels: {}, ports: [3000], size: 1 });
  replicas.images.set('shop/api:v2', { id: 'sha256:2', digests: [], labels: {}, ports: [3000], size: 1 });
  const routing = { live: {}, generation: 1, since: '2026-03-01T11:00:00.000Z' };
  const loadBalancer = fakeLoadBalancer({ nginx: { routing } });
  Object.assign(loadBalancer, fails);
  const files = fakeFiles();
  const platform = shop({ services: { api: { versionVariable: 'API_VERSION', port: 3000 } } });
  const said: string[] = [];
  const context = { ...contextOf({ engine, replicas, loadBalancer, files }, platform) };
  const refused = await blueGreen
    .plan(blueGreen.input.parse({ version: 'v2' }), { ...context, warn: (line) => void said.push(line) })
    .then(() => undefined)
    .catch((thrown: unknown) => thrown);
  return { said: said.filter((line) => line.includes('nginx')), refused };
}

test('a deploy must warn when where traffic goes would be forgotten with the container of the load balancer', async () => {
  expect((await planned([])).said).toEqual([
    'once nginx is made anew, visitors get blue, whatever is live: /etc/opsctl is on no volume, see opsctl lb check',
  ]);
  expect((await planned([{ source: '/srv/lb', target: '/etc/opsctl', readOnly: false }])).said).toEqual([]);
});

test('a deploy must be refused when the load balancer would not send visitors to it', async () => {
  expect((await planned([])).refused).toMatchObject({
    code: 'UNSAFE',
    message: expect.stringMatching(/^visitors might not get the new version: nginx: /) as string,
    hint: expect.stringContaining('opsctl lb check') as string,
  });
});

test('a deploy must end where the load balancer cannot be asked, of which a check tells the rest', async () => {
  const canSwitch = async (): Promise<never> => Promise.reject(new OpsError('TIMED_OUT', 'no answer'));
  expect((await planned([], { canSwitch })).refused).toMatchObject({ code: 'TIMED_OUT' });
});

test.each<[ContainerState, ContainerState]>([
  ['restarting', 'running'],
  ['exited', 'running'],
  ['running', 'restarting'],
])('a deploy must not be refused because what it replaces is %s, or what it leaves alone is %s', async (api, web) => {
  const engine = fakeEngine();
  engine.add(of('nginx', { name: 'nginx', id: 'nginx' }));
  for (const [service, state] of Object.entries({ api, web }))
    engine.add(made(`shop_${service}_1`, { service, image: `shop/${service}:v1`, state, memoryLimit: 1024 }));
  const replicas = fakeReplicas(engine);
  for (const service of ['api', 'web']) {
    replicas.models.set(`id-shop_${service}_1`, { aliases: { shop: [`${service}-blue`] }, published: [] });
    for (const version of ['v1', 'v2'])
      replicas.images.set(`shop/${service}:${version}`, {
        ...{ id: `sha256:${service}${version}`, digests: [], labels: {}, ports: [3000], size: 1 },
      });
  }
  const routing = { live: {}, generation: 1, since: '2026-03-01T11:00:00.000Z' };
  const loadBalancer = fakeLoadBalancer({ nginx: { ...readyNginx(['api', 'web']), routing } });
  const platform = shop({ services: { api: { port: 3000 }, web: { port: 3000 } } });
  const context = contextOf({ engine, replicas, loadBalancer, files: fakeFiles() }, platform);
  const given = blueGreen.input.parse({ version: 'v2', service: ['api'] });
  expect(await blueGreen.plan(given, context)).toMatchObject({ summary: 'deploy api v2' });
});

test.each([
  ['is refused', 'v2', /^a canary is judged by what Prometheus counts, and it cannot be asked: nobody answers$/],
  ['is none of a version that is live already', 'v1', undefined],
])('a canary without a Prometheus that answers %s', async (_what, version, refused) => {
  const engine = fakeEngine();
  engine.add(of('nginx', { name: 'nginx', id: 'nginx' }));
  engine.add(made('shop_api_1', { image: 'shop/api:v1', imageId: 'sha256:1', memoryLimit: 1024 }));
  const replicas = fakeReplicas(engine);
  replicas.models.set('id-shop_api_1', { aliases: { shop: ['api-blue'] }, published: [] });
  for (const number of ['1', '2'])
    replicas.images.set(`shop/api:v${number}`, {
      ...{ id: `sha256:${number}`, digests: [], labels: {}, ports: [3000], size: 1 },
    });
  const routing = { live: {}, generation: 1, since: '2026-03-01T11:00:00.000Z' };
  const parts = {
    ...{ engine, replicas, journal: fakeJournal(), files: fakeFiles() },
    loadBalancer: fakeLoadBalancer({ nginx: { ...readyNginx(['api']), routing } }),
    metrics: { ...fakeMetrics(), query: () => Promise.reject(new OpsError('UNREACHABLE', 'nobody answers')) },
  };
  const platform = shop({ prometheus: { service: 'prometheus' }, services: { api: { port: 3000 } } });
  const told = canary.plan(canary.input.parse({ version }), contextOf(parts, platform));
  if (refused === undefined) expect((await told).steps).toEqual([]);
  else
    await expect(told).rejects.toMatchObject({
      code: 'UNREACHABLE',
      message: expect.stringMatching(refused) as string,
      hint: expect.stringContaining('--no-analysis') as string,
    });
});
