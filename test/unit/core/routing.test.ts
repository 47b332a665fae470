import { describe, expect, test } from 'vitest';

import type { Container } from '../../../src/core/ports/engine.ts';
import type { Route } from '../../../src/core/ports/load-balancer.ts';
import {
  colourIn,
  colourOf,
  deployableServices,
  instances,
  mountOf,
  places,
  replicasOfBalancer,
  sameRoute,
} from '../../../src/core/routing.ts';
import { container } from '../../support/containers.ts';
import { shop } from '../inspect/platform.ts';

const mount = (source: string, target: string, volume?: string): Container['volumes'][number] => ({
  source,
  target,
  readOnly: false,
  ...(volume === undefined ? {} : { volume }),
});
const nginx = (name: string, ...volumes: Container['volumes']): Container =>
  container({ id: `id-${name}`, name, project: 'shop', service: 'nginx', volumes });

describe('instances', () => {
  const shared = mount('/var/lib/docker/volumes/state/_data', '/etc/opsctl', 'state');

  test('must be one for each place where the directory is, and the first by name for those that share one', () => {
    const all = [
      nginx('nginx-10', shared),
      nginx('nginx-2', shared),
      nginx('other-1', mount('/srv/lb', '/etc/opsctl')),
    ];
    expect(instances(shop(), all)).toEqual([
      { id: 'id-nginx-2', name: 'nginx-2', volume: 'state' },
      { id: 'id-other-1', name: 'other-1', volume: '/srv/lb' },
    ]);
  });

  test('must be each container itself where the directory is on no volume', () => {
    expect(instances(shop(), [nginx('a'), nginx('b', mount('/x', '/etc/opsctl2'))])).toEqual([
      { id: 'id-a', name: 'a' },
      { id: 'id-b', name: 'b' },
    ]);
  });

  test('must not take a file system in memory for a volume', () => {
    const [a, b] = [nginx('a', mount('', '/etc/opsctl')), nginx('b', mount('', '/etc/opsctl'))];
    expect(instances(shop(), [a, b])).toEqual([
      { id: 'id-a', name: 'a' },
      { id: 'id-b', name: 'b' },
    ]);
  });

  test('must be of this platform and run', () => {
    const stopped: Container = { ...nginx('a', shared), state: 'exited' };
    const foreign: Container = { ...nginx('b', shared), project: 'crm' };
    expect(instances(shop(), [stopped, foreign, nginx('c', shared)]).map(({ name }) => name)).toEqual(['c']);
    expect(() => instances(shop(), [stopped, foreign])).toThrow(
      expect.objectContaining({
        code: 'UNSAFE',
        message: 'no container of the load balancer nginx runs',
        hint: 'Start it: opsctl service restart nginx',
      }),
    );
    expect(() => instances(shop(), [foreign])).toThrow(
      expect.objectContaining({ code: 'UNSAFE', hint: 'Start it: docker-compose up -d nginx' }),
    );
    expect(() => instances(shop({ loadBalancer: undefined }), [nginx('c')])).toThrow(
      expect.objectContaining({ code: 'NOT_CONFIGURED' }),
    );
  });
});

describe('places', () => {
  const stopped = (name: string): Container => ({ ...nginx(name), state: 'exited' });

  test('must be stopped containers where none runs, and no other', () => {
    expect(places(shop(), [stopped('b'), stopped('a')])).toEqual({
      instances: [
        { id: 'id-a', name: 'a' },
        { id: 'id-b', name: 'b' },
      ],
      running: false,
    });
    expect(places(shop(), [stopped('a'), nginx('b')])).toEqual({
      instances: [{ id: 'id-b', name: 'b' }],
      running: true,
    });
    expect(places(shop(), [])).toEqual({ instances: [], running: false });
  });

  test('must not be what once did something with its image', () => {
    const once: Container = { ...nginx('a'), labels: { 'com.docker.compose.oneoff': 'True' } };
    expect(places(shop(), [once, nginx('b')]).instances).toEqual([{ id: 'id-b', name: 'b' }]);
  });
});

test('all containers of the load balancer that run must be found, those that share a volume too', () => {
  const shared = mount('/var/lib/docker/volumes/state/_data', '/etc/opsctl', 'state');
  const stopped: Container = { ...nginx('a', shared), state: 'exited' };
  expect(replicasOfBalancer(shop(), [nginx('c', shared), stopped, nginx('b', shared)])).toEqual({
    instances: ['b', 'c'].map((name) => ({ id: `id-${name}`, name, volume: 'state' })),
    running: true,
  });
  expect(replicasOfBalancer(shop(), [stopped])).toMatchObject({ instances: [{ name: 'a' }], running: false });
});

describe('services that releases consist of', () => {
  test.each([
    ['a-b', 'a_b', 'a_b'],
    ['a.b', 'a-b', 'a_b'],
    ['Api', 'api', 'api'],
  ])('%s and %s must be refused, since nginx cannot tell them apart', (first, second, word) => {
    expect(() => deployableServices(shop({ services: { [first]: {}, web: {}, [second]: {} } }))).toThrow(
      expect.objectContaining({
        code: 'CONFIG_INVALID',
        message: `services ${first} and ${second} would have the same name in nginx: ${word}`,
        hint: expect.stringContaining(`service: ${second}`) as string,
      }),
    );
  });

  test('must be told apart where only one of them is deployable', () => {
    const services = { 'a-b': {}, a_b: { deployable: false } };
    expect(deployableServices(shop({ services })).map(([name]) => name)).toEqual(['a-b']);
  });
});

test('a directory must be found on the mount with the longest path above it', () => {
  const volumes = [mount('/a', '/'), mount('/b', '/etc/opsctl'), mount('/c', '/etc/')];
  expect(mountOf('/etc/opsctl', { volumes })?.source).toBe('/b');
  expect(mountOf('/etc/nginx', { volumes })?.source).toBe('/c');
  expect(mountOf('/var', { volumes })?.source).toBe('/a');
  expect(mountOf('/etc/opsctl-old', { volumes: [mount('/b', '/etc/opsctl')] })).toBeUndefined();
});

test('what nobody coloured must be blue', () => {
  expect(colourOf({ labels: {} })).toBe('blue');
  expect(colourOf({ labels: { 'opsctl.colour': 'red' } })).toBe('blue');
  expect(colourOf({ labels: { 'opsctl.colour': 'green' } })).toBe('green');
  expect(colourIn({ live: { api: 'green' } }, 'web')).toBe('blue');
});

describe('two routes must be the same', () => {
  const canary = (percent: number, ...services: string[]): Route => ({ live: {}, canary: { services, percent } });

  test.each<[string, Route, Route, boolean]>([
    ['when a service that is blue is not named', { live: { api: 'blue' } }, { live: {} }, true],
    ['not when a service is in another colour', { live: { api: 'green' } }, { live: {} }, false],
    ['when a canary names its services in another order', canary(5, 'api', 'web'), canary(5, 'web', 'api'), true],
    ['not with another share', canary(5, 'api'), canary(25, 'api'), false],
    ['not with another service', canary(5, 'api'), canary(5, 'web'), false],
    ['not with and without a canary', canary(5, 'api'), { live: {} }, false],
  ])('%s', (_when, a, b, same) => {
    expect(sameRoute(a, b)).toBe(same);
    expect(sameRoute(b, a)).toBe(same);
  });
});
