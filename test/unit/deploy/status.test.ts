import { describe, expect, test } from 'vitest';

import type { Routing } from '../../../src/core/ports/load-balancer.ts';
import type { SeenService, ServiceFacts } from '../../../src/deploy/observe.ts';
import { type Beside, type ServiceStatus, statusOf } from '../../../src/deploy/status.ts';
import { deployed, lookOf, made, serviceFacts } from './facts.ts';

const kept = { file: '.env', name: 'API_VERSION', value: 'v2' };
const live = [deployed('api', { colour: 'green', version: 'v2', deploy: 1 })];
const api = serviceFacts('api', { colour: 'green', live, previous: [made('shop_api_1')] });

const status = (
  more: Partial<ServiceFacts> = {},
  beside: Partial<Beside> = {},
  routing: Partial<Routing> = {},
): ServiceStatus => {
  const service = { ...api, ...more };
  return statusOf(service, lookOf([service], routing), { variable: kept, digest: undefined, moved: false, ...beside });
};

test('what is live must be told with what a rollback goes back to', () => {
  expect(status({}, { digest: 'shop/api@sha256:9' })).toMatchInlineSnapshot(`
    {
      "beside": null,
      "colour": "green",
      "digest": "shop/api@sha256:9",
      "drift": [],
      "previous": {
        "replicas": [
          {
            "colour": "blue",
            "health": "healthy",
            "name": "shop_api_1",
            "state": "running",
            "version": "v1",
          },
        ],
        "version": "v1",
        "warm": true,
      },
      "replicas": [
        {
          "colour": "green",
          "health": "healthy",
          "name": "shop_api-green-r1",
          "state": "running",
          "version": "v2",
        },
      ],
      "service": "api",
      "version": "v2",
      "weight": 100,
    }
  `);
});

describe('the image that is live', () => {
  test('must be told by its id where no registry knows it', () => {
    expect(status().digest).toBe('sha256:0');
  });

  test('must not be told where there are several, or none', () => {
    const several = [...live, made('x', { imageId: 'sha256:1' })];
    expect(status({ live: several }, { digest: 'shop/api@sha256:9' }).digest).toBeNull();
    expect(status({ live: [] }).digest).toBeNull();
  });
});

test('the share of new visitors must be what a canary leaves', () => {
  const canary = { services: ['api'], percent: 25 };
  expect(status({}, {}, { canary }).weight).toBe(75);
  expect(status({}, {}, { canary: { services: ['web'], percent: 25 } }).weight).toBe(100);
});

test('the release before must be warm only when all of it runs', () => {
  expect(status({ previous: [] }).previous).toBeNull();
  const half = [made('a'), made('b', { state: 'exited' })];
  expect(status({ previous: half }).previous?.warm).toBe(false);
});

describe('what no rollback goes back to must be told apart from what one does:', () => {
  const newer = [deployed('api', { colour: 'blue', version: 'v3', deploy: 2 })];

  test('a newer version, which was rolled back or is not live yet', () => {
    expect(status({ previous: newer })).toMatchObject({ previous: null, beside: { version: 'v3', warm: true } });
  });

  test('a canary, even where nothing runs of what is live', () => {
    const down = live.map((one) => ({ ...one, state: 'exited' as const }));
    const canary = { services: ['api'], percent: 5 };
    for (const now of [live, down])
      expect(status({ live: now, previous: newer }, {}, { canary })).toMatchObject({
        previous: null,
        beside: { version: 'v3' },
      });
    expect(status({ live: down, previous: newer })).toMatchObject({ previous: { version: 'v3' }, beside: null });
  });
});

describe('drift of a service', () => {
  test('must be none where all agrees', () => {
    expect(status().drift).toEqual([]);
    expect(status({}, { variable: { why: 'no envFile' } }).drift).toEqual([]);
  });

  test.each<[string, Partial<ServiceFacts>, string[]]>([
    [
      'without a container',
      { live: [] },
      ['the load balancer sends traffic to a colour in which api has no container'],
    ],
    [
      'with one that stopped',
      { live: [{ ...made('a', { image: 'api:v2' }), state: 'exited' }] },
      ['a is live and exited'],
    ],
    ['with an ill one', { live: [made('a', { image: 'api:v2', health: 'unhealthy' })] }, ['a is live and unhealthy']],
    [
      'with several versions',
      { live: [made('a', { image: 'api:v2' }), made('b', { image: 'api:v3' })] },
      ['its live containers run several versions'],
    ],
    [
      'of another version than its file says',
      { live: [made('a', { image: 'api:v3' })] },
      ['.env says API_VERSION=v2, but v3 is live: the next docker-compose up would change it'],
    ],
  ])('must be told %s', (_what, more, drift) => expect(status(more).drift).toEqual(drift));

  test('must be told of another version than its file says, which has been built anew since', () => {
    expect(status({ live: [made('a', { image: 'api:v3' })] }, { moved: true }).drift).toEqual([
      '.env says API_VERSION=v2, but v3 is live: the next docker-compose up would change it, and so would a deploy of v3, which is not the image any more that is live',
    ]);
  });
});

describe('a service whose live colour is not known', () => {
  const unplaced: SeenService = { ...api, colour: undefined, live: [...api.previous], previous: [] };
  const told = (more: Partial<SeenService> = {}): ServiceStatus =>
    statusOf({ ...unplaced, ...more }, lookOf([api]), {
      variable: { ...kept, value: 'v1' },
      digest: undefined,
      moved: false,
    });

  test('must be told by what runs, and not where visitors go', () => {
    expect(told()).toMatchObject({ colour: null, weight: null, previous: null, version: 'v1', drift: [] });
    expect(told().replicas.map(({ name }) => name)).toEqual(['shop_api_1']);
  });

  test('must have no version when what runs has several', () => {
    expect(told({ live: [...live, ...api.previous] })).toMatchObject({ version: null, digest: 'sha256:0', drift: [] });
  });

  test('must not call live what is ill or missing', () => {
    expect(told({ live: [made('a', { health: 'unhealthy' })] }).drift).toEqual(['a is unhealthy']);
    expect(told({ live: [] }).drift).toEqual(['no container of api runs']);
  });
});

test('the share must not be told where load balancers say different ones', () => {
  const look = lookOf([api]);
  const [first] = look.told;
  if (first === undefined) throw new Error('no load balancer');
  const canary = { services: ['api'], percent: 5 };
  const second = { ...first, said: { live: {}, generation: 1, since: '', canary } };
  const beside = { variable: kept, digest: undefined, moved: false };
  expect(statusOf(api, { ...look, told: [first, second] }, beside).weight).toBeNull();
  expect(statusOf(api, { ...look, told: [second, second] }, beside).weight).toBe(95);
});
