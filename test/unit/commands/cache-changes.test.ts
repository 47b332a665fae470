import { describe, expect, test } from 'vitest';

import flush from '../../../src/commands/cache/flush.ts';
import restart from '../../../src/commands/cache/restart.ts';
import setMemory from '../../../src/commands/cache/set-memory.ts';
import type { Context } from '../../../src/core/command.ts';
import { OpsError } from '../../../src/core/errors.ts';
import type { CacheLook, CachePersistence } from '../../../src/core/ports/cache.ts';
import { calmParts, calmScan, fakeCache } from '../../support/fakes/cache.ts';
import { calmDatabase, fakeDatabase } from '../../support/fakes/database.ts';
import { contextOf, of, plain, shop, shopEngine } from '../inspect/platform.ts';

type State = Parameters<typeof fakeCache>[0][string];
const MIB = 2 ** 20;

/** A platform whose cache is like this, in a container of 512 MiB. */
function context(state: State, database: Parameters<typeof fakeDatabase>[0][string] = {}): Context {
  const engine = shopEngine();
  for (const service of ['api', 'postgres', 'redis'])
    engine.add({ ...of(service), state: 'running', stopSeconds: 60, memoryLimit: 512 * MIB });
  const readers = { engine, cache: fakeCache({ main: state }), database: fakeDatabase({ main: database }) };
  return contextOf(readers, shop({ services: { api: {} }, caches: { main: { service: 'redis' } } }));
}

describe('cache flush', () => {
  const planned = (typed: object, given = context({})) => flush.plan(flush.input.parse(typed), given);

  test.each<[string, object, string]>([
    ['nothing', {}, '--pattern'],
    ['a pattern that matches everything', { pattern: '**' }, '--all'],
    ['all and a database', { all: true, db: 1 }, '--all'],
    ['all databases and one', { pattern: 'p:*', db: 1, allDatabases: true }, '--pattern'],
    ['all databases without a pattern', { allDatabases: true }, '--all'],
  ])('must be told what to remove, not %s', async (_what, typed, hint) => {
    await expect(planned(typed)).rejects.toMatchObject({
      code: 'USAGE',
      hint: expect.stringContaining(hint) as unknown,
    });
  });

  test('must tell what would be lost, what nothing makes anew first, and be no matter of a yes', async () => {
    const group = (form: string, keys: number) => ({ form, keys, bytes: keys * 100, elements: 0, expiring: 0 });
    const value = {
      ...calmScan,
      total: 1200,
      lasting: 100,
      groups: [group('product:*', 900), group('session:*', 100)],
    };
    const server = { databases: [{ index: 0, keys: 1000, expiring: 900 }] };
    const plan = await planned({ pattern: 'product:*' }, context({ server, parts: { scan: { is: 'seen', value } } }));
    expect(plan.seen).toEqual([
      'database 0 has 1000 keys, of which 100 do not expire',
      '1000 keys match product:* in database 0, 977 KiB, 10 % of them do not expire',
      'session:*: 100 keys, 9.77 KiB: by their name, nothing makes them anew',
      'product:*: 900 keys, 87.9 KiB',
      'what asks for these keys asks the database behind until they are there again; all keys together answered 0.1 reads a second since the start',
    ]);
    expect(plan).toMatchObject({
      target: 'main',
      before: { keys: 1000 },
      steps: [
        {
          do: { method: 'flush', args: ['main', { pattern: 'product:*', database: 0 }, 600_000] },
          verify: { method: 'isFlushed', args: ['main', { pattern: 'product:*', database: 0 }] },
          interruptible: true,
        },
      ],
    });
    expect(plan.steps[0]).not.toHaveProperty('undo');
  });

  test('must say how far it looked where that was not everywhere', async () => {
    const scan = {
      is: 'seen' as const,
      value: { ...calmScan, scanned: 20_000, bytes: 2_097_152, ended: 'keys' as const },
    };
    const plan = await planned({ pattern: 'product:*' }, context({ parts: { scan } }));
    expect(plan.seen).toContain(
      'at least 20000 keys match product:* in database 0, at least 2.00 MiB, 0 % of those looked at do not expire',
    );
    expect(plan).not.toHaveProperty('before');
    const all = { ...scan, value: { ...scan.value, total: 50_000, lasting: 5000 } };
    const { seen } = await planned({ db: 0 }, context({ parts: { scan: all } }));
    expect(seen).toContain('50000 keys in database 0, some 5.00 MiB, 25 % of those looked at do not expire');
  });

  const some = { scan: { is: 'seen' as const, value: { ...calmScan, total: 5000 } } };
  const several = {
    database: 2,
    databases: [
      { index: 0, keys: 7, expiring: 7 },
      { index: 2, keys: 5000, expiring: 4000 },
    ],
  };

  test('must be about the database of the cache, and say which, and what the others have', async () => {
    const plan = await planned({ pattern: 'product:*' }, context({ server: several, parts: some }));
    expect(plan).toMatchObject({
      summary: 'remove keys like product:* in database 2 from cache main',
      touches: ['keys like product:* in database 2 of cache main'],
      steps: [{ do: { args: ['main', { pattern: 'product:*', database: 2 }, 600_000] } }],
    });
    expect(plan.seen?.slice(0, 2)).toEqual([
      'database 0 has 7 keys: they stay',
      'database 2 has 5000 keys, of which 1000 do not expire',
    ]);
    const everywhere = await planned(
      { pattern: 'product:*', allDatabases: true },
      context({ server: several, parts: some }),
    );
    expect(everywhere.summary).toBe('remove keys like product:* in all databases from cache main');
    expect(everywhere.seen?.[0]).toBe(
      'database 0 has 7 keys, of which 0 do not expire; cache main is configured to use database 2',
    );
    const nothing = await planned({ pattern: 'product:*', db: 5 }, context({ server: several, parts: some }));
    expect(nothing.seen?.[0]).toBe('database 5 has no keys');
  });

  test.each(['[^~]*', '*:*', 'prod*'])(
    'must be refused where every key matches %s, unless somebody insists',
    async (pattern) => {
      const all = { parts: { scan: { is: 'seen' as const, value: { ...calmScan, total: 1000 } } } };
      await expect(planned({ pattern }, context(all))).rejects.toMatchObject({
        code: 'UNSAFE',
        message: `1000 keys match ${pattern} in database 0, and that is all of them`,
        hint: expect.stringContaining('--db <number>, or --all') as unknown,
      });
      expect((await planned({ pattern, force: true }, context(all))).steps).toHaveLength(1);
    },
  );

  test('must tell what is there afterwards, without calling what others wrote since a failure', async () => {
    const told = async (typed: object, state: State, before?: Record<string, number>): Promise<string> => {
      const input = flush.input.parse(typed);
      return flush.text(
        await flush.report(input, context(state), before === undefined ? {} : { before }),
        plain,
        input,
      );
    };
    const left = (scanned: number): State => ({
      parts: { scan: { is: 'seen', value: { ...calmScan, scanned } } },
      server: several,
    });
    const typed = { pattern: 'product:*' };
    expect(await told(typed, left(0), { keys: 900 })).toBe(
      '✓ removed keys like product:* in database 2: none is left; the cache has 5007 keys now',
    );
    expect(await told(typed, left(3), { keys: 900 })).toBe(
      '✓ removed keys like product:* in database 2; 3 keys are there again, of 900 before, written since by whoever uses the cache; the cache has 5007 keys now',
    );
    expect(await told(typed, left(3), { keys: 3 })).toMatch(/^! .*3 keys are there again, of 3 before/);
    expect(await told({ db: 0 }, left(0), { keys: 900 })).toContain('7 keys are there again, of 900 before');
    expect(await told({ db: 1 }, left(0))).toContain('all keys of database 1: none is left');
    expect(await told(typed, { parts: { scan: { is: 'unknown', reason: 'late' } } })).toContain('could not be seen');
  });

  test('must say who loses the keys, too, and that there is no way back from all', async () => {
    const server = { replicas: 2, isClustered: true };
    const { seen = [] } = await planned({ all: true }, context({ server }));
    expect(seen).toEqual(
      expect.arrayContaining([
        '2 replicas lose them, too',
        'it is one node of a cluster: the keys of the others stay',
        expect.stringContaining('nothing brings the keys back'),
      ]),
    );
    const { persistence } = calmParts;
    if (persistence.is !== 'seen') throw new Error('not seen');
    const saved = { ...persistence.value, lastSaveAt: '2026-03-01T11:00:00.000Z' };
    const one = await planned({ db: 0 }, context({ parts: { persistence: { is: 'seen', value: saved } } }));
    expect(one.seen).toContain(
      'last snapshot 2026-03-01T11:00:00.000Z: until the next one, its file still has the keys',
    );
  });

  test('must be refused while a database has too much to do, unless somebody insists', async () => {
    const full = () => context({}, { ...calmDatabase, connections: 97, connectionLimit: 97 });
    await expect(planned({ all: true }, full())).rejects.toMatchObject({
      ...{ code: 'UNSAFE', message: expect.stringContaining('database main connections: ') as unknown },
    });
    expect((await planned({ all: true, force: true }, full())).steps).toHaveLength(1);
    expect((await planned({ db: 3 })).summary).toBe('remove all keys of database 3 from cache main');
  });
});

describe('cache set-memory', () => {
  const planned = (limit: string, state: State = {}, more: object = {}) =>
    setMemory.plan(setMemory.input.parse({ limit, ...more }), context(state));

  test('must set it, keep it, and put back what was', async () => {
    const plan = await planned('384MiB', { maxMemory: null, memory: 50 * MIB });
    expect(plan.steps.map(({ id }) => id)).toEqual(['cache.limit:main', 'cache.keep:main']);
    expect(plan.steps[0]).toMatchObject({ do: { args: ['main', 384 * MIB] }, undo: { args: ['main', 0] } });
    expect(plan.touches).toEqual(['maxmemory of cache main: no limit → 384 MiB']);
    expect((await planned('384MiB', { maxMemory: 384 * MIB })).steps).toEqual([]);
  });

  test.each<[string, string, State, string]>([
    ['more than its container bears', '385MiB', {}, 'would end in it being killed'],
    ['less than is in use', '32MiB', { memory: 50 * MIB }, 'would be evicted'],
    ['what could not be put back', '64MiB', { maxMemory: undefined }, 'does not tell its limit'],
  ])('must refuse %s', async (_what, limit, state, message) => {
    await expect(planned(limit, state)).rejects.toMatchObject({
      ...{ code: 'UNSAFE', message: expect.stringContaining(message) as unknown },
    });
  });

  test('must refuse what is no size', () => {
    for (const limit of ['512', '512MB', '-1MiB', '0MiB', '1e9GiB'])
      expect(setMemory.input.safeParse({ limit }).success).toBe(false);
  });
});

describe('cache restart', () => {
  type Part = CacheLook['parts']['persistence'];
  const { persistence: calm } = calmParts;
  if (calm.is !== 'seen') throw new Error('not seen');
  const saved = (more: Partial<CachePersistence> = {}): State => ({
    parts: { persistence: { is: 'seen', value: { ...calm.value, ...more } } satisfies Part },
  });
  const planned = (state: State, more: object = {}) => restart.plan(restart.input.parse(more), context(state));

  test.each<[string, State, string]>([
    ['nothing is kept', saved({ saves: false }), 'keeps nothing on disk: a restart would lose its 1000 keys'],
    ['that is hidden', saved({ saves: undefined }), 'does not tell whether it keeps its 1000 keys on disk'],
    ['nothing is told', { parts: { persistence: { is: 'unknown', reason: 'late' } } }, 'does not tell whether'],
    ['the last save failed', saved({ lastSaveOk: false, changes: 98_000 }), '98000 changes would be lost'],
    ['the last append failed', saved({ appends: true, lastAppendOk: false }), 'append-only file the last time'],
    ['it saves, besides', saved({ appends: true, lastSaveOk: false }), 'what the append-only file does not have yet'],
  ])('must be refused, unless somebody insists, where %s', async (_what, state, message) => {
    await expect(planned(state)).rejects.toMatchObject({
      ...{ code: 'UNSAFE', message: expect.stringContaining(message) as unknown },
      hint: expect.stringContaining('--force') as unknown,
    });
    expect((await planned(state, { force: true })).seen?.[0]).toContain(message);
  });

  test('must tell what is kept, and be no matter of force where that is all or nothing is there', async () => {
    expect(await planned(saved({ appends: true, saves: false }))).toMatchObject({
      ...{ seen: ['1000 keys, kept by the append-only file'], before: { keys: 1000 } },
    });
    expect((await planned(saved())).seen).toEqual([
      '1000 keys; 3 changes since the last snapshot, which an orderly end saves',
    ]);
    // Without points of time at which it saves it does not try to at its end.
    expect((await planned(saved({ appends: true, saves: false, lastSaveOk: false }))).steps.length).toBeGreaterThan(0);
    expect((await planned({ ...saved({ saves: false }), keys: 0 })).steps.length).toBeGreaterThan(0);
    expect((await planned(saved({ isLoading: true, saves: false }))).seen).toEqual([
      'it loads its data from disk now, and will begin with that again',
    ]);
  });

  test('must warn of a save that may not end in time', async () => {
    expect((await planned(saved({ lastSaveMs: 45_000 }))).seen).toContain(
      'its last save took 45 s, and 60 seconds after it was asked to end it is killed, saved or not: give it more time with --grace-seconds 135',
    );
    expect((await planned(saved({ lastSaveMs: 45_000 }), { graceSeconds: 135 })).seen).toHaveLength(1);
  });

  test('must be for one that does not answer, and not for one that tells nothing', async () => {
    const down = (code: 'UNREACHABLE' | 'AUTH_FAILED') => new OpsError(code, 'no');
    expect((await planned(down('UNREACHABLE'))).seen).toEqual(['its keys cannot be seen now: no']);
    await expect(planned(down('AUTH_FAILED'))).rejects.toMatchObject({ code: 'AUTH_FAILED' });
    expect((await planned(down('AUTH_FAILED'), { force: true })).seen).toEqual(['its keys cannot be seen now: no']);
  });

  test('must wait until it answers with its data, and the services serve', async () => {
    expect((await planned(saved())).steps.map(({ id }) => id)).toEqual([
      'engine.stop:shop-redis-prod',
      'engine.start:shop-redis-prod',
      'engine.serving:shop-redis-prod',
      'cache.answers:main',
      'engine.serving:shop-api-prod',
    ]);
  });

  test('must not call it a success when the keys did not come back', async () => {
    const ended = async (keys: number, before?: number, more: object = {}): Promise<[string, number]> => {
      const input = restart.input.parse(more);
      const plan = before === undefined ? {} : { before: { keys: before } };
      const data = restart.output.parse(await restart.report(input, context({ keys }), plan));
      return [restart.text(data, plain, input).split('\n')[0] ?? '', restart.exit?.(data, input) ?? 0];
    };
    expect(await ended(1000)).toEqual(['✓ it answers in 0.5 ms with 1000 keys, and the services are healthy', 0]);
    expect(await ended(900, 1000)).toEqual([
      ...['✓ it answers in 0.5 ms with 900 keys, of 1000 before, and the services are healthy', 0],
    ]);
    const lost = '✗ most keys are lost: it answers in 0.5 ms with 0 keys, of 1000 before, and the services are healthy';
    expect(await ended(0, 1000)).toEqual([lost, 1]);
    expect(await ended(0, 1000, { force: true })).toEqual([lost, 0]);
    expect((await ended(0, 0))[1]).toBe(0);
  });
});
