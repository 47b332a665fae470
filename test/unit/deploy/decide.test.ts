import { describe, expect, test } from 'vitest';

import type { Readers } from '../../../src/core/ports.ts';
import type { Image } from '../../../src/core/ports/replicas.ts';
import { type Asked, decide, mustFit } from '../../../src/deploy/decide.ts';
import type { Facts, ServiceFacts } from '../../../src/deploy/observe.ts';
import type { Wanted } from '../../../src/deploy/request.ts';
import { fakeEngine, type FakeEngine } from '../../support/fakes/engine.ts';
import { fakeFiles } from '../../support/fakes/files.ts';
import { type FakeReplicas, fakeReplicas } from '../../support/fakes/replicas.ts';
import { contextOf, shop } from '../inspect/platform.ts';
import { factsOf, made, serviceFacts, wanted } from './facts.ts';

const image = (id: string, labels: Record<string, string> = {}): Image => ({
  id,
  labels,
  digests: [],
  ports: [],
  size: 1,
});

interface World {
  engine: FakeEngine;
  replicas: FakeReplicas;
  readers: Readers;
  facts: Facts;
  /** v2 of what is asked for, decided. */
  decided: (asked?: Partial<Asked>, parts?: object) => Promise<Wanted[]>;
}

/** Services whose image of v2 the engine has. */
function world(...services: ServiceFacts[]): World {
  const engine = fakeEngine();
  const replicas = fakeReplicas(engine);
  const facts = factsOf(services);
  for (const one of services.flatMap(({ live }) => live)) engine.add(one);
  for (const { name } of services) replicas.images.set(`shop/${name}:v2`, image(`sha256:${name}2`));
  const files = fakeFiles(new Map([['.env', { text: 'V=v1' }]]));
  const { readers } = contextOf({ engine, replicas, files });
  const decided: World['decided'] = async (asked = {}, parts = {}) =>
    await decide({ version: 'v2', services: [], noRollback: undefined, ...asked }, facts, shop(parts), readers);
  return { engine, replicas, readers, facts, decided };
}

const api = serviceFacts('api');
const web = serviceFacts('web');

describe('what is decided of a service', () => {
  test('must be its image, its check, its variable and what it needs', async () => {
    const live = [made('shop_api_1', { memoryLimit: 1000 })];
    const { decided } = world(serviceFacts('api', { live }));
    const parts = {
      compose: { project: 'shop', envFile: '.env' },
      services: {
        api: {
          health: 'http://127.0.0.1/health',
          smoke: ['/a?x=1', '/b'],
          versionVariable: 'V',
          metrics: 'shop-api',
          releaseCommand: { command: ['migrate'] },
        },
      },
    };
    expect(await decided({ noRollback: 'column dropped' }, parts)).toMatchObject([
      {
        version: 'v2',
        same: false,
        image: 'shop/api:v2',
        expects: 'sha256:api2',
        missing: false,
        noRollback: 'column dropped',
        variable: { file: '.env', name: 'V', value: 'v1' },
        releaseCommand: { command: ['migrate'], timeoutMs: 600_000 },
        metrics: 'shop-api',
        smoke: ['http://127.0.0.1/a?x=1', 'http://127.0.0.1/b'],
        memory: 1000,
      },
    ]);
  });

  test('must be of all services, or of those that are named', async () => {
    const { decided } = world(api, web);
    expect((await decided()).map(({ facts }) => facts.name)).toEqual(['api', 'web']);
    expect((await decided({ services: ['web'] })).map(({ facts }) => facts.name)).toEqual(['web']);
    await expect(decided({ services: ['db'] })).rejects.toMatchObject({
      code: 'USAGE',
      message: 'db is no deployable service',
      hint: 'Those are: api, web',
    });
  });

  test('must be refused where nothing is live that it could be made after', async () => {
    const { decided } = world(serviceFacts('api', { live: [] }));
    await expect(decided()).rejects.toMatchObject({
      code: 'UNSAFE',
      message: expect.stringContaining('no live container'),
    });
  });

  test('must count the memory that is used where no limit is set', async () => {
    const { memoryLimit: _limit, ...unlimited } = made('shop_api_1');
    const { decided, engine } = world(serviceFacts('api', { live: [unlimited] }));
    const usage = { cpus: 0, memory: 77, memoryDetail: {}, pids: 1, source: 'cgroup' } as const;
    engine.add({ name: 'shop_api_1', id: 'id-shop_api_1', usage });
    expect(await decided()).toMatchObject([{ memory: 77 }]);
  });
});

describe('the version that is live already', () => {
  const live = [made('shop_api_1', { image: 'shop/api:v2', imageId: 'sha256:api2' })];

  test('must be the same only from the same image', async () => {
    expect(await world(serviceFacts('api', { live })).decided()).toMatchObject([{ same: true }]);
    const rebuilt = [...live, made('shop_api_2', { image: 'shop/api:v2', imageId: 'sha256:old' })];
    expect(await world(serviceFacts('api', { live: rebuilt })).decided()).toMatchObject([{ same: false }]);
  });

  test('must be the same though a label of its image calls it otherwise', async () => {
    const labels = { 'org.opencontainers.image.version': '2.0.0' };
    const labelled = [made('shop_api_1', { image: 'shop/api:v2', imageId: 'sha256:api2', labels })];
    expect(await world(serviceFacts('api', { live: labelled })).decided()).toMatchObject([{ same: true }]);
  });

  test('must not be refused for what it would be when made a second time', async () => {
    const { decided, replicas } = world(serviceFacts('api', { live }));
    replicas.models.set('id-shop_api_1', { aliases: {}, published: [{ address: '', port: 80 }] });
    expect(await decided()).toMatchObject([{ same: true }]);
  });
});

describe('an image that the engine does not have', () => {
  test('must be pulled, as the registry knows it', async () => {
    const { decided, replicas } = world(api);
    replicas.images.clear();
    replicas.registry.set('shop/api:v2', 'sha256:digest');
    expect(await decided()).toMatchObject([{ missing: true, expects: 'sha256:digest' }]);
  });

  test('must be told to be nowhere, before anything is changed', async () => {
    const { decided, replicas } = world(api);
    replicas.images.clear();
    await expect(decided()).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message:
        'there is no image shop/api:v2: the engine does not have it, and its registry does not give it (the registry has no image shop/api:v2)',
      hint: 'Build or pull it, then deploy again: docker pull shop/api:v2',
    });
  });

  test('must not replace one that the engine has', async () => {
    const { decided, replicas } = world(api);
    replicas.registry.set('shop/api:v2', 'sha256:other');
    expect(await decided()).toMatchObject([{ missing: false, expects: 'sha256:api2' }]);
  });
});

describe('an image that forbids a rollback', () => {
  const label = 'opsctl.rollback.forbidden';

  test('must be believed, unless the user gives the reason', async () => {
    const { decided, replicas } = world(api);
    replicas.images.set('shop/api:v2', image('sha256:2', { [label]: 'by the image' }));
    expect(await decided()).toMatchObject([{ noRollback: 'by the image' }]);
    expect(await decided({ noRollback: 'by hand' })).toMatchObject([{ noRollback: 'by hand' }]);
    replicas.images.set('shop/api:v2', image('sha256:2', { [label]: '' }));
    expect((await decided())[0]).not.toHaveProperty('noRollback');
  });
});

describe('a port of the host', () => {
  test('must be refused, since two cannot have it', async () => {
    const { decided, replicas } = world(api);
    replicas.models.set('id-shop_api_1', { aliases: {}, published: [{ address: '0.0.0.0', port: 8080 }] });
    await expect(decided()).rejects.toMatchObject({
      code: 'UNSAFE',
      message: 'shop_api_1 takes port 8080 of the host, so a second api cannot run beside it',
    });
  });

  test('must be refused for one that has an address of its own', async () => {
    const { replicas, decided } = world(serviceFacts('api'));
    const alone = 'has the fixed address 172.18.0.9 on network shop';
    replicas.models.set('id-shop_api_1', { aliases: {}, published: [], alone });
    await expect(decided()).rejects.toMatchObject({
      code: 'UNSAFE',
      message: `shop_api_1 ${alone}, so a second api cannot run beside it`,
    });
  });

  test('must be none when the engine chooses it', async () => {
    const { decided, replicas } = world(api);
    replicas.models.set('id-shop_api_1', { aliases: {}, published: [{ address: '', port: 0 }] });
    expect(await decided()).toHaveLength(1);
  });
});

describe('memory', () => {
  const busy = (memory: number) => ({ cpus: 0, memory, memoryDetail: {}, pids: 1, source: 'cgroup' as const });
  const two = serviceFacts('api', { live: [made('a'), made('b')] });

  test('must suffice for what runs and every new replica', async () => {
    const { engine, readers } = world(two);
    engine.facts = { ...engine.facts, memory: 1000 };
    engine.add({ name: 'a', usage: busy(500) });
    engine.add({ name: 'stopped', state: 'exited', usage: busy(900) });
    await mustFit([wanted(two, { memory: 250 })], readers);
    await expect(mustFit([wanted(two, { memory: 251 })], readers)).rejects.toMatchObject({
      code: 'UNSAFE',
      message: 'there is not enough memory for two colours: 502 B more are needed, containers use 500 B of 1000 B',
      details: { needed: 502, used: 500, freed: 0, total: 1000 },
    });
  });

  test('of the release before must count as free, since it is stopped first', async () => {
    const warm = { ...two, previous: [made('old'), made('cold', { state: 'exited' })] };
    const { engine, readers } = world(warm);
    engine.facts = { ...engine.facts, memory: 1000 };
    engine.add({ name: 'a', id: 'id-a', usage: busy(300) });
    engine.add({ name: 'old', id: 'id-old', usage: busy(400) });
    engine.add({ name: 'cold', id: 'id-cold', state: 'exited', usage: busy(900) });
    await mustFit([wanted(warm, { memory: 350 })], readers);
    await expect(mustFit([wanted(warm, { memory: 351 })], readers)).rejects.toMatchObject({
      message:
        'there is not enough memory for two colours: 702 B more are needed, containers use 300 B of 1000 B once the release before, with 400 B, is stopped',
      details: { needed: 702, used: 300, freed: 400, total: 1000 },
    });
    await expect(mustFit([wanted(two, { memory: 350 })], readers)).rejects.toMatchObject({ code: 'UNSAFE' });
  });
});
