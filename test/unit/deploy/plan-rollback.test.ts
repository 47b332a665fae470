import { describe, expect, test } from 'vitest';

import { planRollback, type RollbackRequest } from '../../../src/deploy/plan-rollback.ts';
import { deployed, factsOf, ids, made, requestOf, serviceFacts, shown, wanted } from './facts.ts';
import type { ServiceFacts } from '../../../src/deploy/observe.ts';

const v2 = deployed('api', { colour: 'green', version: 'v2', deploy: 1 });
const api = serviceFacts('api', { colour: 'green', live: [v2], previous: [made('shop_api_1')] });
const web = serviceFacts('web', {
  colour: 'green',
  live: [deployed('web', { colour: 'green', version: 'v2', deploy: 1 })],
  previous: [made('shop_web_1', { service: 'web', image: 'shop/web:v1' })],
});

function request(services: ServiceFacts[], force = false, ...named: string[]): RollbackRequest {
  const { environment, options } = requestOf([]);
  const all = services.map((one) => wanted(one));
  return { environment, options, force, named, facts: factsOf(services), services: all };
}

describe('the plan of a rollback', () => {
  test('must ask the version before once, and switch to it', () => {
    expect(shown(planRollback(request([api])))).toMatchInlineSnapshot(`
      "Plan for production: roll back api v2 → v1

        touches service api v2 → v1
        touches load balancer nginx: api blue

        1. see that shop_api_1 serves, and ask the version before through the load balancer:
           http://127.0.0.1:8080/api/health (blue)
           visitors must not be the first to ask; --force goes back without, where it is as ill as the
           live one
        2. nginx sends traffic to api blue
           one rename, seen by the next request; no reload
        3. set API_VERSION=v1 in .env
           else the next docker-compose up would bring the old version back"
    `);
  });

  test('must see that what runs of it serves, in one step, also where there is no URL to ask', () => {
    const previous = [made('a', { health: 'unhealthy' }), made('b')];
    const given = request([{ ...api, previous }]);
    const without = { ...given, services: given.services.map((one) => ({ ...one, smoke: [] })) };
    const plan = planRollback(without);
    expect(ids(plan)).toEqual(['release.answers', 'lb.route:nginx', 'files.variable:API_VERSION']);
    expect(plan.steps[0]).toMatchObject({
      describe: 'see that a and b serve',
      verify: { method: 'answers', args: [{ asks: [], containers: ['a', 'b'] }] },
    });
    expect(ids(planRollback({ ...without, force: true }))).not.toContain('release.answers');
  });

  test('must send visitors to what runs where nothing runs that they are sent to, whichever release is newer', () => {
    const previous = [deployed('api', { colour: 'blue', version: 'v2', deploy: 2 })];
    for (const live of [[], [{ ...v2, state: 'exited' as const }]]) {
      const stranded = { ...api, live, previous };
      expect(planRollback(request([stranded, web])).summary).toBe(
        `roll back api ${live.length === 0 ? 'nothing' : 'v2'} → v2`,
      );
    }
    expect(() => planRollback(request([{ ...api, previous }]))).toThrow(/rolled back already|before the live one/);
  });

  test('must start first what was stopped, and stop that again when the rollback fails', () => {
    const previous = [made('shop_api_1', { state: 'exited', stopSeconds: 5 })];
    const plan = planRollback(request([{ ...api, previous }]));
    expect(shown(plan)).toMatchInlineSnapshot(`
      "Plan for production: roll back api v2 → v1

        touches service api v2 → v1
        touches load balancer nginx: api blue
        touches container shop_api_1: is stopped: it is started first, until it serves

        1. start shop_api_1
           it was stopped after the last deploy
        2. wait until shop_api_1 serves
           its own health check decides
        3. ask the version before through the load balancer: http://127.0.0.1:8080/api/health (blue)
           visitors must not be the first to ask; --force goes back without, where it is as ill as the
           live one
        4. nginx sends traffic to api blue
           one rename, seen by the next request; no reload
        5. set API_VERSION=v1 in .env
           else the next docker-compose up would bring the old version back"
    `);
    expect(plan.steps[0]?.undo).toEqual({ port: 'engine', method: 'stopContainer', args: ['id-shop_api_1', 5] });
  });

  test('must take all services of the release back in one switch, and no other', () => {
    const jobs = serviceFacts('jobs', { previous: [made('old', { image: 'shop/jobs:v0' })] });
    const plan = planRollback(request([api, web, jobs]));
    expect(plan.summary).toBe('roll back api v2 → v1, web v2 → v1');
    expect(plan.steps.find(({ id }) => id === 'lb.route:nginx')?.do?.args[2]).toEqual({
      live: { api: 'blue', web: 'blue', jobs: 'blue' },
    });
    expect(ids(plan).filter((id) => id.startsWith('files.'))).toEqual([
      'files.variable:API_VERSION',
      'files.variable:WEB_VERSION',
    ]);
  });

  test('must go back to another image of the same version, and say which', () => {
    const tag = { version: 'latest', deploy: 2 };
    const live = [deployed('api', { ...tag, colour: 'green' }, { imageId: `sha256:${'b'.repeat(64)}` })];
    const previous = [deployed('api', { ...tag, colour: 'blue', deploy: 1 }, { imageId: `sha256:${'a'.repeat(64)}` })];
    expect(planRollback(request([{ ...api, live, previous }])).summary).toBe(
      'roll back api latest (sha256:bbbbbbbbbbbb) → latest (sha256:aaaaaaaaaaaa)',
    );
  });

  test('must leave out a service of an earlier release', () => {
    const later = serviceFacts('web', {
      live: [deployed('web', { colour: 'blue', version: 'v3', deploy: 2 })],
      previous: web.live,
    });
    expect(planRollback(request([api, later])).summary).toBe('roll back web v3 → v2');
  });

  test('must leave the variable alone when the version before is not one', () => {
    const previous = [made('a'), made('b', { image: 'shop/api:v0' })];
    const plan = planRollback(request([{ ...api, previous }]));
    expect(plan.summary).toBe('roll back api v2 → several versions');
    expect(ids(plan)).not.toContain('files.variable:API_VERSION');
  });
});

describe('there must be nothing to go back to', () => {
  test.each<[string, ServiceFacts]>([
    ['before the first deploy', serviceFacts('api')],
    ['when the release before is gone', { ...api, previous: [] }],
    [
      'when the other has the same version from the same image',
      { ...api, previous: [made('shop_api_1', { image: 'shop/api:v2' })] },
    ],
  ])('%s', (_when, facts) => {
    expect(() => planRollback(request([facts]))).toThrow(
      expect.objectContaining({
        code: 'UNSAFE',
        message: 'there is no release before the live one to go back to',
        hint: 'Deploy the version that you want instead: opsctl deploy blue-green --version <version>',
      }),
    );
  });

  test('when the other release is newer, which is told: it was rolled back itself', () => {
    const back = serviceFacts('api', { colour: 'blue', live: api.previous, previous: [v2] });
    expect(() => planRollback(request([back]))).toThrow(
      expect.objectContaining({
        code: 'UNSAFE',
        message:
          'there is no release before the live one to go back to: api v2, which is still there, was rolled back itself',
        hint: 'To have it again: opsctl deploy blue-green --version v2 --service api. Deploy the version that you want instead: opsctl deploy blue-green --version <version>',
      }),
    );
  });
});

describe('after a rollback', () => {
  const r3 = deployed('web', { colour: 'blue', version: 'v3', deploy: 3 });
  const apiR2 = { ...api, live: [deployed('api', { colour: 'green', version: 'v2', deploy: 2 })] };
  /** Its release 3 was rolled back to release 1. */
  const webBack: ServiceFacts = { ...web, previous: [r3] };

  test('the next one must not take back another release, which nobody meant', () => {
    expect(() => planRollback(request([apiR2, webBack]))).toThrow(
      expect.objectContaining({
        code: 'UNSAFE',
        message: 'the newest release, web v3, is not live: it was rolled back already',
        hint: 'To go further back, name the service: opsctl deploy blue-green --rollback --service api',
      }),
    );
  });

  test('that other release must go back when its service is named', () => {
    expect(planRollback(request([apiR2, webBack], false, 'api')).summary).toBe('roll back api v2 → v1');
  });

  test('of one service, the rest of the same release must go back', () => {
    const apiR3 = { ...api, live: [deployed('api', { colour: 'green', version: 'v3', deploy: 3 })] };
    expect(planRollback(request([apiR3, webBack])).summary).toBe('roll back api v3 → v1');
  });

  test('of several releases, the newest must be named', () => {
    const jobs = serviceFacts('jobs', { previous: [deployed('jobs', { colour: 'green', version: 'v9', deploy: 4 })] });
    expect(() => planRollback(request([apiR2, webBack, jobs]))).toThrow('the newest release, jobs v9, is not live');
  });
});

describe('services that are named', () => {
  test('must go back alone, though their release had others', () => {
    expect(planRollback(request([api, web], false, 'web')).summary).toBe('roll back web v2 → v1');
    expect(planRollback(request([api, web], false, 'web', 'api')).summary).toBe('roll back api v2 → v1, web v2 → v1');
  });

  test.each<[string, ServiceFacts]>([
    ['nothing before', { ...web, previous: [] }],
    ['been rolled back themselves', { ...web, colour: 'blue', live: web.previous, previous: web.live }],
    [
      'the same version from the same image before',
      { ...web, previous: [made('shop_web_1', { image: 'shop/web:v2' })] },
    ],
  ])('must be refused together when one of them has %s', (_what, stuck) => {
    expect(() => planRollback(request([api, stuck], false, 'api', 'web'))).toThrow(
      expect.objectContaining({
        code: 'UNSAFE',
        message: expect.stringMatching(/^there is no release of web before the live one to go back to/),
      }),
    );
  });
});

describe('a release that forbids a rollback', () => {
  const labels = { 'opsctl.rollback.forbidden': 'column dropped' };
  const forbidden: ServiceFacts = {
    ...api,
    live: [deployed('api', { colour: 'green', version: 'v2', deploy: 1 }, { labels })],
  };

  test('must be refused with its reason, unless that is overruled', () => {
    expect(() => planRollback(request([forbidden]))).toThrow(
      expect.objectContaining({ code: 'UNSAFE', message: 'api must not be rolled back past v2: column dropped' }),
    );
    expect(() => planRollback(request([forbidden], false, 'api'))).toThrow('column dropped');
    expect(planRollback(request([forbidden], true)).summary).toMatch(/^roll back api v2 → v1/);
  });

  test('must not be one when the reason is empty, or it is the release before', () => {
    const empty = [
      deployed('api', { colour: 'green', version: 'v2', deploy: 1 }, { labels: { 'opsctl.rollback.forbidden': '' } }),
    ];
    expect(planRollback(request([{ ...api, live: empty }])).steps).not.toEqual([]);
    expect(planRollback(request([{ ...api, previous: [made('shop_api_1', { labels })] }])).steps).not.toEqual([]);
  });
});

test('a rollback by force must not ask the version before, and say so', () => {
  const plan = planRollback(request([api], true));
  expect(ids(plan)).toEqual(['lb.route:nginx', 'files.variable:API_VERSION']);
  expect(plan.summary).toBe('roll back api v2 → v1, without asking the version before (--force)');
});

test('a rollback by force to what was stopped must let it start, and see that it does not end, healthy or not', () => {
  const previous = [made('shop_api_1', { state: 'exited' })];
  const { steps, touches } = planRollback(request([{ ...api, previous }], true));
  expect(steps.map(({ id, verify }) => [id, verify?.method])).toEqual([
    ['engine.start:shop_api_1', 'isRunning'],
    ['engine.staysUp:shop_api_1', 'staysUp'],
    ['lb.route:nginx', 'isRouted'],
    ['files.variable:API_VERSION', 'hasVariable'],
  ]);
  expect(touches).toContain('container shop_api_1: is stopped: it is started first');
});

describe('a variable that two services share', () => {
  const tag = { file: '.env', name: 'TAG', value: 'v2' };
  const shared = (services: ServiceFacts[], force: boolean, ...named: string[]): RollbackRequest => {
    const given = request(services, force, ...named);
    return { ...given, services: given.services.map((one) => ({ ...one, variable: tag })) };
  };

  test('must not be set for one of them that goes back alone', () => {
    expect(() => planRollback(shared([api, web], false, 'api'))).toThrow(
      expect.objectContaining({
        code: 'UNSAFE',
        message:
          'TAG in .env holds the version of api and of web: with api v1 and web v2 live, the next docker-compose up would change one of them',
        hint: 'Take them together: --service api --service web; or give each a variable of its own in the compose files; or accept it: --force',
      }),
    );
    expect(ids(planRollback(shared([api, web], true, 'api')))).toContain('files.variable:TAG');
  });

  test('must not be set when they go back to different versions', () => {
    const elsewhere = { ...web, previous: [made('shop_web_1', { service: 'web', image: 'shop/web:v0' })] };
    expect(() => planRollback(shared([api, elsewhere], false))).toThrow(
      expect.objectContaining({
        message: expect.stringContaining('with api v1 and web v0 live'),
        hint: 'Give each a variable of its own in the compose files; or accept it: --force',
      }),
    );
  });

  test('must be set once when they go back together', () => {
    expect(ids(planRollback(shared([api, web], false))).filter((id) => id.startsWith('files.'))).toEqual([
      'files.variable:TAG',
    ]);
  });
});
