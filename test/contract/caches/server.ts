import { chmod } from 'node:fs/promises';
import net from 'node:net';

import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';

import { clients } from '../../../src/cache/clients.ts';
import { between, hitRatio } from '../../../src/cache/hit-ratio.ts';
import { latency } from '../../../src/cache/latency.ts';
import { memory } from '../../../src/cache/memory.ts';
import { persistence } from '../../../src/cache/persistence.ts';
import { slowlog } from '../../../src/cache/slowlog.ts';
import { waitUntil } from '../../support/process.ts';
import { type Product, type RedisServer, startRedis } from '../../support/redis.ts';
import { look, reported } from './reported.ts';

export function serverReports(product: Product): void {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis({ 'enable-debug-command': 'yes', 'slowlog-log-slower-than': 5000 }, product);
  });
  afterAll(() => server.stop());

  test('the product and its version must be told', async () => {
    const { server: told } = await look(server, ['memory']);
    expect(told.product).toBe(product === 'Valkey' ? 'valkey' : 'redis');
    const major = { 'Redis of this machine': /^[78]\./, 'Redis 8': /^8\./, Valkey: /^8\./ }[product];
    expect(told.version).toMatch(major);
  });

  test('a node of a cluster must say that it is only one', async () => {
    const node = await startRedis({ 'cluster-enabled': 'yes' }, product);
    onTestFinished(() => node.stop());
    expect((await reported(node, memory)).notes.at(-1)).toContain('one node of a cluster');
    expect((await reported(server, memory)).notes.join()).not.toContain('cluster');
  });

  describe('memory', () => {
    test('a cache without a limit must be warned of', async () => {
      const { findings, rows } = await reported(server, memory);
      expect(findings[0]).toMatchObject({
        status: 'warn',
        next: [expect.stringMatching(/^opsctl cache set-memory \d+MiB --dry-run$/) as string],
      });
      expect(rows.map(({ use }) => use)).toContain('keys and values');
    });

    test('a full cache must be told by its evictions, or as one that refuses writes', async () => {
      const full = await startRedis({ maxmemory: '4mb', 'maxmemory-policy': 'allkeys-lru' }, product);
      onTestFinished(() => full.stop());
      const client = full.client();
      for (let n = 0; n < 80; n += 1) await client.set(`page:${n}`, 'x'.repeat(100_000));
      const evicting = await reported(full, memory);
      expect(evicting.findings).toMatchObject([{ status: 'warn' }, { about: 'evictions', status: 'warn' }]);
      await client.config('SET', 'maxmemory-policy', 'noeviction');
      await client.config('SET', 'maxmemory', '3mb');
      const refusing = await reported(full, memory);
      expect(refusing.findings[0]).toMatchObject({
        status: 'crit',
        reason: expect.stringContaining('writes are refused') as string,
      });
    });
  });

  test('hits and misses must be those of an interval', async () => {
    const client = server.client();
    const before = (await look(server, ['traffic'])).parts.traffic;
    await client.set('there', '1');
    for (let n = 0; n < 30; n += 1) await Promise.all([client.get('there'), client.get('not-there')]);
    const after = (await look(server, ['traffic'])).parts.traffic;
    if (before.is !== 'seen' || after.is !== 'seen') return expect.unreachable();
    expect(between(before.value, after.value)).toMatchObject({ hits: 30, misses: 30, evicted: 0 });
    expect((await reported(server, hitRatio)).rows).toHaveLength(1);
  });

  test('slow commands must be told with their key, and never with a value', async () => {
    const client = server.client();
    await client.call('DEBUG', 'POPULATE', '300000', 'k', '10');
    await client.call('CONFIG', 'SET', 'slowlog-log-slower-than', '0');
    await client.set('token:1', 'geheim');
    await client.eval("return redis.call('GET', KEYS[1]) .. 'geheim'", 1, 'token:1');
    await client.call('CONFIG', 'SET', 'slowlog-log-slower-than', '5000');
    await client.keys('nothing:*');
    await client.call('DEBUG', 'SLEEP', '0.12');
    const data = await reported(server, slowlog);
    expect(data.status).toBe('crit');
    expect(data.rows.find(({ command }) => command === 'SET')).toMatchObject({ key: 'token:1', arguments: 2 });
    expect(data.rows.find(({ command }) => command === 'EVAL')).toMatchObject({ key: null });
    expect(data.findings.find(({ about }) => about === 'DEBUG SLEEP')?.status).toBe('crit');
    expect(data.rows.map(({ command }) => command)).toContain('KEYS');
    expect(JSON.stringify(data)).not.toContain('geheim');
  });

  test('round trips and the time of commands must be told', async () => {
    const data = await reported(server, latency);
    expect(data.findings[0]).toMatchObject({ unit: 'ms', reason: expect.stringContaining('50 round trips') as string });
    expect(data.rows.map(({ command }) => command)).toContain('KEYS');
    expect(data.rows.find(({ command }) => command === 'DEBUG')?.p99Ms).toBeGreaterThan(100);
    expect(data.notes[0]).toContain('redis-cli CONFIG SET latency-monitor-threshold 100');
  });

  test('an event that stopped the server must be told where it is recorded', async () => {
    const client = server.client();
    await client.call('CONFIG', 'SET', 'latency-monitor-threshold', '50');
    await client.call('DEBUG', 'SLEEP', '0.15');
    const { findings, notes } = await reported(server, latency);
    expect(findings.find(({ about }) => about === 'command')).toMatchObject({
      status: 'warn',
      next: ['opsctl cache slowlog', 'redis-cli LATENCY DOCTOR'],
    });
    expect(notes.join()).not.toContain('is not recorded');
  });

  test('a client that reads nothing, and one that monitors, must be named', async () => {
    await server.client().set('large', 'x'.repeat(1_000_000));
    const reader = net.connect(server.port, '127.0.0.1');
    onTestFinished(() => void reader.destroy());
    reader.pause();
    reader.write('CLIENT SETNAME lazy\r\n');
    for (let n = 0; n < 60; n += 1) reader.write('GET large\r\n');
    const monitor = net.connect(server.port, '127.0.0.1');
    onTestFinished(() => void monitor.destroy());
    monitor.resume();
    monitor.write('MONITOR\r\n');
    const named = async (): Promise<string[]> => (await reported(server, clients)).findings.map(({ reason }) => reason);
    await waitUntil(
      async () => {
        const reasons = await named();
        return reasons.some((one) => one.startsWith('has not read')) && reasons.some((one) => one.includes('MONITOR'));
      },
      () => 'they are not named',
    );
    const { findings, rows } = await reported(server, clients);
    expect(rows.find(({ name }) => name === 'lazy')?.outputBytes).toBeGreaterThan(10_000_000);
    const kill = findings.find(({ about }) => about.includes('lazy'))?.next[0] ?? '';
    // The advice must work.
    await server.client().call(...(kill.split(' ').slice(1) as [string, ...string[]]));
    expect((await reported(server, clients)).rows.some(({ name }) => name === 'lazy')).toBe(false);
  });

  test('a save that fails must be told, and what a fork cost', async () => {
    const other = await startRedis({}, product);
    onTestFinished(() => other.stop());
    const client = other.client();
    await client.set('a', '1');
    await client.save();
    expect((await reported(other, persistence)).findings).toMatchObject([
      {
        status: 'warn',
        reason: 'nothing is kept on disk, neither by saves nor by an append-only file: a restart loses 1 key',
      },
    ]);
    await client.config('SET', 'save', '3600 1000000');
    const { status, rows: before } = await reported(other, persistence);
    expect([status, before[0]?.saves]).toEqual(['ok', true]);
    await chmod(other.home, 0o555);
    await client.set('a', '2');
    await client.bgsave();
    await waitUntil(
      async () => (await reported(other, persistence)).status === 'crit',
      () => 'the failed save is not told',
    );
    const { rows } = await reported(other, persistence);
    expect(rows[0]).toMatchObject({ lastSaveOk: false });
    expect(rows[0]?.forkMs).toBeGreaterThan(0);
  });
}
