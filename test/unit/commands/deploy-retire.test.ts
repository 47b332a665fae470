import { expect, test } from 'vitest';

import retire from '../../../src/commands/deploy/retire.ts';
import { fakeEngine } from '../../support/fakes/engine.ts';
import { fakeLoadBalancer } from '../../support/fakes/load-balancer.ts';
import { deployed, made } from '../deploy/facts.ts';
import { contextOf, NOW, of, shop } from '../inspect/platform.ts';

test('how long ago the switch was must be told by the clock of the engine, not of this machine', async () => {
  const engine = fakeEngine();
  engine.add(of('nginx', { name: 'nginx', id: 'nginx' }));
  engine.add(made('shop_api_1'));
  engine.add(deployed('api', { colour: 'green', version: 'v2', deploy: 1 }));
  const since = '2026-03-01T11:00:00.000Z';
  const loadBalancer = fakeLoadBalancer({ nginx: { routing: { live: { api: 'green' }, generation: 2, since } } });
  const context = contextOf({ engine, loadBalancer }, shop({ services: { api: {} } }));
  const planned = async (time: string): Promise<unknown> => {
    engine.facts = { ...engine.facts, time };
    return await retire.plan(retire.input.parse({}), context);
  };
  // This machine's clock says an hour.
  expect(context.now()).toEqual(new Date(NOW));
  await expect(planned('2026-03-01T11:05:00.000Z')).rejects.toMatchObject({
    code: 'UNSAFE',
    message: 'the last switch was 5 min ago; the release before is kept warm for 15 min',
  });
  expect(await planned('2026-03-01T11:20:00.000Z')).toMatchObject({ touches: ['container shop_api_1: api v1'] });
});
