import { describe, expect, test } from 'vitest';

import { type ChangeRecord, recordOf } from '../../../src/core/change.ts';
import type { Routing } from '../../../src/core/ports/load-balancer.ts';
import type { ServiceFacts } from '../../../src/deploy/observe.ts';
import { type Beside, platformDrift, type ServiceStatus, statusOf } from '../../../src/deploy/status.ts';
import { deployed, factsOf, made, serviceFacts } from './facts.ts';

const kept = { file: '.env', name: 'API_VERSION', value: 'v2' };
const live = [deployed('api', { colour: 'green', version: 'v2', deploy: 1 })];
const api = serviceFacts('api', { colour: 'green', live, previous: [made('shop_api_1')] });

const status = (
  more: Partial<ServiceFacts> = {},
  beside: Partial<Beside> = {},
  routing: Partial<Routing> = {},
): ServiceStatus => {
  const service = { ...api, ...more };
  return statusOf(service, factsOf([service], routing), { variable: kept, digest: undefined, ...beside });
};

test('what is live must be told with what a rollback goes back to', () => {
  expect(status({}, { digest: 'shop/api@sha256:9' })).toMatchInlineSnapshot(`
    {
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
});

describe('drift of the platform', () => {
  const drift = (services: ServiceFacts[], routing: Partial<Routing> = {}, unfinished?: ChangeRecord): string[] =>
    platformDrift(factsOf(services, routing), unfinished);
  const canary = { services: ['api'], percent: 5 };

  test('must be none where all agrees', () => {
    expect(drift([api])).toEqual([]);
    expect(drift([api], { canary })).toEqual([]);
    expect(drift([{ ...api, previous: [made('a', { state: 'exited' })] }])).toEqual([]);
  });

  test('must name a canary that gets traffic and does not run', () => {
    expect(drift([{ ...api, previous: [made('a', { state: 'exited' })] }], { canary })).toEqual([
      'a canary gets 5 % of the traffic of api, but no container of it runs in blue',
    ]);
  });

  test('must name a newer release that never started', () => {
    const created = made('a', { state: 'created', createdAt: '2026-02-01T00:00:00.000Z' });
    expect(drift([{ ...api, previous: [created] }])).toEqual([
      'api has containers of a newer release in blue that never started',
    ]);
    expect(drift([{ ...api, previous: [{ ...created, createdAt: '2025-01-01T00:00:00.000Z' }] }])).toEqual([]);
  });

  test('must name a change that was left in the middle', () => {
    const at = '2026-03-01T12:00:00.000Z';
    const plan = { target: 't', summary: 's', touches: [], steps: [] };
    const record = recordOf('20260301-1', [
      { type: 'begin', at, command: 'deploy canary', input: {}, actor: 'a', host: 'h', plan },
    ]);
    expect(drift([api], {}, record)).toEqual([
      'change 20260301-1 (deploy canary) was left in the middle, see opsctl history 20260301-1',
    ]);
  });
});
