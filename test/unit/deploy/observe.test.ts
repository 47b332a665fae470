import { describe, expect, test } from 'vitest';

import { OpsError } from '../../../src/core/errors.ts';
import type { Readers } from '../../../src/core/ports.ts';
import type { Colour, Routing } from '../../../src/core/ports/load-balancer.ts';
import { look, observe } from '../../../src/deploy/observe.ts';
import { type FakeContainer, fakeEngine } from '../../support/fakes/engine.ts';
import { fakeLoadBalancer, type FakeNginx } from '../../support/fakes/load-balancer.ts';
import { contextOf, of, shop } from '../inspect/platform.ts';
import { deployed, made } from './facts.ts';

const platform = shop({ services: { api: {}, web: {} } });
const route = (live: Record<string, Colour>, more: Partial<Routing> = {}): Routing => ({
  ...{ live, generation: 4, since: '2026-03-01T11:00:00.000Z' },
  ...more,
});
const release = (service: string, colour: Colour, deploy: number, more: Partial<FakeContainer> = {}): FakeContainer =>
  deployed(service, { colour, version: `v${deploy.toString()}`, deploy }, more) as FakeContainer;

/** api: green of deploy 3 and what came before; web: what compose made. */
const services = [
  release('api', 'green', 3),
  release('api', 'green', 1),
  release('api', 'blue', 2, { state: 'exited' }),
  made('shop_web_1', { service: 'web', image: 'shop/web:v1' }),
];

function world(
  nginx: Record<string, Partial<FakeNginx> & { state?: FakeContainer['state'] }>,
  containers: (Partial<FakeContainer> & { name: string })[] = services,
): Readers {
  const engine = fakeEngine();
  for (const [name, { state }] of Object.entries(nginx))
    engine.add(of('nginx', { name, id: name, state: state ?? 'running' }));
  for (const one of containers) engine.add(one);
  return contextOf({ engine, loadBalancer: fakeLoadBalancer(nginx) }).readers;
}
const names = (containers: readonly { name: string }[]): string[] => containers.map(({ name }) => name);

describe('what is seen', () => {
  test('must be each service by what its containers are to a release', async () => {
    const readers = world({ nginx: { routing: route({ api: 'green' }) } });
    const facts = await observe(platform, readers);
    expect(
      facts.services.map(({ name, colour, live, previous, older }) => [
        name,
        colour,
        names(live),
        names(previous),
        names(older),
      ]),
    ).toEqual([
      ['api', 'green', ['shop_api-green-r3'], ['shop_api-blue-r2'], ['shop_api-green-r1']],
      ['web', 'blue', ['shop_web_1'], [], []],
    ]);
    expect(facts).toMatchObject({ deploy: 3, balancers: ['nginx'], routing: { generation: 4 } });
  });

  test('must be the routing of a load balancer that is stopped, which refuses a change', async () => {
    const readers = world({ nginx: { state: 'exited', routing: route({ api: 'green' }) } });
    expect(await look(platform, readers)).toMatchObject({
      places: { running: false },
      balancers: [],
      routing: { live: { api: 'green' } },
      services: [{ colour: 'green' }, { colour: 'blue' }],
    });
    await expect(observe(platform, readers)).rejects.toMatchObject({
      code: 'UNSAFE',
      message: 'no container of the load balancer nginx runs',
      hint: 'Start it: opsctl service restart nginx',
    });
  });

  test('must be the colour of services on which load balancers agree, and no other', async () => {
    const readers = world({
      one: { routing: route({ api: 'green', web: 'green' }) },
      two: { routing: route({ api: 'green' }) },
    });
    const seen = await look(platform, readers);
    expect(seen.routing).toBeUndefined();
    expect(seen.services).toMatchObject([{ colour: 'green' }, { colour: undefined, previous: [], older: [] }]);
    expect(names(seen.services[1]?.live ?? [])).toEqual(['shop_web_1']);
    await expect(observe(platform, readers)).rejects.toMatchObject({
      code: 'UNSAFE',
      message: 'one and two send traffic to different versions',
      hint: 'See which: opsctl deploy status',
    });
  });

  test('must be what runs of a service where no colour is known', async () => {
    const readers = world({ nginx: {} });
    const seen = await look(platform, readers);
    expect(names(seen.services[0]?.live ?? [])).toEqual(['shop_api-green-r1', 'shop_api-green-r3']);
    await expect(observe(platform, readers)).rejects.toMatchObject({
      code: 'UNSAFE',
      message: 'the load balancer is not set up for deploys, so traffic cannot be switched',
      hint: expect.stringContaining('opsctl lb setup --dry-run') as string,
    });
  });

  test('must be refused for a change where one of several was never told', async () => {
    const readers = world({ one: { routing: route({ api: 'green' }) }, two: {} });
    expect((await look(platform, readers)).services[0]?.colour).toBeUndefined();
    await expect(observe(platform, readers)).rejects.toThrow('one and two send traffic to different versions');
  });

  test('must be seen without a container of the load balancer', async () => {
    const readers = world({});
    expect(await look(platform, readers)).toMatchObject({ places: { instances: [], running: false }, told: [] });
    await expect(observe(platform, readers)).rejects.toMatchObject({ code: 'UNSAFE' });
  });
});

describe('what a load balancer does not tell', () => {
  test.each(['BAD_ANSWER', 'REJECTED', 'NOT_FOUND'] as const)(
    'must be a fact when it is its own state (%s), and refuse a change with that',
    async (code) => {
      const unreadable = new OpsError(code, 'cannot be read');
      const readers = world({ one: { routing: route({}) }, two: { unreadable } });
      const seen = await look(platform, readers);
      expect(seen.told[1]?.said).toBe(unreadable);
      expect(seen.services.map(({ colour }) => colour)).toEqual([undefined, undefined]);
      await expect(observe(platform, readers)).rejects.toBe(unreadable);
    },
  );

  test.each(['UNREACHABLE', 'TIMED_OUT'] as const)(
    'must end the look when the engine cannot be asked (%s)',
    async (code) => {
      const readers = world({ nginx: { unreadable: new OpsError(code, 'the engine does not answer') } });
      await expect(look(platform, readers)).rejects.toMatchObject({ code });
    },
  );
});

test('a configuration without a load balancer must be refused', async () => {
  await expect(look(shop({ loadBalancer: undefined }), world({}))).rejects.toMatchObject({ code: 'NOT_CONFIGURED' });
});
