import { describe, expect, test } from 'vitest';

import { compared, type Sight, sights } from '../../../src/cache/strain.ts';
import { targetsOf } from '../../../src/cache/warm-targets.ts';
import warm from '../../../src/commands/cache/warm.ts';
import { judges } from '../../../src/commands/judges.ts';
import type { Context } from '../../../src/core/command.ts';
import { OpsError } from '../../../src/core/errors.ts';
import { platformSchema } from '../../../src/core/platform.ts';
import { calmCache, fakeCache } from '../../support/fakes/cache.ts';
import { calmDatabase, fakeDatabase } from '../../support/fakes/database.ts';
import { fakeMetrics } from '../../support/fakes/metrics.ts';
import { contextOf, plain, shop } from '../inspect/platform.ts';

const listed = (urls: unknown[]) => {
  const caches = { main: { service: 'redis', warm: { urls } } };
  const { warm: list } = platformSchema.parse({ compose: { project: 'shop' }, caches }).caches['main'] ?? {};
  if (list === undefined) throw new Error('no list');
  return list;
};

describe('the configured URLs', () => {
  test('must stand for each number of their range, the keys with them', () => {
    const list = listed(['http://shop/products', { url: 'http://shop/products/{8..10}', key: 'product:{}:v{}' }]);
    expect(targetsOf(list, 'main')).toEqual([
      { url: 'http://shop/products' },
      { url: 'http://shop/products/8', key: 'product:8:v8' },
      { url: 'http://shop/products/9', key: 'product:9:v9' },
      { url: 'http://shop/products/10', key: 'product:10:v10' },
    ]);
  });

  test.each([
    ['backwards', 'http://shop/{9..8}', 'backwards'],
    ['too far', 'http://shop/{1..100001}', 'more than 100000'],
  ])('must not go %s', (_what, url, message) => {
    expect(() => targetsOf(listed([url]), 'main')).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(message) as unknown }),
    );
  });

  test.each([
    ['a key with a number that its URL does not have', { url: 'http://shop/', key: 'product:{}' }, 'has no range'],
    ['a login', 'http://me:secret@shop/', 'holds a login'],
    ['what is no URL', '/products', 'http:// or https:// URL'],
  ])('must not hold %s', (_what, url, message) => {
    expect(() => listed([url])).toThrow(message);
  });
});

describe('who else is served', () => {
  const queries = shop({ prometheus: { service: 'prometheus' } }).prometheus?.queries;
  const seen = async (
    state: { database?: object | OpsError; cache?: object | OpsError; p95?: number } = {},
  ): Promise<Sight[]> => {
    const metrics = fakeMetrics();
    const sample = (value: number) => [{ labels: { service: 'api' }, value }];
    metrics.samples.set(queries?.requestRate ?? '', sample(50));
    metrics.samples.set(queries?.p95 ?? '', sample(state.p95 ?? 0.05));
    const readers = {
      metrics,
      database: fakeDatabase({ main: { ...calmDatabase, ...state.database } }),
      cache: fakeCache({ main: { ...calmCache, ...state.cache } }),
    };
    if (state.database instanceof OpsError) readers.database.state['main'] = state.database;
    const { platform } = contextOf(
      readers,
      shop({
        services: { api: {} },
        databases: { main: { service: 'postgres' } },
        prometheus: { service: 'prometheus' },
      }),
    );
    return await sights('main', platform, readers as never);
  };

  test('must be no reason to stop or slow down while all is well', async () => {
    expect(compared(await seen(), await seen())).toEqual({ slower: false });
  });

  test.each<[string, Parameters<typeof seen>[0], string]>([
    ['a database full of connections', { database: { connections: 96 } }, 'database main connections: '],
    ['sessions that wait', { database: { blockedSessions: 9 } }, 'database main locks: '],
    ['a database that answers late', { database: { latencyMs: 900 } }, 'database main latency: '],
    ['a database that is gone', { database: new OpsError('NOT_READY', 'no slots') }, 'database main: no slots'],
    ['visitors who wait', { p95: 4 }, 'api p95: '],
    ['keys that make room', { cache: { evictedKeys: 500 } }, 'cache main evictions: '],
  ])('must be a reason to stop when it gets into trouble: %s', async (_what, state, stop) => {
    expect(compared(await seen(), await seen(state))).toMatchObject({
      stop: expect.stringContaining(stop) as unknown,
    });
  });

  test('must be no reason to stop where it was so before, until it is much worse', async () => {
    const before = await seen({ p95: 3 });
    expect(compared(before, await seen({ p95: 4 }))).toEqual({ slower: true });
    expect(compared(before, await seen({ p95: 7 }))).toHaveProperty('stop');
    const evicting = { cache: { evictedKeys: 5_000_000 } };
    expect(compared(await seen(evicting), await seen(evicting))).toEqual({ slower: false });
  });

  test('must be no reason to stop where a session idles in its transaction and holds up nobody', async () => {
    const idle = { pid: 7, application: 'psql', state: 'idle in transaction', stateMs: 3_600_000, ageMs: 3_600_000 };
    const state = { database: { longestTransaction: idle, longestIdle: idle } };
    expect(compared(await seen(), await seen(state))).toEqual({ slower: false });
  });

  test('must be a reason to slow down where it is not well any more', async () => {
    expect(compared(await seen(), await seen({ p95: 1 }))).toEqual({ slower: true });
  });
});

describe('cache warm', () => {
  const context = (database: object, urls: unknown[] | undefined = ['http://shop/{1..450}']): Context => {
    const readers = { cache: fakeCache({ main: {} }), database: fakeDatabase({ main: database }) };
    const platform = shop({
      services: {},
      databases: { main: { service: 'postgres' } },
      caches: { main: { service: 'redis', ...(urls === undefined ? {} : { warm: { urls } }) } },
    });
    return contextOf({ ...readers, ...judges(readers as never, platform) }, platform);
  };
  const planned = (typed: object, given: Context) => warm.plan(warm.input.parse(typed), given);

  test('must be refused while a database is critical, unless somebody insists', async () => {
    const full = () => context({ connections: 97, connectionLimit: 97 });
    await expect(planned({}, full())).rejects.toMatchObject({
      ...{ code: 'UNSAFE', message: expect.stringContaining('database main connections') as unknown },
    });
    expect((await planned({ force: true }, full())).steps).toHaveLength(3);
  });

  test('must name what to configure where nothing is', async () => {
    const none = contextOf({}, shop({ caches: { main: { service: 'redis' } } }));
    await expect(planned({}, none)).rejects.toMatchObject({
      ...{ code: 'NOT_CONFIGURED', hint: expect.stringContaining('caches.main.warm.urls') as unknown },
    });
  });

  test('must not end well where nothing of what was asked for is in the cache', () => {
    const ended = (counts: object): [number, string] => {
      const none = { cache: 'main', asked: 30, failed: 0, there: 0, unfilled: 0, p99Ms: 1, before: null, after: null };
      const data = { ...none, ...counts };
      const input = warm.input.parse({});
      return [warm.exit?.(data, input) ?? 0, warm.text(data, plain, input)[0] ?? ''];
    };
    expect(ended({})).toEqual([0, '✓']);
    expect(ended({ unfilled: 29 })).toEqual([0, '✓']);
    expect(ended({ unfilled: 30 })).toEqual([1, '✗']);
    expect(ended({ failed: 1, unfilled: 29 })).toEqual([1, '✗']);
    expect(ended({ asked: 0, there: 30 })).toEqual([0, '✓']);
  });

  test('must ask in pieces, which are kept when it is stopped', async () => {
    const plan = await planned({ concurrency: 2 }, context({}));
    expect(plan.summary).toBe('ask for 450 URLs that fill cache main, 2 at a time');
    expect(plan.steps.map(({ describe, undo }) => [describe, undo])).toEqual([
      ['ask for 200 URLs: http://shop/1 … http://shop/200', 'kept'],
      ['ask for 200 URLs: http://shop/201 … http://shop/400', 'kept'],
      ['ask for 50 URLs: http://shop/401 … http://shop/450', 'kept'],
    ]);
    expect(plan.seen?.[0]).toMatch(/^reads found: no reads in /);
  });
});
