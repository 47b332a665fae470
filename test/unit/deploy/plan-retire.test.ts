import { describe, expect, test } from 'vitest';

import type { Routing } from '../../../src/core/ports/load-balancer.ts';
import type { ServiceFacts } from '../../../src/deploy/observe.ts';
import { planRetire, type RetireRequest } from '../../../src/deploy/plan-retire.ts';
import { deployed, factsOf, ids, made, requestOf, serviceFacts, shown } from './facts.ts';

const live = [deployed('api', { colour: 'green', version: 'v2', deploy: 1 })];
const warm = [made('shop_api_1', { memoryLimit: 512 * 1024 * 1024, stopSeconds: 7 })];
const api = serviceFacts('api', { colour: 'green', live, previous: warm });

function request(
  services: ServiceFacts[],
  { force = false, minutes = 60, ...routing }: Partial<Routing> & { force?: boolean; minutes?: number } = {},
): RetireRequest {
  const { environment, options } = requestOf([]);
  return { environment, options, sinceSwitchMs: minutes * 60_000, force, facts: factsOf(services, routing) };
}

test('what is kept warm must be stopped once it has finished its requests', () => {
  const plan = planRetire(request([api]));
  expect(shown(plan)).toMatchInlineSnapshot(`
    "Plan for production: stop 1 container of the release before: a rollback then starts it first

      touches container shop_api_1: api v1, up to 512 MiB

      1. wait until shop_api_1 has finished its requests, at most 30 s
         it gets no new ones; a connection of the load balancer is one that is not finished
      2. stop shop_api_1
         its memory is wanted more than a rollback within seconds"
  `);
  expect(plan.steps[1]).toMatchObject({
    do: { args: ['id-shop_api_1', 7] },
    undo: { method: 'startContainer' },
    timeoutMs: 27_000,
  });
});

test('what is stopped already must be left alone', () => {
  const previous = [made('a', { state: 'exited' }), made('b', { state: 'created' }), made('c', { state: 'dead' })];
  expect(shown(planRetire(request([{ ...api, previous }])))).toMatchInlineSnapshot(`
    "Plan for production: nothing is kept warm

      nothing to do"
  `);
  const paused = planRetire(request([{ ...api, previous: [made('p', { state: 'paused' })] }]));
  expect(paused.touches).toEqual(['container p: api v1']);
});

describe('the quick rollback', () => {
  const recent = { minutes: 10 };

  test('must not be given up soon after the switch, unless that is wanted', () => {
    expect(() => planRetire(request([api], recent))).toThrow(
      expect.objectContaining({
        code: 'UNSAFE',
        message: 'the last switch was 10 min ago; the release before is kept warm for 15 min',
      }),
    );
    expect(planRetire(request([api], { ...recent, force: true })).steps).toHaveLength(2);
  });

  test('must not be told of the future when clocks differ', () => {
    expect(() => planRetire(request([api], { minutes: -0.1 }))).toThrow('was 0 ms ago');
  });

  test('must not be defended where there is none', () => {
    expect(planRetire(request([{ ...api, previous: [] }], recent)).summary).toBe('nothing is kept warm');
  });

  test('must not be that to what was rolled back: it may be stopped at any time', () => {
    const gone = [deployed('api', { colour: 'blue', version: 'v3', deploy: 2 })];
    const web = serviceFacts('web', { colour: 'green', live, previous: warm });
    expect(planRetire(request([{ ...api, previous: gone }], recent)).summary).toBe(
      'stop 1 container that no rollback goes back to',
    );
    const { summary, touches } = planRetire(request([{ ...api, previous: gone }, web], recent));
    expect(summary).toBe('stop 1 container that no rollback goes back to; the release before is kept warm');
    expect(touches).toEqual(['container shop_api-blue-r2: api v3']);
  });
});

describe('what runs of an older release', () => {
  const recent = { minutes: 10 };
  const older = [
    deployed('api', { colour: 'blue', version: 'v0', deploy: 1 }, { stopSeconds: 9 }),
    deployed('api', { colour: 'green', version: 'v1', deploy: 2 }, { state: 'exited' }),
  ];

  test('must be stopped at any time, and the quick rollback be kept', () => {
    expect(shown(planRetire(request([{ ...api, older }], recent)))).toMatchInlineSnapshot(`
      "Plan for production: stop 1 container that no rollback goes back to; the release before is kept warm

        touches container shop_api-blue-r1: api v0

        1. wait until shop_api-blue-r1 has finished its requests, at most 30 s
           it gets no new ones; a connection of the load balancer is one that is not finished
        2. stop shop_api-blue-r1
           no rollback goes back to it"
    `);
  });

  test('must not be waited for where it shares what is live', () => {
    const beside = [deployed('api', { colour: 'green', version: 'v1', deploy: 2 })];
    const { steps } = planRetire(request([{ ...api, older: beside }], recent));
    expect(steps.map(({ id, why }) => `${id}: ${why}`)).toEqual([
      'engine.stop:shop_api-green-r2: it shares the network name of what is live and gets requests of it; no rollback goes back to it',
    ]);
  });

  test('must be stopped with the release before, once that may be', () => {
    const plan = planRetire(request([{ ...api, older }]));
    expect(plan.summary).toBe(
      'stop 1 container that no rollback goes back to; stop 1 container of the release before: a rollback then starts it first',
    );
    expect(ids(plan).filter((id) => id.startsWith('engine.stop:'))).toEqual([
      'engine.stop:shop_api-blue-r1',
      'engine.stop:shop_api_1',
    ]);
    expect(ids(planRetire(request([{ ...api, older }], { ...recent, force: true })))).toHaveLength(4);
  });

  test('must be stopped where nothing is kept warm', () => {
    expect(planRetire(request([{ ...api, previous: [], older }], recent)).summary).toBe(
      'stop 1 container that no rollback goes back to',
    );
  });
});
