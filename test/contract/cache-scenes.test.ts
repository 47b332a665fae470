/**
 * What goes wrong with caches, played on real servers: `opsctl cache report` must find it, say why it is bad and what to run,
 * and the command for that matter must name the thing. A cache in which nothing is wrong must show none of it.
 */
import { chmod } from 'node:fs/promises';

import type { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';

import hitRatio from '../../src/commands/cache/hit-ratio.ts';
import hot from '../../src/commands/cache/hot.ts';
import keys from '../../src/commands/cache/keys.ts';
import latency from '../../src/commands/cache/latency.ts';
import memory from '../../src/commands/cache/memory.ts';
import ping from '../../src/commands/cache/ping.ts';
import persistence from '../../src/commands/cache/persistence.ts';
import report from '../../src/commands/cache/report.ts';
import slowlog from '../../src/commands/cache/slowlog.ts';
import ttl from '../../src/commands/cache/ttl.ts';
import type { ReadCommand } from '../../src/core/command.ts';
import type { Finding } from '../../src/core/report.ts';
import { whyNoDebian } from '../support/debian.ts';
import { waitUntil } from '../support/process.ts';
import { cacheReader, platformOf } from '../support/readers.ts';
import { failSave, REDIS, type Product, type RedisServer, startRedis } from '../support/redis.ts';
import { contextOf, plain } from '../unit/inspect/platform.ts';

const HOUR = 3600;

/** How long this machine takes to answer is not of the server. */
const ANY_MACHINE = Object.fromEntries(
  ['cacheLatencyMs', 'cacheStallMs', 'cacheSlowMs'].map((name) => [name, { warn: 60_000, crit: 120_000 }]),
);

type Settings = Parameters<typeof startRedis>[0];
type Thresholds = Record<string, { warn: number; crit: number }>;

/** What a command of opsctl gives. */
interface Shown {
  status: string;
  findings: Finding[];
  rows: Record<string, unknown>[];
  text: string;
  exit: number | undefined;
}

/** A command as it is typed, on a server. */
async function opsctl(
  server: RedisServer,
  command: ReadCommand,
  typed: object = {},
  thresholds: Thresholds = {},
): Promise<Shown> {
  const { thresholds: limits } = platformOf({ ...({ thresholds } as object) });
  const platform = { ...platformOf({ caches: { main: { url: { env: 'main' } } } }), thresholds: limits };
  const cache = cacheReader({ main: server.url() });
  const input = command.input.parse(typed);
  const data = command.output.parse(await command.run(input, contextOf({ cache }, platform)));
  await cache.close();
  const { status, findings, rows = [] } = data as Pick<Shown, 'status' | 'findings'> & { rows?: Shown['rows'] };
  return { status, findings, rows, text: command.text(data, plain, input), exit: command.exit?.(data, input) };
}

const finding = ({ findings }: Shown, check: string, about: string): Finding | undefined =>
  findings.find((one) => one.check === check && one.about === about);

const containing = (text: string): string => expect.stringContaining(text) as string;
const matching = (text: RegExp): string => expect.stringMatching(text) as string;

/** Sends commands in batches; what each of them was answered, errors as they are. */
async function inBatches(
  client: Redis,
  count: number,
  command: (n: number) => [string, ...(string | number)[]],
): Promise<unknown[]> {
  const replies: unknown[] = [];
  for (let from = 0; from < count; from += 1000) {
    const batch = Array.from({ length: Math.min(1000, count - from) }, (_, n) => client.call(...command(from + n)));
    replies.push(...(await Promise.allSettled(batch)));
  }
  return replies;
}

const refusals = (replies: readonly unknown[], code: string): number =>
  replies.filter((one) => (one as { reason?: Error }).reason?.message.startsWith(code)).length;

/** What `INFO` counts. */
const told = async (client: Redis, field: string): Promise<number> =>
  Number(new RegExp(`^${field}:(\\d+)`, 'm').exec(await client.info())?.[1]);

const products = Object.keys(REDIS) as Product[];

describe.each(products)('%s', (product) => {
  const why = REDIS[product] === undefined ? undefined : whyNoDebian();
  const started = async (settings: Settings = {}): Promise<RedisServer> => {
    const server = await startRedis({ 'enable-debug-command': 'yes', ...settings }, product);
    onTestFinished(() => server.stop());
    return server;
  };

  describe.skipIf(why !== undefined)(why ?? 'scenes', () => {
    test('a cache in which nothing is wrong must show nothing', async () => {
      const server = await started({ maxmemory: '100mb', 'maxmemory-policy': 'allkeys-lfu', save: '3600 1' });
      const client = server.client();
      await inBatches(client, 3000, (n) => ['SET', `page:${n}`, 'x'.repeat(500), 'EX', HOUR]);
      await inBatches(client, 3000, (n) => ['GET', `page:${n}`]);
      await client.save();
      const seen = await opsctl(server, report, {}, ANY_MACHINE);
      expect(seen.findings).toEqual([]);
      for (const command of [memory, hot, keys, ttl, persistence])
        expect([command.name, (await opsctl(server, command)).status]).toEqual([command.name, 'ok']);
    });

    test('a full cache that evicts must be told by what it evicts', async () => {
      const server = await started({ maxmemory: '20mb', 'maxmemory-policy': 'allkeys-lru' });
      const client = server.client();
      await inBatches(client, 6000, (n) => ['SET', `page:${n}`, 'x'.repeat(10_000), 'EX', HOUR]);
      const evicted = await told(client, 'evicted_keys');
      expect(evicted).toBeGreaterThan(3000);

      const seen = await opsctl(server, report, {}, ANY_MACHINE);
      expect(finding(seen, 'memory', '')).toMatchObject({
        status: 'warn',
        reason: matching(/^(?:19\.\d|20\.0) MiB of 20\.0 MiB \(\d.*%\), policy allkeys-lru$/),
        next: ['opsctl cache keys --by prefix', 'opsctl cache ttl'],
      });
      // The buffers of whoever looks need room, too.
      const counted = finding(seen, 'memory', 'evictions')?.value ?? 0;
      expect([counted >= evicted, counted <= (await told(client, 'evicted_keys'))]).toEqual([true, true]);
      expect(finding(seen, 'memory', 'evictions')).toMatchObject({
        status: 'warn',
        reason: `${counted} keys evicted since the start by allkeys-lru: the cache is smaller than what is wanted of it`,
        next: ['opsctl cache hit-ratio --interval 10s', 'opsctl cache keys --by prefix'],
      });
      // It evicts instead of refusing, so nothing is lost that was not a copy.
      expect([seen.exit, finding(seen, 'memory', 'refused')]).toEqual([0, undefined]);
      expect((await opsctl(server, report, { failOn: 'warn' })).exit).toBe(1);
      expect((await opsctl(server, memory)).text).toMatch(/evictions: \d+ keys evicted since the start by allkeys-lru/);

      const now = opsctl(server, hitRatio, { interval: '1s' });
      const stop = new AbortController();
      const load = (async () => {
        for (let n = 0; !stop.signal.aborted; n += 1) await client.set(`more:${n}`, 'x'.repeat(10_000), 'EX', HOUR);
      })();
      const during = await now.finally(() => stop.abort());
      await load;
      expect(finding(during, 'hit-ratio', 'evictions')).toMatchObject({
        status: 'warn',
        reason: matching(/^[\d.]+ keys a second are evicted to make room$/),
        next: ['opsctl cache memory', 'opsctl cache keys --by prefix'],
      });
      expect(during.rows[0]?.['evicted']).toBeGreaterThan(0);
    });

    // The second evicts what expires, and here nothing does.
    test.each([
      ['noeviction', 'policy noeviction: when it is full, writes are refused'],
      ['volatile-lru', 'only keys that expire, and none does: when it is full, writes are refused'],
    ])('a full cache that refuses writes must be critical: %s', async (policy, because) => {
      const server = await started({ maxmemory: '20mb', 'maxmemory-policy': policy });
      const client = server.client();
      const replies = await inBatches(client, 3000, (n) => ['SET', `page:${n}`, 'x'.repeat(10_000)]);
      const refused = refusals(replies, 'OOM');
      expect(refused).toBeGreaterThan(500);

      const seen = await opsctl(server, report);
      expect(seen).toMatchObject({ status: 'crit', exit: 1 });
      expect(finding(seen, 'memory', '')).toMatchObject({
        status: 'crit',
        reason: containing(because),
        next: ['opsctl cache keys --by prefix', 'opsctl cache ttl'],
      });
      expect(finding(seen, 'memory', 'refused')).toMatchObject({
        status: 'crit',
        value: refused,
        reason: `${refused} commands refused for want of memory since the start`,
        next: ['opsctl cache set-memory 30MiB --dry-run'],
      });
      for (const { text } of [seen, await opsctl(server, memory)]) {
        expect(text).toContain(`✗ refused: ${refused} commands`);
        for (const next of ['opsctl cache keys --by prefix', 'opsctl cache set-memory 30MiB --dry-run'])
          expect(text).toContain(next);
      }

      // What is advised mends it; what was refused is not forgotten, but is no reason to wake anybody.
      await client.config('SET', 'maxmemory', (30 * 1024 * 1024).toString());
      await client.set('page:new', 'x');
      expect(await opsctl(server, memory)).toMatchObject({ status: 'warn', exit: 0 });
    });

    test('a hot big key must be named by its heat and size', async () => {
      const server = await started({ maxmemory: '200mb', 'maxmemory-policy': 'allkeys-lfu' });
      const client = server.client();
      await inBatches(client, 2000, (n) => ['SET', `page:${n}`, 'x'.repeat(500), 'EX', HOUR]);
      await largeHash(client, 'catalogue:all');
      await inBatches(client, 250_000, (n) => ['HGET', 'catalogue:all', `item:${n % 1000}`]);

      const seen = await opsctl(server, report);
      expect(finding(seen, 'hot', 'catalogue:all')).toMatchObject({
        status: 'warn',
        unit: 'bytes',
        reason: matching(/^hash of [\d.]+ MiB, used all the time: each use may send all of it$/),
        next: ['redis-cli HSCAN catalogue:all 0 COUNT 10', 'opsctl cache slowlog'],
      });
      expect(finding(seen, 'keys', 'catalogue:all')).toMatchObject({
        status: 'warn',
        reason: matching(/^hash, [\d.]+ MiB, 100000 elements/),
        next: ['redis-cli HSCAN catalogue:all 0 COUNT 10'],
      });
      const named = await opsctl(server, hot);
      expect(named.rows[0]).toMatchObject({ name: 'catalogue:all', type: 'hash', elements: 100_000 });
      expect(named.rows.slice(1).every(({ heat }) => Number(heat) < 100)).toBe(true);
      expect(named.text).toContain('1 key used 100,000 times or more of late');
      expect((await opsctl(server, keys)).rows[0]).toMatchObject({ name: 'catalogue:all' });
    });

    test('a hot big key must be named where heat is not counted, too: by what it takes', async () => {
      const server = await started({ maxmemory: '200mb', 'maxmemory-policy': 'allkeys-lru' });
      const client = server.client();
      await largeHash(client, 'catalogue:all');
      // What the server itself calls slow depends on its machine: here it is anything that takes as long as all of a hash.
      await client.config('SET', 'slowlog-log-slower-than', '1000');
      for (let n = 0; n < 5; n += 1) await client.call('HGETALL', 'catalogue:all');
      const limits = { cacheSlowMs: { warn: 1, crit: 60_000 } };
      const expected = {
        status: 'warn',
        reason: matching(/^5 times on catalogue:all, .* at most: it goes through all of a collection/),
        next: ['opsctl cache keys --by elements'],
      };
      const seen = await opsctl(server, report, {}, limits);
      expect(finding(seen, 'slowlog', 'HGETALL')).toMatchObject(expected);
      expect(finding(seen, 'keys', 'catalogue:all')?.status).toBe('warn');
      expect(finding(seen, 'hot', '')).toMatchObject({
        status: 'skipped',
        next: ['redis-cli CONFIG SET maxmemory-policy allkeys-lfu'],
      });
      expect(finding(await opsctl(server, slowlog, {}, limits), 'slowlog', 'HGETALL')).toMatchObject(expected);
      expect(finding(await opsctl(server, latency, {}, limits), 'latency', 'HGETALL')).toMatchObject({
        status: 'warn',
        next: ['opsctl cache slowlog'],
      });
    });

    test('keys without expiry must be named where nothing evicts them', async () => {
      const server = await started({ maxmemory: '100mb', 'maxmemory-policy': 'noeviction' });
      const client = server.client();
      await inBatches(client, 3000, (n) => ['SET', `cart:${n}:items`, 'x'.repeat(300)]);
      await inBatches(client, 1000, (n) => ['SET', `session:${n}`, 'x'.repeat(100), 'EX', HOUR]);
      const seen = await opsctl(server, report);
      expect(finding(seen, 'ttl', '')).toMatchObject({
        status: 'warn',
        value: 0.75,
        reason:
          '75 % of 4000 keys never expire, and noeviction never evicts them: they stay until somebody deletes them',
        next: ['opsctl cache keys --by prefix', 'opsctl cache memory'],
      });
      expect(finding(seen, 'ttl', 'cart:*:items')).toMatchObject({
        status: 'warn',
        reason: 'none of 3000 keys expires',
      });
      expect(seen.findings.filter(({ check }) => check === 'ttl')).toHaveLength(2);
      const named = await opsctl(server, ttl);
      expect(named.text).toContain('cart:*:items: none of 3000 keys expires');
      expect(named.rows.at(-1)).toMatchObject({ fromMs: null, keys: 3000, share: 0.75 });
      // The next command shows how much of the memory that is.
      expect((await opsctl(server, keys, { by: 'prefix' })).rows).toMatchObject([
        { name: 'cart:*:items', keys: 3000, expiring: 0 },
        { name: 'session:*', keys: 1000, expiring: 1000 },
      ]);
    });

    // Seconds that tell nothing new where INFO has the same fields.
    test.runIf(product === 'Redis of this machine')(
      'a save that copies what is written meanwhile must be told with the memory that it needs',
      async () => {
        const server = await started({ maxmemory: '400mb', 'latency-monitor-threshold': 1, save: '3600 1000000' });
        const client = server.client();
        const write = (): Promise<unknown> =>
          inBatches(client, 20_000, (n) => ['SET', `page:${n}`, 'x'.repeat(9000), 'EX', HOUR]);
        await write();
        // A save as slow as one to a busy disk; microseconds a key.
        await client.config('SET', 'rdb-key-save-delay', '200');
        await client.bgsave();
        await write();
        const during = await opsctl(server, persistence);
        expect(during.rows[0]).toMatchObject({ isSaving: true });
        await client.config('SET', 'rdb-key-save-delay', '0');
        await waitUntil(
          async () => (await told(client, 'rdb_bgsave_in_progress')) === 0,
          () => 'the save does not end',
        );
        const [copied, forkMs] = [
          await told(client, 'rdb_last_cow_size'),
          (await told(client, 'latest_fork_usec')) / 1000,
        ];
        expect(copied).toBeGreaterThan(100 * 1024 * 1024);

        // A fork of as many gigabytes as would be noticed is too much for a test: what is noticed is less here.
        const limits = { cacheStallMs: { warn: forkMs, crit: 1_000_000 } };
        const seen = await opsctl(server, report, {}, limits);
        expect(finding(seen, 'persistence', 'copies')).toMatchObject({
          status: 'warn',
          value: copied,
          reason: matching(
            /^\d+ MiB were copied during a save \([\d.]+ % of what is used\): so much memory must be free/,
          ),
          next: ['opsctl stats --memory', 'redis-cli CONFIG GET save'],
        });
        expect(finding(seen, 'persistence', 'fork')).toMatchObject({
          status: 'warn',
          value: forkMs,
          reason: containing('the last fork, for a save or a replica, stopped the server for'),
          next: ['redis-cli CONFIG GET save', 'cat /sys/kernel/mm/transparent_hugepage/enabled'],
        });
        const named = await opsctl(server, persistence, {}, limits);
        expect(named.rows[0]).toMatchObject({ lastSaveOk: true, isSaving: false, copied, forkMs });
        expect(named.findings.map(({ about }) => about)).toEqual(['', 'fork', 'copies']);
        // The monitor counts whole milliseconds.
        const monitored = { cacheStallMs: { warn: Math.floor(forkMs), crit: 1_000_000 } };
        expect(finding(await opsctl(server, latency, {}, monitored), 'latency', 'fork')).toMatchObject({
          status: 'warn',
          next: ['opsctl cache persistence', 'redis-cli LATENCY DOCTOR'],
        });
        // A fork that nobody notices is not worth a word.
        expect(finding(await opsctl(server, persistence), 'persistence', 'fork')).toBeUndefined();
      },
    );

    test('a save that fails must be critical, with the writes that are refused because of it', async () => {
      const server = await started({ maxmemory: '100mb', save: '3600 1000000' });
      const client = server.client();
      await inBatches(client, 100, (n) => ['SET', `page:${n}`, 'x', 'EX', HOUR]);
      await failSave(server);
      const replies = await inBatches(client, 20, (n) => ['SET', `page:${n}`, 'y', 'EX', HOUR]);
      expect(refusals(replies, 'MISCONF')).toBe(20);
      const seen = await opsctl(server, report);
      expect(seen).toMatchObject({ status: 'crit', exit: 1 });
      // It refuses PING as well, and all else is told all the same.
      expect(seen.findings.filter(({ status }) => status === 'unknown')).toEqual([]);
      await expect(opsctl(server, ping)).rejects.toMatchObject({
        code: 'NOT_READY',
        hint: 'See why: opsctl cache persistence.',
      });
      const expected = {
        status: 'crit',
        reason: matching(/^the last save failed, and \d+ commands refused because of that since the start$/),
        next: ['opsctl health --detailed --only disk', 'redis-cli CONFIG GET dir'],
      };
      expect(finding(seen, 'persistence', '')).toMatchObject(expected);
      expect(seen.text).toContain('opsctl health --detailed --only disk');
      const named = await opsctl(server, persistence);
      expect(finding(named, 'persistence', '')).toMatchObject(expected);
      expect(named.rows[0]).toMatchObject({ lastSaveOk: false });
      await chmod(server.home, 0o755);
      await client.save();
      expect((await opsctl(server, persistence)).status).toBe('ok');
    });
  });
});

/** A hash of some 10 MB. */
async function largeHash(client: Redis, name: string): Promise<void> {
  await inBatches(client, 100, (batch) => [
    'HSET',
    name,
    ...Array.from({ length: 1000 }, (_, n) => [`item:${batch * 1000 + n}`, 'x'.repeat(50)]).flat(),
  ]);
}
