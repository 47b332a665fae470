import { describe, expect, onTestFinished, test } from 'vitest';

import { hot } from '../../../src/cache/hot.ts';
import { keysBy } from '../../../src/cache/keys.ts';
import { ttl } from '../../../src/cache/ttl.ts';
import { pause } from '../../support/process.ts';
import type { Product, RedisServer } from '../../support/redis.ts';
import { startRedis } from '../../support/redis.ts';
import { reported, scanned } from './reported.ts';

export function keyReports(product: Product): void {
  const started = async (settings: Record<string, string | number> = {}): Promise<RedisServer> => {
    const server = await startRedis({ 'enable-debug-command': 'yes', ...settings }, product);
    onTestFinished(() => server.stop());
    return server;
  };

  describe('keys', () => {
    test('the largest must be found, whatever their type, name and database', async () => {
      const server = await started();
      const client = server.client();
      await client.call('DEBUG', 'POPULATE', '3000', 'user', '20');
      await client.hset(
        'cart:17',
        Object.fromEntries(Array.from({ length: 30_000 }, (_, n) => [`item:${n}`, 'x'.repeat(50)])),
      );
      await client.rpush('queue:mail', ...Array.from({ length: 12_000 }, (_, n) => `geheim-${n}`));
      await client.call('SET', Buffer.from([0x66, 0xff, 0x00, 0x1b]), 'x'.repeat(10_000_000));
      await client.select(3);
      await client.zadd('board', ...Array.from({ length: 20_000 }, (_, n) => [n, `player-${n}`]).flat());
      await client.set('gone', 'x'.repeat(20_000_000), 'PX', 3_600_000);

      const byBytes = await reported(server, keysBy('bytes'));
      expect(byBytes.status).toBe('warn');
      expect(byBytes.rows.slice(0, 3)).toMatchObject([
        { name: 'gone', database: 3, type: 'string', elements: null, expiresMs: expect.any(Number) as number },
        { name: 'f\\xff\\x00\\x1b', type: 'string' },
        { name: 'cart:17', database: 0, type: 'hash', elements: 30_000, expiresMs: null },
      ]);
      // What a shell would not take as it is is not suggested; the database is.
      expect(byBytes.findings.find(({ about }) => about.startsWith('f\\'))?.next).toEqual([]);
      expect(byBytes.findings.find(({ about }) => about === 'gone')?.next).toEqual([
        'redis-cli -n 3 GETRANGE gone 0 99',
      ]);

      const byElements = await reported(server, keysBy('elements'), { scan: { facts: ['elements', 'expiry'] } });
      expect(byElements.findings.slice(1).map(({ about }) => about)).toEqual(['cart:17', 'board', 'queue:mail']);
      expect(JSON.stringify([byBytes, byElements])).not.toContain('geheim');
    });

    test('kinds of keys must be told by the form of their names', async () => {
      const server = await started();
      const client = server.client();
      for (let n = 0; n < 50; n += 1) {
        await client.set(`session:${(n * 7919 + 1e9).toString(16)}`, 'x'.repeat(1000), 'EX', 1800);
        await client.set(`user:${n}:profile`, 'x');
      }
      const { rows } = await reported(server, keysBy('prefix'));
      expect(rows).toMatchObject([
        { name: 'session:*', keys: 50, expiring: 50 },
        { name: 'user:*:profile', keys: 50, expiring: 0 },
      ]);
    });

    test('a scan must end at its budget, and go on where it ended until all were seen', async () => {
      const server = await started();
      const client = server.client();
      await client.call('DEBUG', 'POPULATE', '3000', 'a', '20');
      await client.select(2);
      await client.call('DEBUG', 'POPULATE', '1500', 'b', '20');
      let cursor: string | undefined;
      let [seen, rounds] = [0, 0];
      do {
        const part = await scanned(server, { keys: 700, cursor });
        expect(part.total).toBe(4500);
        seen += part.scanned;
        cursor = part.cursor;
        rounds += 1;
        expect(part.ended).toBe(cursor === undefined ? 'all' : 'keys');
      } while (cursor !== undefined);
      // SCAN may give a key twice, never leave one out.
      expect(seen).toBeGreaterThanOrEqual(4500);
      expect(rounds).toBeGreaterThan(4);
      const quick = await scanned(server, { ms: 1 });
      expect([quick.ended, typeof quick.cursor]).toEqual(['time', 'string']);
    });

    test('a server that becomes slower must be left alone', async () => {
      const server = await started();
      await server.client().call('DEBUG', 'POPULATE', '400000', 'user', '20');
      const scan = scanned(server, {}, { asItEnds: true });
      const busy = server.client();
      const done = new AbortController();
      const load = (async () => {
        await pause(500);
        while (!done.signal.aborted) await Promise.all([0, 0].map(() => busy.call('DEBUG', 'SLEEP', '0.03')));
      })();
      const { ended, scanned: count, cursor } = await scan;
      done.abort();
      await load;
      expect({ ended, cursor }).toEqual({ ended: 'latency', cursor: expect.stringMatching(/^0:\d+$/) });
      expect(count).toBeLessThan(400_000);
    });

    test('an empty server must be well', async () => {
      const server = await started();
      for (const report of [keysBy('bytes'), ttl])
        expect((await reported(server, report as typeof ttl)).status).toBe('ok');
    });
  });

  describe('ttl', () => {
    test('keys that never expire must be named where nothing evicts them', async () => {
      const server = await started({ 'maxmemory-policy': 'noeviction', maxmemory: '100mb' });
      const client = server.client();
      for (let n = 0; n < 60; n += 1) await client.set(`report:${n}`, 'x');
      for (let n = 0; n < 30; n += 1) await client.set(`session:${n}`, 'x', 'EX', 30);
      const { findings, rows } = await reported(server, ttl);
      expect(findings).toMatchObject([
        { status: 'warn', value: 0.6667, reason: expect.stringContaining('noeviction never evicts them') as string },
        { about: 'report:*', reason: 'none of 60 keys expires' },
      ]);
      expect(rows[0]).toMatchObject({ fromMs: 0, withinMs: 60_000, keys: 30 });
      expect(rows.at(-1)).toMatchObject({ fromMs: null, keys: 60 });
      await client.config('SET', 'maxmemory-policy', 'allkeys-lru');
      expect((await reported(server, ttl)).status).toBe('ok');
    });
  });

  describe('hot', () => {
    test('a large key that is used all the time must be found', async () => {
      const server = await started({ 'maxmemory-policy': 'allkeys-lfu', maxmemory: '100mb', 'lfu-log-factor': 0 });
      const client = server.client();
      await client.call('DEBUG', 'POPULATE', '1000', 'cold', '20');
      await client.set('config:all', 'x'.repeat(1_500_000));
      for (let n = 0; n < 200; n += 1) await client.strlen('config:all');
      const { findings, rows } = await reported(server, hot, { scan: { facts: ['heat'] } });
      expect(rows[0]).toMatchObject({ name: 'config:all', type: 'string' });
      expect(rows[0]?.heat).toBeGreaterThan(150);
      expect(findings[1]).toMatchObject({ about: 'config:all', status: 'warn', unit: 'bytes' });
      const before = await client.call('OBJECT', 'FREQ', 'cold:5');
      await scanned(server, { facts: ['bytes', 'elements', 'expiry', 'heat'] });
      // Where the server can be told not to count what is looked at, it must not.
      if (product !== 'Redis of this machine') expect(await client.call('OBJECT', 'FREQ', 'cold:5')).toBe(before);
    });

    test('a server that does not count use must be left in peace, with what mends it', async () => {
      const server = await started();
      await server.client().call('DEBUG', 'POPULATE', '1000', 'cold', '20');
      const { findings, status } = await reported(server, hot, { scan: { facts: ['heat'] } });
      expect(status).toBe('skipped');
      expect(findings[0]?.next).toEqual(['redis-cli CONFIG SET maxmemory-policy volatile-lfu']);
      expect((await scanned(server, { facts: ['heat'] })).scanned).toBe(0);
    });
  });
}
