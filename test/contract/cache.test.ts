import http from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { CacheReader } from '../../src/core/ports/data.ts';
import { fakeCache } from '../support/fakes/cache.ts';
import { waitUntil } from '../support/process.ts';
import { cacheReader } from '../support/readers.ts';
import { startRedis, type RedisServer } from '../support/redis.ts';

type Reader = CacheReader & { close(): Promise<void> };

/** The adapter on a server given by URL; closed at the end of the test. */
const reader = (url: string): Reader => cacheReader({ main: url });

async function started(settings: Record<string, string | number> = {}): Promise<RedisServer> {
  const server = await startRedis(settings);
  onTestFinished(() => server.stop());
  return server;
}

/** What every implementation of the port must do. */
function contract(name: string, open: () => Reader): void {
  describe(`${name}: the port`, () => {
    test('ping must take time', async () => {
      expect(await open().ping('main')).toBeGreaterThan(0);
    });
    test('vitals must be whole and plausible', async () => {
      const vitals = await open().vitals('main');
      expect(vitals).toMatchObject({ product: 'redis', role: 'master', version: expect.stringMatching(/^\d+\.\d+/) });
      expect(vitals.memory).toBeGreaterThan(0);
      expect(vitals.clients).toBeGreaterThan(0);
      expect(vitals.maxClients).toBeGreaterThanOrEqual(vitals.clients ?? Number.NaN);
      expect(vitals.persistence.loading).toBe(false);
      expect(new Date(vitals.persistence.rdbLastSaveAt ?? '').toISOString()).toBe(vitals.persistence.rdbLastSaveAt);
    });
    test('what answers must be known', async () => {
      expect(await open().server('main')).toMatchObject({ product: 'redis', role: 'master', user: 'default' });
    });
    test('all parts must be had', async () => {
      const scan = { facts: ['bytes'], groups: true, keys: 10, ms: 5000, top: 1 } as const;
      const parts = ['memory', 'traffic', 'persistence', 'slowlog', 'latency', 'clients', 'scan'] as const;
      const look = await open().look('main', parts, scan);
      expect(Object.values(look.parts).map(({ is }) => is)).toEqual(parts.map(() => 'seen'));
      expect(new Date(look.at).toISOString()).toBe(look.at);
    });
    test('a cache that is not configured must be refused', async () => {
      await expect(open().ping('other')).rejects.toMatchObject({ code: 'NOT_CONFIGURED' });
    });
    test('the route must be known', async () => {
      expect(await open().route('main')).not.toBe('');
    });
  });
}

contract('fake', () => fakeCache({ main: {} }));

describe('Redis', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  contract('Redis', () => reader(server.url()));

  test('figures must be those of the server', async () => {
    const client = server.client();
    await client.mset('a', '1', 'b', '2');
    await client.select(3);
    await client.set('c', '3');
    await client.get('c');
    await client.get('nothing');
    const vitals = await reader(server.url()).vitals('main');
    expect(vitals).toMatchObject({ keys: 3, hits: 1, misses: 1, evictedKeys: 0 });
    expect(vitals.maxMemory).toBeNull();
    expect(await client.client('LIST')).toContain('name=opsctl');
  });

  test('one connection must serve all questions, and end with close', async () => {
    const cache = reader(server.url());
    await Promise.all([cache.ping('main'), cache.vitals('main'), cache.ping('main'), cache.route('main')]);
    const names = async (): Promise<number> =>
      String(await server.client().client('LIST')).split('name=opsctl').length - 1;
    expect(await names()).toBe(1);
    await cache.close();
    await waitUntil(
      async () => (await names()) === 0,
      () => 'the connection stays',
    );
  });

  test('a closed connection must be replaced without a word', async () => {
    const cache = reader(server.url());
    await cache.ping('main');
    await server.client().call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    expect(await cache.ping('main')).toBeGreaterThan(0);
  });

  test('a password that the server does not want must not matter', async () => {
    expect(await reader(server.url('', 'superfluous')).ping('main')).toBeGreaterThan(0);
  });

  test('a server that hangs must be a timeout, and be got over', async () => {
    const cache = reader(server.url());
    await cache.ping('main');
    process.kill(server.pid(), 'SIGSTOP');
    try {
      const before = performance.now();
      const [kept, fresh] = await Promise.allSettled([cache.ping('main'), reader(server.url()).ping('main')]);
      expect(performance.now() - before).toBeLessThan(10_000);
      expect(kept).toMatchObject({
        reason: { code: 'TIMED_OUT', hint: expect.stringContaining('where it is hosted') },
      });
      expect(fresh).toMatchObject({ reason: { code: 'TIMED_OUT' } });
    } finally {
      process.kill(server.pid(), 'SIGCONT');
    }
    expect(await cache.ping('main')).toBeGreaterThan(0);
  });
});

test('evictions and the limit must show', async () => {
  const server = await started({ maxmemory: '3mb', 'maxmemory-policy': 'allkeys-lru' });
  const client = server.client();
  for (let i = 0; i < 40; i++) await client.set(`key:${i}`, 'x'.repeat(100_000));
  const vitals = await reader(server.url()).vitals('main');
  expect(vitals).toMatchObject({ maxMemory: 3 * 1024 * 1024, evictionPolicy: 'allkeys-lru' });
  expect(vitals.evictedKeys ?? Number.NaN).toBeGreaterThan(0);
  expect(vitals.keys).toBe(40 - (vitals.evictedKeys ?? Number.NaN));
});

test('a slow command must be a timeout while it runs', async () => {
  const server = await started({ 'enable-debug-command': 'yes' });
  const cache = reader(server.url());
  await cache.ping('main');
  const other = server.client();
  await other.ping();
  const sleep = other.call('DEBUG', 'SLEEP', '4');
  await expect(cache.vitals('main')).rejects.toMatchObject({ code: 'TIMED_OUT' });
  await sleep;
});

test('a wrong or missing password must be told, and never shown', async () => {
  const server = await started({ requirepass: 'the-right-one' });
  await expect(reader(server.url()).ping('main')).rejects.toMatchObject({
    code: 'AUTH_FAILED',
    message: expect.stringContaining('wants a password'),
  });
  const error: unknown = await reader(server.url('', 'the-wrong-one'))
    .vitals('main')
    .catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'AUTH_FAILED', message: 'redis main refuses the password of user default' });
  expect(JSON.stringify(error) + String(error)).not.toContain('the-wrong-one');
  expect(await reader(server.url('', 'the-right-one')).ping('main')).toBeGreaterThan(0);
});

test('a user who may PING but not INFO must be told which permission is missing', async () => {
  const server = await started();
  await server.client().call('ACL', 'SETUSER', 'pinger', 'on', '>ping-secret', '+ping');
  const cache = reader(server.url('pinger', 'ping-secret'));
  expect(await cache.ping('main')).toBeGreaterThan(0);
  await expect(cache.vitals('main')).rejects.toMatchObject({
    code: 'REJECTED',
    message: 'redis main does not permit it to user pinger, which lacks +info',
    hint: 'Grant it: redis-cli ACL SETUSER pinger +info.',
  });
});

test('a server without room must say so', async () => {
  const server = await started({ maxclients: 1 });
  await server.client().ping();
  await expect(reader(server.url()).ping('main')).rejects.toMatchObject({
    code: 'NOT_READY',
    message: expect.stringContaining('max number of clients'),
  });
});

test('a server that loads its data must be not ready, and its vitals say why', async () => {
  const server = await started({
    'enable-debug-command': 'yes',
    'key-load-delay': 300,
    'loading-process-events-interval-bytes': 1024,
  });
  const client = server.client();
  await client.call('DEBUG', 'POPULATE', '30000', 'key', '200');
  await client.save();
  client.disconnect();
  await server.kill('SIGKILL');
  server.launch();
  const cache = reader(server.url());
  await waitUntil(
    () =>
      cache.ping('main').then(
        () => false,
        (error: { code: string }) => error.code === 'NOT_READY',
      ),
    () => 'the server never says that it loads',
  );
  await expect(cache.ping('main')).rejects.toMatchObject({
    code: 'NOT_READY',
    message: 'redis main loads its data from disk',
  });
  expect((await cache.vitals('main')).persistence.loading).toBe(true);
});

test('a replica must say that it is one', async () => {
  const master = await started();
  const replica = await started({ replicaof: `127.0.0.1 ${master.port}` });
  expect((await reader(replica.url()).vitals('main')).role).toBe('slave');
});

test('a key whose name is as long as a value must be told with how to find it, for no scan gets past', async () => {
  const server = await started();
  const client = server.client();
  await client.mset('a', '1', `blob:${'x'.repeat(5 * 2 ** 20)}`, '2');
  const cache = reader(server.url());
  const request = { facts: ['bytes' as const], groups: false, keys: 100, ms: 5000, top: 5 };
  const told = expect.stringMatching(/longer than 4.00 MiB, .* redis-cli --scan \| awk/) as string;
  expect((await cache.look('main', ['scan'], request)).parts.scan).toMatchObject({ is: 'unknown', reason: told });
  const writer = cacheReader({ main: server.url() });
  // The server itself passes over what does not match.
  expect(await writer.flush('main', { pattern: 'a', database: 0 }, 5000)).toBe('1 key');
  await expect(writer.flush('main', { pattern: 'b*', database: 0 }, 5000)).rejects.toMatchObject({
    ...{ code: 'BAD_ANSWER', message: told, hint: expect.stringContaining('run it again') as string },
  });
});

test('what is no cache must be told from one', async () => {
  const web = http.createServer();
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void web.close());
  const { port } = web.address() as AddressInfo;
  await expect(reader(`redis://127.0.0.1:${port}`).ping('main')).rejects.toMatchObject({
    code: 'BAD_ANSWER',
    message: 'redis main does not answer as Redis or Valkey do: an answer of no known kind',
    hint: expect.stringContaining('opsctl config check'),
  });
});

test('nothing at the address must be unreachable', async () => {
  await expect(reader('redis://127.0.0.1:1').ping('main')).rejects.toMatchObject({
    code: 'UNREACHABLE',
    message: 'redis main refuses connections at 127.0.0.1:1',
  });
});
