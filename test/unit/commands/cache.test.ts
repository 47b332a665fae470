import { describe, expect, test } from 'vitest';

import clients from '../../../src/commands/cache/clients.ts';
import hitRatio from '../../../src/commands/cache/hit-ratio.ts';
import latency from '../../../src/commands/cache/latency.ts';
import memory from '../../../src/commands/cache/memory.ts';
import ping from '../../../src/commands/cache/ping.ts';
import persistence from '../../../src/commands/cache/persistence.ts';
import report from '../../../src/commands/cache/report.ts';
import slowlog from '../../../src/commands/cache/slowlog.ts';
import { OpsError } from '../../../src/core/errors.ts';
import { calmParts, calmScan, fakeCache } from '../../support/fakes/cache.ts';
import { contextOf } from '../inspect/platform.ts';
import { platform, shown } from './cache-shown.ts';

test('cache ping must tell what answers and how it is reached', async () => {
  expect(await shown(ping, {})).toBe('\n✓ Redis 7.2.4 answers in 0.5 ms, reached by memory\n');
  const down = fakeCache({ main: new OpsError('NOT_READY', 'redis main loads its data from disk') });
  await expect(ping.run(ping.input.parse({}), contextOf({ cache: down }, platform))).rejects.toMatchObject({ exit: 6 });
});

test('cache memory must show what it is used for', async () => {
  const full = { used: 250_000_000, limit: 256_000_000, evicted: 1200, dataset: 200_000_000, clients: 40_000_000 };
  const more = {
    connected: 20,
    peak: 250_000_000,
    resident: 390_000_000,
    allocatorFragmentation: 1.5,
    allocatorWaste: 125_000_000,
  };
  expect(await shown(memory, { memory: { ...full, ...more } })).toMatchInlineSnapshot(`
    "
    ! 238 MiB of 244 MiB (97.7 %), policy allkeys-lru
    ! evictions: 1200 keys evicted since the start by allkeys-lru: the cache is
      smaller than what is wanted of it
    ! fragmentation: 119 MiB are lost in the gaps between what is allocated (1.50
      times of what is used)
    ! clients: the buffers of 20 clients take 38.1 MiB, 1.91 MiB each
    next: opsctl cache keys --by prefix
          opsctl cache ttl
          opsctl cache hit-ratio --interval 10s
          redis-cli CONFIG SET activedefrag yes
          opsctl cache clients

    USE                                     BYTES  SHARE
    keys and values                       191 MiB   80 %
    lost between allocations, beside it   119 MiB   50 %
    buffers of clients                   38.1 MiB   16 %

    372 MiB as the kernel counts it
    redis-cli: as docker exec -it <container of the cache> redis-cli, or with -h and
    -p; --user and --askpass where a password is wanted
    "
  `);
});

test.each([
  ['a few clients of large buffers', 20, 9_000_000, false],
  ['many clients of small ones', 1000, 100_000_000, false],
  ['many clients of large ones', 50, 40_000_000, true],
])('cache memory must warn of the buffers of clients only where they are large and much: %s', async (...row) => {
  const [, connected, buffers, warned] = row;
  const usual = { used: 250_000_000, limit: 500_000_000, evicted: 0, dataset: 100_000_000 };
  const text = await shown(memory, {
    memory: { ...usual, connected, clients: buffers },
  });
  expect(text.includes('! clients: the buffers of')).toBe(warned);
});

test('cache hit-ratio must not call a cold cache broken, nor judge a few reads', async () => {
  const traffic = { hits: 300, misses: 900, evicted: 0, expired: 5, commands: 2000 };
  expect(await shown(hitRatio, { traffic })).toMatchInlineSnapshot(`
    "
    ! 25 % of 1200 reads found what they looked for
    next: opsctl cache memory
          opsctl cache ttl
          opsctl cache keys --by prefix

    HITS  MISSES  RATIO  EVICTED  EXPIRED  COMMANDS   IN
     300     900   25 %        0        5      2000  1 d

    counted since the start, or since CONFIG RESETSTAT: --interval 10s tells now
    "
  `);
  expect(await shown(hitRatio, { traffic: { ...traffic, misses: 20 } })).toContain('too few to judge');
});

test('cache hit-ratio --interval must count what happens meanwhile', async () => {
  let round = 0;
  const counts = [
    { hits: 1000, misses: 10, evicted: 0, expired: 0, commands: 2000 },
    { hits: 1100, misses: 410, evicted: 50, expired: 0, commands: 3000 },
  ];
  const cache = fakeCache({ main: {} });
  const look = cache.look.bind(cache);
  const counting = {
    ...cache,
    look: async (...asked: Parameters<typeof look>) => {
      const seen = await look(...asked);
      const at = `2026-03-01T12:00:0${round}.000Z`;
      return { ...seen, at, parts: { traffic: { is: 'seen', value: counts[round++] } } };
    },
  } as never;
  const input = hitRatio.input.parse({ interval: '10ms' });
  const data = await hitRatio.run(input, contextOf({ cache: counting }, platform));
  expect(data).toMatchObject({
    status: 'warn',
    rows: [{ hits: 100, misses: 400, evicted: 50, ms: 1000 }],
    findings: [{ value: 0.2 }, { about: 'evictions', reason: '50.0 keys a second are evicted to make room' }],
  });
});

test('cache slowlog must say what to do instead', async () => {
  const one = {
    at: '2026-03-01T11:59:00.000Z',
    ms: 180,
    command: 'HGETALL',
    key: 'cart:17',
    length: 1,
    client: '172.18.0.5:40112',
  };
  const old = { ...one, at: '2026-02-01T11:59:00.000Z', command: 'KEYS', key: undefined, ms: 900 };
  const text = await shown(slowlog, { slowlog: { commands: [one, { ...one, ms: 20 }, old], fromMs: 10 } });
  expect(text.replaceAll(/2026-\d\d-\d\d \d\d:\d\d:\d\d/g, '<at>')).toMatchInlineSnapshot(`
    "
    ✗ 2 commands of 10 ms or more in the last hour, the slowest took 180 ms
    ✗ HGETALL: 2 times on cart:17, 180 ms at most: it goes through all of a
      collection; ask for a part of it, as HSCAN, SSCAN, ZSCAN and LRANGE do
    next: opsctl cache keys --by elements

    AT                     TOOK  COMMAND  KEY      ARGS  CLIENT
    <at>  900 ms  KEYS     -           1  172.18.0.5:40112
    <at>  180 ms  HGETALL  cart:17     1  172.18.0.5:40112
    <at>   20 ms  HGETALL  cart:17     1  172.18.0.5:40112
    "
  `);
  expect(await shown(slowlog, { slowlog: { commands: [], fromMs: null } })).toContain(
    'CONFIG SET slowlog-log-slower-than 10000',
  );
});

test('cache latency must show round trips, what stopped the server, and the dearest commands', async () => {
  const commands = [
    { name: 'hgetall', calls: 120_000, totalMs: 900_000, failed: 0, p50Ms: 4, p99Ms: 40 },
    { name: 'config|get', calls: 10, totalMs: 0.2, failed: 2 },
  ];
  const events = [{ name: 'fork', at: '2026-03-01T11:00:00.000Z', lastMs: 250, mostMs: 400 }];
  const text = await shown(latency, { latency: { pings: [0.2, 0.4, 12], events, monitorMs: 0, commands } });
  expect(text.replaceAll(/2026-\d\d-\d\d\s+\d\d:\d\d:\d\d/g, '<at>')).toMatchInlineSnapshot(`
    "
    ! 3 round trips: 0.4 ms in the middle, 12 ms at most
    ! fork: stopped the server for 250 ms at <at>, 400 ms at most
    ! HGETALL: one in a hundred of 120000 calls takes 40 ms or more
    next: opsctl cache slowlog
          opsctl cache persistence
          opsctl stats
          redis-cli LATENCY DOCTOR

    COMMAND      CALLS   TOTAL    SHARE     MEAN    P99  FAILED
    HGETALL     120000  15 min  100.0 %   7.5 ms  40 ms       0
    CONFIG|GET      10  0.2 ms   0.00 %  20.0 µs      -       2

    what stops the server is not recorded: redis-cli CONFIG SET
    latency-monitor-threshold 100
    redis-cli: as docker exec -it <container of the cache> redis-cli, or with -h and
    -p; --user and --askpass where a password is wanted
    "
  `);
});

test('cache clients must group them, and name who does harm', async () => {
  const client = {
    id: '7',
    address: '172.18.0.5:40112',
    name: 'api',
    user: 'default',
    ageMs: 9000,
    idleMs: 1000,
    flags: 'N',
    command: 'get',
    subscriptions: 0,
    outputBytes: 0,
    memory: 22_000,
  };
  const all = [
    client,
    { ...client, id: '8', flags: 'b', idleMs: 60_000 },
    { ...client, id: '9', address: '[fd00::2]:7', name: '', flags: 'O' },
  ];
  expect(await shown(clients, { clients: { clients: all, limit: 3, rejected: 4 } })).toMatchInlineSnapshot(`
    "
    ✗ 3 of 3 clients (100 %); most are from 172.18.0.5 (api)
    ! refused: 4 connections refused for want of room since the start
    ! [fd00::2]:7: runs MONITOR: all commands are copied to it, which halves what
      the server can do
    next: redis-cli CONFIG GET timeout
          redis-cli CONFIG GET maxclients
          redis-cli CLIENT KILL ID 9

    FROM        NAME  USER     ALL  BLOCKED   IDLE  OUTPUT    MEMORY
    172.18.0.5  api   default    2        1  1 min     0 B  43.0 KiB
    [fd00::2]   -     default    1        0    1 s     0 B  21.5 KiB

    redis-cli: as docker exec -it <container of the cache> redis-cli, or with -h and
    -p; --user and --askpass where a password is wanted
    "
  `);
});

test('cache persistence must say what a restart or a crash would lose', async () => {
  const { persistence: calm } = calmParts;
  if (calm.is !== 'seen') throw new Error('not seen');
  const of = async (more: object): Promise<string[]> =>
    (await shown(persistence, { persistence: { ...calm.value, ...more } })).trim().split('\n\n')[0]?.split('\n') ?? [];
  expect(await of({})).toEqual(['✓ the last save went well; 3 changes since']);
  expect(await of({ saves: false })).toEqual([
    '! nothing is kept on disk, neither by saves nor by an append-only file: a',
    '  restart loses 1000 keys',
  ]);
  expect(await of({ saves: false, appends: true })).toEqual(['✓ the append-only file is on']);
  expect(await of({ saves: undefined })).toEqual([
    '✓ the last save went well; 3 changes since',
    '- saves: whether it saves by itself is not told: a restart may lose all keys',
    'next: redis-cli ACL SETUSER default "+config|get"',
  ]);
  const old = { lastSaveAt: '2026-03-01T09:00:00.000Z', changes: 5_000_000 };
  expect((await of(old)).slice(0, 2)).toEqual([
    '! the last save, 3 h ago, went well; a crash loses 5000000 changes since',
    'next: redis-cli CONFIG GET save',
  ]);
  expect((await of({ ...old, lastSaveAt: '2026-02-01T09:00:00.000Z' }))[0]).toMatch(/^✗ /);
  expect(await of({ ...old, changes: 0 })).toEqual(['✓ the last save went well; 0 changes since']);
  expect(await of({ ...old, appends: true })).toEqual(['✓ the append-only file is on, the last save went well']);
});

describe('cache report', () => {
  test('must say of each report how it is, and of findings the worst first', async () => {
    const text = await shown(report, {
      memory: { used: 250_000_000, limit: 256_000_000, evicted: 1200 },
      slowlog: {
        is: 'skipped',
        reason: 'redis main does not permit it to user w',
        fix: ['ACL SETUSER w +slowlog|get'],
      },
      clients: { is: 'unknown', reason: 'redis main closed the connection' },
      scan: { ...calmScan, byBytes: [{ name: 'cart:17', database: 0, type: 'hash', bytes: 300_000_000, elements: 9 }] },
    } as never);
    expect(text).toMatchInlineSnapshot(`
      "
      ! memory       238 MiB of 244 MiB (97.7 %), policy allkeys-lru
      ? clients      could not be observed: redis main closed the
                     connection
      ✓ latency      3 round trips: 0.2 ms in the middle, 0.3 ms at
                     most
      - slowlog      redis main does not permit it to user w
      ✓ persistence  the last save went well; 3 changes since
      ✓ hit-ratio    95 % of 10000 reads found what they looked for
      ✗ keys         1 key is too big; the largest has 286 MiB
      ✓ ttl          0 % of 1000 keys never expire
      ✓ hot          no key used 100,000 times or more of late

      ✗ cart:17: hash, 286 MiB, 9 elements
      ? clients: could not be observed: redis main closed the connection
      ! evictions: 1200 keys evicted since the start by allkeys-lru: the cache is
        smaller than what is wanted of it
      - slowlog: redis main does not permit it to user w
      next: redis-cli HSCAN cart:17 0 COUNT 10
            opsctl cache clients
            opsctl cache keys --by prefix
            opsctl cache ttl
            opsctl cache hit-ratio --interval 10s
            ACL SETUSER w +slowlog|get

      redis-cli: as docker exec -it <container of the cache> redis-cli, or with -h and
      -p; --user and --askpass where a password is wanted

      ✗ crit: Redis 7.2.4 (main)
      "
    `);
  });
  test('must be well where everything is', async () => {
    const input = report.input.parse({});
    const data = await report.run(input, contextOf({ cache: fakeCache({ main: {} }) }, platform));
    expect(data).toMatchObject({ status: 'ok', findings: [] });
    expect(report.exit?.(data, input)).toBe(0);
  });
});
