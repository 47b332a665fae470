import { describe, expect, test } from 'vitest';

import { OpsError } from '../../../src/core/errors.ts';
import type { Container } from '../../../src/core/ports/engine.ts';
import type { LoadBalancerReader } from '../../../src/core/ports/load-balancer.ts';
import { observeForCheck, observeSetup } from '../../../src/lb/observe.ts';
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
async function seen(
  balancers: Record<string, Partial<FakeNginx> | undefined>,
  config = platform,
  { observe = observeSetup, fails = {} }: { observe?: typeof observeSetup; fails?: Partial<LoadBalancerReader> } = {},
) {
  const engine = fakeEngine();
  for (const [name, nginx] of Object.entries(balancers)) {
    const is: Container['state'] = nginx === undefined ? 'exited' : 'running';
    engine.add(of('nginx', { name, id: `id-${name}`, state: is, volumes: [state] }));
  }
  engine.add(of('api', { name: 'shop_api_1' }));
  const running = Object.entries(balancers).flatMap(([name, nginx]) => (nginx === undefined ? [] : [[name, nginx]]));
  const loadBalancer = fakeLoadBalancer(Object.fromEntries(running) as Record<string, Partial<FakeNginx>>);
  Object.assign(loadBalancer, fails);
  const { readers } = contextOf({ engine, loadBalancer, replicas: fakeReplicas(engine) });
  return await observe(config, readers);
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

describe('the port of a service that the configuration does not name', () => {
  const portOf = async (containers: Partial<Container>[]) => {
    const engine = fakeEngine();
    engine.add(of('nginx', { name: 'nginx', volumes: [state] }));
    for (const [index, one] of containers.entries()) engine.add(of('api', { name: `api_${index.toString()}`, ...one }));
    const replicas = fakeReplicas(engine);
    for (const port of [3000, 4000]) replicas.images.set(`sha256:${port.toString()}`, imageOf(port));
    const { readers } = contextOf({ engine, loadBalancer: fakeLoadBalancer({ nginx: {} }), replicas });
    return (await observeSetup(shop({ services: { api: {} } }), readers)).services[0]?.port;
  };
  const imageOf = (port: number) => ({
    id: `sha256:${port.toString()}`,
    digests: [],
    labels: {},
    ports: [port],
    size: 1,
  });
  const [old, now] = [{ imageId: 'sha256:3000' }, { imageId: 'sha256:4000' }];

  test.each<Container['state']>(['restarting', 'exited'])(
    'must be that of what is %s where nothing runs',
    async (is) => {
      expect(await portOf([{ ...old, state: is }])).toBe(3000);
      expect(await portOf([{ ...old, state: is }, now])).toBe(4000);
    },
  );

  test('must be told to be not known where there is no container, and a one-off is none', async () => {
    const oneOff = { ...old, labels: { 'com.docker.compose.oneoff': 'True' } };
    expect(await portOf([oneOff])).toEqual({ why: 'it has no container' });
  });
});

describe('what does not answer', () => {
  const late = async (): Promise<never> => Promise.reject(new OpsError('TIMED_OUT', 'no answer within 5 s'));
  const fails = { canSwitch: late, routing: late };

  test('must be told by name to a check, beside all that does', async () => {
    const { instances } = await seen({ nginx: {} }, platform, { observe: observeForCheck, fails });
    expect(instances[0]).toMatchObject({
      unasked: { switch: 'no answer within 5 s', routing: 'no answer within 5 s' },
      test: { ok: true },
    });
  });

  test('must end what is about to change something', async () => {
    await expect(seen({ nginx: {} }, platform, { fails })).rejects.toMatchObject({ code: 'TIMED_OUT' });
    await expect(seen({ nginx: {} }, platform, { fails: { routing: late } })).rejects.toMatchObject({
      code: 'TIMED_OUT',
    });
  });

  test('must not hide a bug, nor where traffic goes that cannot be read', async () => {
    const bug = async (): Promise<never> => Promise.reject(new OpsError('BUG', 'oops'));
    await expect(
      seen({ nginx: {} }, platform, { observe: observeForCheck, fails: { version: bug } }),
    ).rejects.toMatchObject({ code: 'BUG' });
    const odd = async (): Promise<never> => Promise.reject(new OpsError('BAD_ANSWER', 'not of opsctl'));
    const { instances } = await seen({ nginx: {} }, platform, { fails: { routing: odd } });
    expect(instances[0]?.routing).toEqual({ why: 'not of opsctl' });
  });
});
