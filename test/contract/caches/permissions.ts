import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';

import { REPORTS } from '../../../src/cache/all.ts';
import { hot } from '../../../src/cache/hot.ts';
import { keysBy } from '../../../src/cache/keys.ts';
import { memory } from '../../../src/cache/memory.ts';
import { conclude } from '../../../src/cache/report.ts';
import { ttl } from '../../../src/cache/ttl.ts';
import type { CachePart } from '../../../src/core/ports/cache.ts';
import { platformOf } from '../../support/readers.ts';
import { type Product, type RedisServer, startRedis } from '../../support/redis.ts';
import { look, reported } from './reported.ts';

const PARTS: CachePart[] = [...new Set(REPORTS.flatMap(({ parts }) => parts))];

export function permissions(product: Product): void {
  describe('what a user may not', () => {
    let server: RedisServer;
    beforeAll(async () => {
      server = await startRedis({ maxmemory: '100mb', 'maxmemory-policy': 'allkeys-lfu' }, product);
      const client = server.client();
      for (let n = 0; n < 20; n += 1) await client.set(`a:${n}`, 'x');
    });
    afterAll(() => server.stop());

    test('must be left out with the grant that mends it, and nothing else with it', async () => {
      await server.client().call('ACL', 'SETUSER', 'watcher', 'on', '>watch-secret', '+ping', '+info', '+hello');
      const as = { user: 'watcher', password: 'watch-secret' };
      const { parts, server: told } = await look(server, PARTS, as);
      expect(told).toMatchObject({ user: 'watcher', policy: 'allkeys-lfu' });
      expect(Object.entries(parts).map(([name, { is }]) => `${name} ${is}`)).toEqual([
        'memory seen',
        'clients skipped',
        'latency seen',
        'slowlog skipped',
        'persistence seen',
        'traffic seen',
        'scan skipped',
      ]);
      const { clients: list } = parts;
      expect(list).toMatchObject({ fix: ['redis-cli ACL SETUSER watcher "+client|list"'] });
    });

    test('must be mended by what is advised, one grant after the other', async () => {
      const client = server.client();
      await client.call('ACL', 'SETUSER', 'newcomer', 'on', '>new-secret', '+ping');
      const as = { user: 'newcomer', password: 'new-secret' };
      const given: string[] = [];
      for (let round = 0; round < 30; round += 1) {
        const seen = await look(server, PARTS, as);
        const next = REPORTS.map((report) => conclude(report, seen, 'main', platformOf({}).thresholds))
          .flatMap(({ findings }) => findings)
          .filter(({ status }) => status === 'skipped')
          .flatMap(({ next: commands }) => commands)
          .find((command) => command.startsWith('redis-cli ACL SETUSER'));
        if (next === undefined) break;
        given.push(next);
        // As a shell would take it apart.
        await client.call(...(next.replaceAll(/['"]/g, '').split(' ').slice(1) as [string, ...string[]]));
      }
      expect(given).not.toEqual([]);
      const whole = await look(server, PARTS, as);
      const lacking = REPORTS.map((report) => conclude(report, whole, 'main', platformOf({}).thresholds))
        .filter(({ status }) => status === 'skipped' || status === 'unknown')
        .flatMap(({ findings }) => findings.map(({ check, reason }) => `${check}: ${reason}`));
      expect(lacking).toEqual([]);
    });

    test('keys that a user may not read must not hide the others', async () => {
      await server.client().set('secret:1', 'x');
      await server.client().call('ACL', 'SETUSER', 'some', 'on', '>some-secret', '~a:*', '+@all');
      const as = { user: 'some', password: 'some-secret' };
      const { rows } = await reported(server, keysBy('prefix'), as);
      expect(rows.find(({ name }) => name === 'a:*')).toMatchObject({ keys: 20 });
      expect((await reported(server, hot, as)).rows.length).toBeGreaterThan(0);
    });
  });

  test('a user who may not SELECT, as behind a proxy, must be told of the keys of its own database', async () => {
    const server = await startRedis({}, product);
    onTestFinished(() => server.stop());
    const client = server.client();
    await client.set('a', 'x', 'EX', 600);
    await client.call('ACL', 'SETUSER', 'one', 'on', '>one-secret', '~*', '+@all', '-select');
    const as = { user: 'one', password: 'one-secret' };
    for (const report of [keysBy('bytes'), keysBy('prefix'), ttl])
      expect([report.name, (await reported(server, report as typeof ttl, as)).status]).toEqual([report.name, 'ok']);
    await client.del('a');
    expect((await reported(server, ttl, as)).status).toBe('ok');
  });

  test.each(['SCAN', 'PTTL', 'INFO'])('what every server knows must not count as left out: %s', async (command) => {
    const server = await startRedis({ 'rename-command': [command, 'nothing-of-that-name'] }, product);
    onTestFinished(() => server.stop());
    await server.client().set('a', 'x');
    const seen = await reported(server, command === 'INFO' ? (memory as unknown as typeof ttl) : ttl);
    expect(seen).toMatchObject({
      status: 'unknown',
      findings: [{ reason: expect.stringContaining('unknown command') as string }],
    });
  });

  test('commands that are switched off must be left out, and hide nothing else', async () => {
    const server = await startRedis({ 'rename-command': ['SLOWLOG', 'nothing-of-that-name'] }, product);
    onTestFinished(() => server.stop());
    const { parts } = await look(server, PARTS);
    expect(parts.slowlog).toMatchObject({
      is: 'skipped',
      reason: expect.stringContaining('unknown command') as string,
    });
    expect(Object.values(parts).filter(({ is }) => is === 'seen')).toHaveLength(PARTS.length - 1);
  });
}
