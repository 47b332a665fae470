import { describe, expect, test } from 'vitest';

import type { Container } from '../../../src/core/ports/engine.ts';
import { observeSetup } from '../../../src/lb/observe.ts';
import { fakeEngine } from '../../support/fakes/engine.ts';
import { fakeLoadBalancer, type FakeNginx } from '../../support/fakes/load-balancer.ts';
import { fakeReplicas } from '../../support/fakes/replicas.ts';
import { contextOf, of, shop } from '../inspect/platform.ts';

const platform = shop({
  services: { api: { port: 3000, health: 'http://127.0.0.1:8080/api/health' } },
  tls: { ca: 'ca.pem' },
});
const state = { volume: 'state', source: '/var/state', target: '/etc/opsctl', readOnly: false };

/** What is seen of containers of the load balancer, by name; those without an nginx are stopped. */
async function seen(balancers: Record<string, Partial<FakeNginx> | undefined>, config = platform) {
  const engine = fakeEngine();
  for (const [name, nginx] of Object.entries(balancers)) {
    const is: Container['state'] = nginx === undefined ? 'exited' : 'running';
    engine.add(of('nginx', { name, id: `id-${name}`, state: is, volumes: [state] }));
  }
  engine.add(of('api', { name: 'shop_api_1' }));
  const running = Object.entries(balancers).flatMap(([name, nginx]) => (nginx === undefined ? [] : [[name, nginx]]));
  const loadBalancer = fakeLoadBalancer(Object.fromEntries(running) as Record<string, Partial<FakeNginx>>);
  const { readers } = contextOf({ engine, loadBalancer, replicas: fakeReplicas(engine) });
  return await observeSetup(config, readers);
}

describe('the set-up', () => {
  test('must be seen of every nginx that runs, since each loads its files for itself', async () => {
    const { instances, tls } = await seen({ 'nginx-2': {}, 'nginx-1': { loaded: 'abc' }, 'nginx-3': undefined });
    expect(instances.map(({ name, volume, loaded }) => [name, volume, loaded])).toEqual([
      ['nginx-1', 'state', { api: { digest: 'abc' } }],
      ['nginx-2', 'state', { api: {} }],
    ]);
    expect(tls).toEqual({ ca: 'ca.pem' });
  });

  test('must be seen with the files that are not there', async () => {
    const { instances } = await seen({ nginx: { snippets: new Map([['http/opsctl.conf', 'x']]) } });
    expect(instances[0]?.present).toEqual([
      { name: 'http/opsctl.conf', text: 'x' },
      { name: 'server/opsctl.conf', text: null },
    ]);
  });

  test('must be refused where no nginx runs, and for services that nginx cannot tell apart', async () => {
    await expect(seen({ nginx: undefined })).rejects.toMatchObject({
      code: 'UNSAFE',
      message: 'no container of the load balancer nginx runs',
    });
    await expect(seen({ nginx: {} }, shop({ services: { 'a-b': {}, a_b: {} } }))).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    });
  });
});
