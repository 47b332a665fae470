/** What changes a cache, on real servers: what is named goes, and nothing else; and the looks tell what came of it. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { describe, expect, onTestFinished, test } from 'vitest';

import { lossOf } from '../../src/cache/restart-loss.ts';
import { whyNoDebian } from '../support/debian.ts';
import { cacheReader } from '../support/readers.ts';
import { failSave, REDIS, type Product, type RedisServer, startRedis } from '../support/redis.ts';

const products = Object.keys(REDIS) as Product[];
const MINUTE = 60_000;

describe.each(products)('%s', (product) => {
  const why = REDIS[product] === undefined ? undefined : whyNoDebian();
  describe.skipIf(why !== undefined)(why ?? 'changes', () => {
    const started = async (settings: Parameters<typeof startRedis>[0] = {}): Promise<RedisServer> => {
      const server = await startRedis(settings, product);
      onTestFinished(() => server.stop());
      return server;
    };

    test('a pattern must take what matches it, in every database or in one, however many there are', async () => {
      const server = await started();
      const client = server.client();
      for (let piece = 0; piece < 5; piece += 1)
        await client.mset(
          ...Array.from({ length: 2000 }, (_, at) => [`product:${(piece * 2000 + at).toString()}`, 'x']).flat(),
        );
      await client.mset('session:1', 'a', 'product', 'b', 'product[1]', 'c');
      await client.select(3);
      await client.mset('product:1', 'x', 'cart:1', 'y');
      const cache = cacheReader({ main: server.url() });
      expect(await cache.flush('main', { pattern: 'product:*', database: 3 }, MINUTE)).toBe('1 key');
      expect(await client.keys('*')).toEqual(['cart:1']);
      expect(await cache.flush('main', { pattern: 'product:*', database: 'all' }, MINUTE)).toBe('10000 keys');
      await client.select(0);
      expect((await client.keys('*')).toSorted()).toEqual(['product', 'product[1]', 'session:1']);
      // What looks afterwards looks at the first database, as before.
      expect((await cache.vitals('main')).keys).toBe(4);
      expect(await cache.flush('main', { pattern: String.raw`product\[1\]`, database: 0 }, MINUTE)).toBe('1 key');
      expect(await cache.flush('main', { pattern: 'product:*', database: 'all' }, MINUTE)).toBe('0 keys');
    });

    test('what cannot be gone through in time must say how far it came, and go on when it is done again', async () => {
      const server = await started();
      const client = server.client();
      await client.mset(...Array.from({ length: 20_000 }, (_, at) => [`p:${at.toString()}`, 'x']).flat());
      const cache = cacheReader({ main: server.url() });
      await expect(cache.flush('main', { pattern: 'p:*', database: 0 }, 5)).rejects.toMatchObject({
        ...{ code: 'TIMED_OUT', details: { outcome: 'part' } },
        message: expect.stringMatching(/\d+ keys? of redis main (?:is|are) gone, and others/) as unknown,
      });
      await cache.flush('main', { pattern: 'p:*', database: 0 }, MINUTE);
      expect(await client.dbsize()).toBe(0);
    });

    test('what would go must be counted before, by pattern and database', async () => {
      const server = await started();
      const client = server.client();
      await client.mset(
        ...Array.from({ length: 300 }, (_, at) => [`product:${at.toString()}`, 'x']).flat(),
        'cart:1',
        'x',
      );
      await client.select(2);
      await client.mset('product:1', 'x', 'product:2', 'x');
      const cache = cacheReader({ main: server.url() });
      const counted = async (which: object): Promise<unknown> => {
        const request = { facts: ['bytes' as const], groups: true, keys: 1000, ms: MINUTE, top: 1, ...which };
        const { scan } = (await cache.look('main', ['scan'], request)).parts;
        return scan.is === 'seen'
          ? [scan.value.scanned, scan.value.ended, scan.value.groups.map(({ form }) => form)]
          : scan;
      };
      expect(await counted({ pattern: 'product:*' })).toEqual([302, 'all', ['product:*']]);
      expect(await counted({ pattern: 'product:*', database: 2 })).toEqual([2, 'all', ['product:*']]);
      expect(await counted({ database: 0 })).toEqual([301, 'all', expect.arrayContaining(['product:*'])]);
      expect(await counted({ pattern: 'none:*' })).toEqual([0, 'all', []]);
      expect((await cache.vitals('main')).keys).toBe(303);
    });

    test('all must be gone from the snapshot at once, as is said before, where one database is not', async () => {
      const server = await started();
      const client = server.client();
      await client.config('SET', 'save', '3600 1000000');
      const [, folder = ''] = await client.config('GET', 'dir');
      const [, name = ''] = await client.config('GET', 'dbfilename');
      const has = async (): Promise<boolean> => (await readFile(path.join(folder, name))).includes('a-key-of-the-shop');
      const cache = cacheReader({ main: server.url() });
      for (const [what, still] of [
        [{ database: 0 }, true],
        [{ database: 'all' }, false],
      ] as const) {
        await client.set('a-key-of-the-shop', 'x');
        await client.save();
        expect(await has()).toBe(true);
        await cache.flush('main', what, MINUTE);
        expect([await client.dbsize(), await has()]).toEqual([0, still]);
      }
    });

    test('one database, or all, must be emptied', async () => {
      const server = await started();
      const client = server.client();
      for (const database of [0, 1, 2]) {
        await client.select(database);
        await client.set('k', 'v');
      }
      const cache = cacheReader({ main: server.url() });
      await cache.flush('main', { database: 1 }, MINUTE);
      expect((await cache.server('main')).databases?.map(({ index }) => index)).toEqual([0, 2]);
      await cache.flush('main', { database: 'all' }, MINUTE);
      expect((await cache.vitals('main')).keys).toBe(0);
    });

    test('the database of the URL must be the one that is meant, and no other', async () => {
      const server = await started();
      const client = server.client();
      for (const database of [0, 2]) {
        await client.select(database);
        await client.mset('product:1', 'x', `only:${database.toString()}`, 'x');
      }
      const cache = cacheReader({ main: `${server.url()}/2` });
      expect((await cache.server('main')).database).toBe(2);
      expect(await cache.exist('main', ['product:1', 'only:2', 'only:0'])).toEqual([true, true, false]);
      expect(await cache.flush('main', { pattern: 'product:*', database: 2 }, MINUTE)).toBe('1 key');
      // A look at another database in between leaves the connection where it was.
      await cache.flush('main', { pattern: 'nothing:*', database: 0 }, MINUTE);
      expect(await cache.exist('main', ['product:1', 'only:2'])).toEqual([false, true]);
      expect((await cache.vitals('main')).keys).toBe(3);
      const request = { facts: ['bytes' as const], groups: false, keys: 100, ms: MINUTE, top: 5 };
      const all = (await cache.look('main', ['scan'], request)).parts.scan;
      expect(all).toMatchObject({ value: { scanned: 3, total: 3 } });
      const one = (await cache.look('main', ['scan'], { ...request, database: 2 })).parts.scan;
      expect(one).toMatchObject({ value: { scanned: 1, total: 1, byBytes: [{ name: 'only:2', database: 2 }] } });
    });

    test('a database that is none must be told before anything is asked', async () => {
      const server = await started();
      const asked = (end: string): Promise<number> => cacheReader({ main: `${server.url()}${end}` }).ping('main');
      for (const end of ['/', '/0', '?db=0', '/3/', '?db=3']) expect(await asked(end)).toBeGreaterThan(0);
      await expect(asked('/cart')).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
      await expect(asked('/-1')).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
      await expect(asked('/99')).rejects.toMatchObject({
        ...{ code: 'CONFIG_INVALID', message: 'redis main has no database 99' },
        hint: expect.stringContaining('opsctl config check') as unknown,
      });
    });

    test('whether it is done must be seen where nobody had the answer, and what others write since be no failure', async () => {
      const server = await started();
      const client = server.client();
      await client.mset('p:1', 'x', 'q:1', 'x');
      const what = { pattern: 'p:*', database: 0 };
      const cache = cacheReader({ main: server.url() });
      await expect(cache.isFlushed('main', what)).rejects.toMatchObject({ code: 'UNSAFE' });
      expect(await cache.isFlushed('main', { database: 0 })).toBe(false);
      expect(await cache.isFlushed('main', { database: 'all' })).toBe(false);
      expect(await cache.isFlushed('main', { database: 4 })).toBe(true);
      await cache.flush('main', what, MINUTE);
      await client.set('p:2', 'x');
      expect(await cache.isFlushed('main', what)).toBe(true);
      // Another run does not know what the first one was answered.
      await expect(cacheReader({ main: server.url() }).isFlushed('main', what)).rejects.toThrow('are still there');
    });

    test('an interruption must end it soon, telling how far it came', async () => {
      const server = await started();
      const client = server.client();
      await client.mset(...Array.from({ length: 20_000 }, (_, at) => [`p:${at.toString()}`, 'x']).flat());
      const controller = new AbortController();
      setTimeout(() => controller.abort(), 5);
      const cache = cacheReader({ main: server.url() });
      const what = { pattern: 'p:*', database: 0 };
      const broken: unknown = await cache
        .flush('main', what, MINUTE, controller.signal)
        .catch((error: unknown) => error);
      const left = await client.dbsize();
      expect([left > 0, left < 20_000]).toEqual([true, true]);
      expect(broken).toMatchObject({
        ...{ code: 'INTERRUPTED', details: { outcome: 'part', removed: 20_000 - left } },
        message: `the removal was interrupted: ${(20_000 - left).toString()} keys of redis main are gone, and others that match may be left`,
      });
    });

    test('a limit of memory must hold at once, and be kept only where there is a file for it', async () => {
      const server = await started({ maxmemory: 100_000_000 });
      const cache = cacheReader({ main: server.url() });
      expect(await cache.hasMemoryLimit('main', 100_000_000)).toBe(true);
      await cache.setMemoryLimit('main', 200_000_000);
      expect([await cache.hasMemoryLimit('main', 200_000_000), (await cache.vitals('main')).maxMemory]).toEqual([
        true,
        200_000_000,
      ]);
      await expect(cache.keepSettings('main')).rejects.toMatchObject({ code: 'REJECTED' });
    });

    const lossIn = async (url: string): Promise<string | undefined> =>
      lossOf(await cacheReader({ main: url }).look('main', ['persistence']), 60);

    test('whether keys outlive a restart must be told', async () => {
      for (const [settings, loss] of [
        [{}, 'keeps nothing on disk: a restart would lose its 1 key'],
        [{ save: '3600 1' }, undefined],
        [{ appendonly: 'yes' }, undefined],
      ] as const) {
        const server = await started(settings);
        expect(await lossIn(server.url())).toBeUndefined();
        await server.client().set('k', 'v');
        expect([settings, await lossIn(server.url())]).toEqual([settings, loss]);
        await server.client().call('ACL', 'SETUSER', 'watcher', 'on', '>secret', '+ping', '+info');
        const hidden = await lossIn(server.url('watcher', 'secret'));
        // That there is an append-only file is told by INFO, too.
        if ('appendonly' in settings) expect(hidden).toBeUndefined();
        else expect(hidden).toBe('does not tell whether it keeps its 1 key on disk: a restart may lose them');
      }
    });

    test('a server that cannot save refuses to end, which must be told before it is killed for that', async () => {
      const server = await started({ save: '3600 1' });
      const client = server.client();
      await client.mset('a', '1', 'b', '2');
      await client.save();
      await client.set('c', '3');
      await failSave(server);
      expect(await lossIn(server.url())).toMatch(/^could not save the last time\. .* 1 change would be lost$/);
      process.kill(server.pid(), 'SIGTERM');
      await sleep(1500);
      expect((await client.info('server')).includes('redis_version')).toBe(true);
    });

    test('a server that is down does not answer, nor does one that refuses the password hide it', async () => {
      const server = await started({ requirepass: 'secret' });
      expect(await cacheReader({ main: server.url('', 'secret') }).answers('main')).toBe(true);
      await expect(cacheReader({ main: server.url('', 'wrong') }).answers('main')).rejects.toMatchObject({
        code: 'AUTH_FAILED',
      });
      await server.kill('SIGKILL');
      expect(await cacheReader({ main: server.url('', 'secret') }).answers('main')).toBe(false);
    });

    test('a user without the right must be told which one it lacks', async () => {
      const server = await started();
      await server
        .client()
        .call('ACL', 'SETUSER', 'watcher', 'on', '>secret', '~*', '+@read', '+ping', '+info', '+select');
      const cache = cacheReader({ main: server.url('watcher', 'secret') });
      await expect(cache.flush('main', { database: 'all' }, MINUTE)).rejects.toMatchObject({
        code: 'REJECTED',
        hint: expect.stringContaining('+flushall') as unknown,
      });
      await server.client().set('p:1', 'x');
      await expect(cache.flush('main', { pattern: 'p:*', database: 0 }, MINUTE)).rejects.toMatchObject({
        code: 'REJECTED',
        hint: expect.stringContaining('+unlink') as unknown,
      });
    });
  });
});
