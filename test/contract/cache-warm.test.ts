/** A cache is filled by asking a service that keeps what it answers; real servers, and a service that reads through. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';

import { openHttp } from '../../src/adapters/http/open.ts';
import { openWarm } from '../../src/cache/warm.ts';
import type { Warming, WarmWriter } from '../../src/core/ports/warm.ts';
import { whyNoDebian } from '../support/debian.ts';
import { fakeDatabase } from '../support/fakes/database.ts';
import { openServers } from '../support/http-servers.ts';
import { cacheReader, platformOf } from '../support/readers.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';

/** A shop that keeps product:<id> in its cache when it was asked for /product/<id>; 404 from 900 on, 500 from 2000 on. */
interface Shop {
  redis: RedisServer;
  warm: WarmWriter;
  database: ReturnType<typeof fakeDatabase>;
  asked: string[];
  /** The most requests that it had at a time. */
  most(): number;
  /** How long an answer takes from now on, in ms. */
  slow(ms: number): void;
  warming(from: number, to: number, more?: Partial<Warming>): Warming;
}

async function openShop(): Promise<Shop> {
  const redis = await startRedis({});
  const servers = openServers();
  onTestFinished(async () => {
    await servers.close();
    await redis.stop();
  });
  const client = redis.client();
  const asked: string[] = [];
  let [now, most, ms] = [0, 0, 0];
  const url = await servers.http((request, response) => {
    void (async () => {
      const path = request.url ?? '';
      asked.push(path);
      now += 1;
      most = Math.max(most, now);
      const id = Number(/^\/product\/(\d+)$/.exec(path)?.[1]);
      await sleep(ms);
      const status = id < 900 ? 200 : id < 2000 ? 404 : 500;
      if (status === 200 && (await client.get(`product:${id.toString()}`)) === null)
        await client.set(`product:${id.toString()}`, 'x', 'EX', 600);
      now -= 1;
      response.writeHead(status).end(`product ${id.toString()}`);
    })();
  });
  const database = fakeDatabase({ main: {} });
  const platform = platformOf({
    databases: { main: { service: 'postgres' } },
    caches: { main: { service: 'redis' }, second: { service: 'redis' } },
  });
  const readers = {
    database,
    cache: cacheReader({ main: redis.url(), second: redis.url() }),
    http: openHttp({ directory: '/' }),
  };
  return {
    ...{ redis, database, asked, warm: openWarm(readers as never, platform) },
    most: () => most,
    slow: (given) => (ms = given),
    warming: (from, to, more = {}) => ({
      cache: 'main',
      targets: Array.from({ length: to - from + 1 }, (_, index) => {
        const id = (from + index).toString();
        return { url: `${url}/product/${id}`, key: `product:${id}` };
      }),
      ...{ concurrency: 4, timeoutMs: 5000, p99Ms: 3000, ...more },
    }),
  };
}

const why = whyNoDebian();
describe.skipIf(why !== undefined)(why ?? 'warming', () => {
  test('must fill the cache, ask for nothing that is there, and tell how much is found before and after', async () => {
    const { redis, warm, asked, warming, most } = await openShop();
    await redis.client().set('product:7', 'x');
    const visitor = redis.client();
    // The last one may be on its way when the server ends.
    const visit = setInterval(() => void visitor.get('product:40').catch(() => undefined), 20);
    onTestFinished(() => clearInterval(visit));
    const before = await warm.hitsBefore('main');
    expect([before?.hits, (before?.reads ?? 0) > 20]).toEqual([0, true]);
    expect(await warm.ask(warming(1, 120))).toBe('119 URLs asked for, 1 were there');
    expect([asked.length, asked.includes('/product/7'), most()]).toEqual([119, false, 4]);
    expect(await redis.client().dbsize()).toBe(120);
    const { after, ...told } = await warm.warmed('main');
    expect(told).toMatchObject({ asked: 119, failed: 0, there: 1, unfilled: 0, before });
    expect(after?.hits).toBe(after?.reads);
    expect(after?.reads).toBeGreaterThan(20);
    // Again, as when it is gone on with.
    expect(await warm.ask(warming(1, 120))).toBe('0 URLs asked for, 120 were there');
  });

  test('must tell of answers that fill nothing', async () => {
    const { warm, warming } = await openShop();
    const elsewhere = warming(1, 30).targets.map(({ url }) => ({ url, key: 'another' }));
    expect(await warm.ask(warming(1, 1, { targets: elsewhere }))).toBe('30 URLs asked for, 30 did not fill their key');
  });

  test.each<[string, number, RegExp]>([
    ['fail', 2000, /^stopped: \d+ of the last \d+ answers are failures, the last: .*answers 500$/],
    ['are not found', 900, /answers 404$/],
  ])('must stop soon where the answers %s', async (_what, from, message) => {
    const { warm, warming, asked } = await openShop();
    await expect(warm.ask(warming(from, from + 499))).rejects.toMatchObject({
      ...{ code: 'UNSAFE', message: expect.stringMatching(message) as unknown },
    });
    expect(asked.length).toBeLessThan(30);
  });

  test('must fail where too many answers do, however few there are', async () => {
    const { warm, warming } = await openShop();
    await expect(warm.ask(warming(2000, 2004))).rejects.toMatchObject({
      ...{
        code: 'UNSAFE',
        message: expect.stringMatching(/^stopped: 5 of 5 answers are failures, the last: .*500$/) as unknown,
      },
      details: { done: '5 URLs asked for, 5 failed', left: 0 },
    });
    await expect(warm.ask(warming(899, 900))).rejects.toMatchObject({
      message: expect.stringMatching(/^stopped: 1 of 2 answers are failures, the last: .*404$/) as unknown,
    });
  });

  test('must know what was asked for of each cache', async () => {
    const { warm, warming } = await openShop();
    await warm.ask(warming(1, 5));
    await warm.ask({ ...warming(6, 7), cache: 'second' });
    expect([(await warm.warmed('main')).asked, (await warm.warmed('second')).asked]).toEqual([5, 2]);
  });

  test('must bear single failures', async () => {
    const { warm, warming } = await openShop();
    const one = warming(2000, 2000).targets;
    const told = await warm.ask(warming(1, 1, { targets: [...warming(1, 60).targets, ...one] }));
    expect(told).toBe('61 URLs asked for, 1 failed');
  });

  test('must stop where the answers take too long', async () => {
    const { warm, warming, asked, slow } = await openShop();
    slow(60);
    await expect(warm.ask(warming(1, 500, { p99Ms: 50 }))).rejects.toMatchObject({
      message: expect.stringMatching(/one in a hundred answers takes \d+ ms or more, above 50 ms$/) as unknown,
    });
    expect(asked.length).toBeLessThan(30);
  });

  test('must stop where a database gets into trouble meanwhile, and say how much is left', async () => {
    const { warm, warming, asked, database, slow } = await openShop();
    slow(100);
    const trouble = sleep(500).then(() => (database.state['main'] = { connections: 97 }));
    await expect(warm.ask(warming(1, 800))).rejects.toMatchObject({
      code: 'UNSAFE',
      message: expect.stringMatching(/^stopped: database main connections: 97 of 97/) as unknown,
      details: { left: expect.any(Number) as unknown, done: expect.stringMatching(/URLs asked for/) as unknown },
    });
    await trouble;
    expect(asked.length).toBeLessThan(400);
  });

  test('must go on with fewer at a time where something is not well any more', async () => {
    const { warm, warming, asked, database, slow } = await openShop();
    await warm.inTheWay('main');
    database.state['main'] = { connections: 80 };
    slow(100);
    const going = warm.ask(warming(1, 800)).catch(() => 'stopped');
    // 4 at a time until the first look, then 2, then 1: without that it would be 40 a second all the time.
    await sleep(6500);
    const [before, , after] = [asked.length, await sleep(1000), asked.length];
    expect([after - before > 0, after - before <= 15]).toEqual([true, true]);
    database.state['main'] = { connections: 97 };
    expect(await going).toBe('stopped');
  });

  test('must stop where keys have to make room for it', async () => {
    const { redis, warm, warming, slow } = await openShop();
    const client = redis.client();
    await client.config('SET', 'maxmemory-policy', 'allkeys-lru');
    const used = Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1]);
    await warm.inTheWay('main');
    await client.config('SET', 'maxmemory', (used + 2_000_000).toString());
    slow(20);
    const fill = setInterval(
      () => void client.set(`more:${Math.random().toString()}`, 'x'.repeat(50_000)).catch(() => undefined),
      5,
    );
    onTestFinished(() => clearInterval(fill));
    await expect(warm.ask(warming(1, 890))).rejects.toMatchObject({
      message: expect.stringContaining('cache main evictions: keys have to make room') as unknown,
    });
  });
});
