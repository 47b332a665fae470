import { describe, expect, test } from 'vitest';

import hot from '../../../src/commands/cache/hot.ts';
import keys from '../../../src/commands/cache/keys.ts';
import ttl from '../../../src/commands/cache/ttl.ts';
import type { KeyScan } from '../../../src/core/ports/cache.ts';
import { calmScan, fakeCache } from '../../support/fakes/cache.ts';
import { contextOf, plain } from '../inspect/platform.ts';
import { platform, shown } from './cache-shown.ts';

const scan = (more: Partial<KeyScan>): { scan: KeyScan } => ({ scan: { ...calmScan, ...more } });

describe('cache keys', () => {
  const big = { name: 'cart:17', database: 0, type: 'hash', bytes: 3_000_000, elements: 30_000, expiresMs: null };
  const other = { name: 'page:1', database: 3, type: 'string', bytes: 2000, expiresMs: 90_000 };

  test('must show the largest, what the scan cost and where to go on', async () => {
    const part = scan({ byBytes: [big, other], ended: 'time', cursor: '0:1728', total: 50_000 });
    expect(await shown(keys, part)).toMatchInlineSnapshot(`
      "
      ! 1 key is too big among those looked at; the largest has 2.86 MiB
      ! cart:17: hash, 2.86 MiB, 30000 elements, never expires
      next: opsctl cache keys --cursor 0:1728
            redis-cli HSCAN cart:17 0 COUNT 10

      KEY       TYPE       BYTES  ELEMENTS  EXPIRES IN
      cart:17   hash    2.86 MiB     30000       never
      3/page:1  string  1.95 KiB         -  1 min 30 s

      looked at 1000 keys of 50000 (2.0 %), then the budget of time was used up; cost:
      3032 commands in 120 ms, round trip 0.2 ms before, 0.2 ms at the end
      redis-cli: as docker exec -it <container of the cache> redis-cli, or with -h and
      -p; --user and --askpass where a password is wanted
      "
    `);
  });
  test('must suggest nothing that a shell would obey, and say which databases it was about', async () => {
    const odd = (name: string) => ({ ...big, name });
    const byBytes = ["it's|$(reboot)", 'a b', '\\x00', 'a… (900 bytes)'].map(odd);
    const databases = [0, 3].map((index) => ({ index, keys: 500, expiring: 0 }));
    const cache = fakeCache({
      main: { server: { databases }, parts: { scan: { is: 'seen', value: scan({ byBytes }).scan } } },
    });
    const input = keys.input.parse({});
    const data = keys.output.parse(await keys.run(input, contextOf({ cache }, platform))) as {
      findings: { next: string[] }[];
      notes: string[];
    };
    expect(data.findings.slice(1).map(({ next }) => next)).toEqual([
      ["redis-cli HSCAN 'it'\\''s|$(reboot)' 0 COUNT 10"],
      ['redis-cli HSCAN "a b" 0 COUNT 10'],
      [],
      [],
    ]);
    expect(data.notes).toContain('in all databases of the server that have keys (0, 3); that of the cache is 0');
  });
  test('--by prefix must show kinds of keys', async () => {
    const groups = [
      { form: 'session:*', keys: 900, bytes: 800_000, elements: 0, expiring: 900 },
      { form: 'report:*:rows', keys: 100, bytes: 200_000, elements: 0, expiring: 0 },
    ];
    expect(await shown(keys, scan({ groups, groupCount: 40 }), { by: 'prefix' })).toMatchInlineSnapshot(`
      "
      ✓ no key is too big; 80 % of the bytes are in 900 keys session:*

      NAMES          KEYS    BYTES  EXPIRING
      session:*       900  781 KiB     100 %
      report:*:rows   100  195 KiB       0 %

      the largest 25 of 40 forms of names
      looked at 1000 keys of 1000 (100 %), all of them; cost: 3032 commands in 120 ms,
      round trip 0.2 ms before, 0.2 ms at the end
      "
    `);
  });
  test('must be left out where sizes may not be asked, with what mends it', async () => {
    const lacks = [
      { fact: 'bytes' as const, reason: 'redis main does not permit it', fix: ['ACL SETUSER w %R~* +memory|usage'] },
    ];
    const text = await shown(keys, scan({ lacks }));
    expect(text).toContain('- redis main does not permit it\nnext: ACL SETUSER w %R~* +memory|usage');
  });
  test('must say when the server became slower', async () => {
    const slower = scan({ ended: 'latency', cursor: '0:7', latencyMs: { before: 0.2, after: 9 } });
    expect(await shown(keys, slower)).toContain('the scan was ended');
  });
  test.each([
    [{ budget: '100k' }, true],
    [{ budget: '30s' }, true],
    [{ budget: '11m' }, false],
    [{ budget: '0' }, false],
    [{ budget: 'all' }, false],
    [{ cursor: '0:17' }, true],
    [{ cursor: '17' }, false],
  ])('%j must be understood or not: %s', (typed, good) => {
    expect(keys.input.safeParse(typed).success).toBe(good);
  });
});

test('cache ttl must name what never expires where nothing evicts it', async () => {
  const groups = [
    { form: 'report:*', keys: 700, bytes: 0, elements: 0, expiring: 0 },
    { form: 'session:*', keys: 300, bytes: 0, elements: 0, expiring: 300 },
  ];
  const seen = scan({
    groups,
    lasting: 700,
    expiring: [
      { withinMs: 60_000, keys: 0 },
      { withinMs: null, keys: 300 },
    ],
  });
  const cache = fakeCache({
    main: { evictionPolicy: 'volatile-lru', parts: { scan: { is: 'seen', value: seen.scan } } },
  });
  const input = ttl.input.parse({});
  const data = ttl.output.parse(await ttl.run(input, contextOf({ cache }, platform)));
  expect(`\n${ttl.text(data, plain, input)}\n`).toMatchInlineSnapshot(`
    "
    ! 70 % of 1000 keys never expire, and volatile-lru never evicts them: they
      stay until somebody deletes them
    ! report:*: none of 700 keys expires
    next: opsctl cache keys --by prefix
          opsctl cache memory

    EXPIRES IN       KEYS  SHARE
    less than 1 min     0    0 %
    1 min or more     300   30 %
    never             700   70 %

    looked at 1000 keys of 1000 (100 %), all of them; cost: 3032 commands in 120 ms,
    round trip 0.2 ms before, 0.2 ms at the end
    "
  `);
  // Under the policy allkeys-lru they are evicted.
  expect(await shown(ttl, seen)).toContain('✓ 70 % of 1000 keys never expire; allkeys-lru evicts them');
});

test('cache hot must show the hottest, and say of one that is large', async () => {
  const config = { name: 'config:all', database: 0, type: 'string', bytes: 2_000_000, heat: 220 };
  const byHeat = [config, { name: 'page:1', database: 0, type: 'string', bytes: 2000, heat: 30 }];
  expect(await shown(hot, scan({ byHeat }))).toMatchInlineSnapshot(`
    "
    ! 1 key used 100,000 times or more of late
    ! config:all: string of 1.91 MiB, used all the time: each use may send all of
      it
    next: redis-cli GETRANGE config:all 0 99
          opsctl cache slowlog

    KEY         TYPE    HEAT     BYTES  ELEMENTS
    config:all  string   220  1.91 MiB         -
    page:1      string    30  1.95 KiB         -

    looked at 1000 keys of 1000 (100 %), all of them; cost: 3032 commands in 120 ms,
    round trip 0.2 ms before, 0.2 ms at the end
    redis-cli: as docker exec -it <container of the cache> redis-cli, or with -h and
    -p; --user and --askpass where a password is wanted
    "
  `);
});
