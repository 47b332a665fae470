import { expect, test } from 'vitest';

import blueGreen from '../../../src/commands/deploy/blue-green.ts';
import type { Plan } from '../../../src/core/change.ts';
import { fakeEngine } from '../../support/fakes/engine.ts';
import { fakeFiles } from '../../support/fakes/files.ts';
import { fakeLoadBalancer } from '../../support/fakes/load-balancer.ts';
import { deployed, made } from '../deploy/facts.ts';
import { contextOf, of, shop } from '../inspect/platform.ts';

/** api of deploy 2; web, of which deploy 3 was rolled back to deploy 1. */
async function planned(typed: object): Promise<Plan> {
  const engine = fakeEngine();
  engine.add(of('nginx', { name: 'nginx', id: 'nginx' }));
  engine.add(made('shop_api_1'));
  engine.add(deployed('api', { colour: 'green', version: 'v2', deploy: 2 }));
  engine.add(deployed('web', { colour: 'green', version: 'v1', deploy: 1 }));
  engine.add(deployed('web', { colour: 'blue', version: 'v3', deploy: 3 }));
  const routing = { live: { api: 'green', web: 'green' } as const, generation: 5, since: '2026-03-01T11:00:00.000Z' };
  const loadBalancer = fakeLoadBalancer({ nginx: { routing } });
  const context = contextOf({ engine, loadBalancer, files: fakeFiles() }, shop({ services: { api: {}, web: {} } }));
  const { input, plan } = blueGreen;
  return await plan(input.parse({ rollback: true, ...typed }), context);
}

test('a second rollback must be refused, and go further back for the service that is named', async () => {
  await expect(planned({})).rejects.toMatchObject({
    code: 'UNSAFE',
    exit: 5,
    message: 'the newest release, web v3, is not live: it was rolled back already',
    hint: 'To go further back, name the service: opsctl deploy blue-green --rollback --service api',
  });
  expect((await planned({ service: ['api'] })).summary).toBe('roll back api v2 → v1');
});

test('a service that cannot be deployed must be refused', async () => {
  await expect(planned({ service: ['nginx'] })).rejects.toMatchObject({
    code: 'USAGE',
    message: 'nginx is no deployable service',
  });
});
