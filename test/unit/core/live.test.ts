import { describe, expect, test } from 'vitest';

import { OpsError } from '../../../src/core/errors.ts';
import { isRetired, whatIsLive } from '../../../src/core/live.ts';
import type { Container } from '../../../src/core/ports/engine.ts';
import type { Routing } from '../../../src/core/ports/load-balancer.ts';
import { fakeLoadBalancer, type FakeNginx } from '../../support/fakes/load-balancer.ts';
import { deployed, made } from '../deploy/facts.ts';
import { of, shop } from '../inspect/platform.ts';

const blue = deployed('api', { colour: 'blue', version: 'v3', deploy: 3 });
const older = deployed('api', { colour: 'blue', version: 'v1', deploy: 1 }, { state: 'exited' });
const green = deployed('api', { colour: 'green', version: 'v2', deploy: 2 });
const routing = (more: Partial<Routing> = {}): Routing => ({
  ...{ live: { api: 'blue' }, generation: 1, since: '2026-03-01T11:00:00.000Z' },
  ...more,
});

/** What is live as this nginx tells it, and the containers that are asked about. */
async function live(nginx: Partial<FakeNginx>, asked: Container[] = [blue, older, green]) {
  const balancer = { ...made('nginx'), ...of('nginx', { name: 'nginx', id: 'nginx' }) } as Container;
  const platform = shop({ services: { api: {} } });
  const found = await whatIsLive(platform, [balancer, ...asked], { loadBalancer: fakeLoadBalancer({ nginx }) });
  return { colour: found.colour('api'), has: asked.map((one) => found.has(one)), found };
}

describe('what is live', () => {
  test('must be what the load balancer says, and of that colour the newest release', async () => {
    expect(await live({ routing: routing() })).toMatchObject({ colour: 'blue', has: [true, false, false] });
    expect(await live({ routing: routing({ live: { api: 'green' } }) })).toMatchObject({ has: [false, false, true] });
  });

  test('must be both while a canary has its share', async () => {
    const canary = { services: ['api'], percent: 5 };
    expect((await live({ routing: routing({ canary }) })).has).toEqual([true, false, true]);
  });

  test.each<[string, Partial<FakeNginx>]>([
    ['was never told', {}],
    ['says what cannot be read', { unreadable: new OpsError('BAD_ANSWER', 'not what opsctl wrote') }],
    ['is on an engine that does not answer', { unreadable: new OpsError('UNREACHABLE', 'gone') }],
  ])('must be unknown where the load balancer %s', async (_name, nginx) => {
    expect(await live(nginx)).toMatchObject({ colour: undefined, has: [undefined, undefined, undefined] });
  });

  test('must be unknown of what no release consists of', async () => {
    const { has } = await live({ routing: routing() }, [made('other', { service: 'postgres' })]);
    expect(has).toEqual([undefined]);
  });
});

test('a container that visitors are sent to must never pass for one that was stopped after a deploy', async () => {
  const dead = { ...blue, state: 'exited' as const };
  const warm = { ...green, state: 'exited' as const };
  const { found } = await live({ routing: routing() }, [dead, older, warm]);
  expect([dead, older, warm].map((one) => isRetired(one, found))).toEqual([false, true, true]);
  const unknown = await live({}, [dead, older, warm]);
  expect([dead, older, warm].map((one) => isRetired(one, unknown.found))).toEqual([false, false, false]);
});
