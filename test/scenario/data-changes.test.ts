/**
 * What changes a database or a cache, on the reference platform: refused without a yes, carried out as its dry run said,
 * and, killed at a step, explained by the history, whose way out leads to an end. The short form kills some of
 * them at their first step; all at each: OPSCTL_TEST_KILL=all.
 */
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';

import { ensurePlatform } from '../../demo/platform.ts';
import { ALL, as, docker, documentOf, freeLock, leftOver, whenAt } from '../support/deploy-scene.ts';
import { waitUntil } from '../support/process.ts';

const [alice, bob] = [as('alice'), as('bob')];

const psql = async (sql: string): Promise<string> =>
  (await docker('exec', 'ecommerce-postgres-prod', 'psql', '-XtAU', 'postgres', '-d', 'ecommerce', '-c', sql)).trim();
const redis = async (...words: string[]): Promise<string> =>
  (await docker('exec', 'ecommerce-redis-prod', 'redis-cli', ...words)).trim();

/** A session that holds a lock on a product and sleeps; its process id. */
async function sleeper(): Promise<string> {
  const sql = `begin; update products set stock = stock where id = 2999; select pg_sleep(600) as held_by_the_test`;
  const args = ['exec', 'ecommerce-postgres-prod', 'psql', '-XU', 'postgres', '-d', 'ecommerce', '-c', sql];
  void execa('docker', ['--host', inject('platform').dockerHost, ...args], { reject: false });
  await waitUntil(
    async () => (await sleepers()) !== '',
    () => 'no session sleeps',
  );
  return await sleepers();
}
const sleepers = (): Promise<string> =>
  psql(`select pid from pg_stat_activity where query like '%held_by_the_test' and wait_event = 'PgSleep'`);

const startOf = (container: string): Promise<string> =>
  docker('inspect', '--format', '{{.State.StartedAt}}', container);

interface DataChange {
  argv: () => Promise<string[]>;
  /** It cannot be undone, which a yes does not cover. */
  confirm?: true;
  /** What is different once it is done, as text. */
  effect: (argv: string[]) => Promise<string>;
  /** What that is then; absent where it only must differ from what it was. */
  result?: string;
  again: () => Promise<unknown>;
}

/** Killed in the short form, too. */
const SHORT = ['cache flush', 'db kill', 'db restart'];

const CHANGES: Record<string, DataChange> = {
  'cache flush': {
    argv: async () => ['cache', 'flush', '--pattern', 'test:*'],
    confirm: true,
    effect: async () => (await redis('--scan', '--pattern', 'test:*')).split('\n').filter(Boolean).length.toString(),
    result: '0',
    again: async () => {
      await redis('eval', "for i = 1, 500 do redis.call('set', 'test:' .. i, 'x', 'EX', 3600) end", '0');
    },
  },
  'cache set-memory': {
    argv: async () => ['cache', 'set-memory', '50MiB'],
    effect: async () => await redis('config', 'get', 'maxmemory'),
    result: `maxmemory\n${(50 * 1024 * 1024).toString()}`,
    again: async () => await redis('config', 'set', 'maxmemory', (64 * 1024 * 1024).toString()),
  },
  'cache restart': {
    argv: async () => ['cache', 'restart', '--force'],
    effect: async () => await startOf('ecommerce-redis-prod'),
    again: async () => undefined,
  },
  'cache warm': {
    argv: async () => ['cache', 'warm'],
    // Visitors fill it, too, one by one.
    effect: async () =>
      (await redis(
        'eval',
        "local n = 0; for i = 1, 300 do n = n + redis.call('exists', 'product:' .. i) end; return n",
        '0',
      )) === '300'
        ? 'all'
        : 'some',
    result: 'all',
    again: async () => {
      await redis('eval', "for i = 1, 300 do redis.call('unlink', 'product:' .. i) end", '0');
    },
  },
  'db kill': {
    argv: async () => ['db', 'kill', await sleepers(), '--force'],
    confirm: true,
    effect: async () => ((await sleepers()) === '' ? 'gone' : 'there'),
    result: 'gone',
    again: async () => {
      if ((await sleepers()) === '') await sleeper();
    },
  },
  'db set-limit': {
    argv: async () => ['db', 'set-limit', '80'],
    effect: async () =>
      await psql(
        `select setting from pg_file_settings where name = 'max_connections' and sourcefile like '%auto.conf'`,
      ),
    result: '80',
    again: async () => await psql('alter system reset max_connections'),
  },
  'db restart': {
    argv: async () => ['db', 'restart'],
    effect: async () => await startOf('ecommerce-postgres-prod'),
    // With what it had before it was limited above.
    again: async () => await psql('alter system reset max_connections'),
  },
};

interface History {
  changes: { id: string; command: string; outcome: string; next: string[]; recoveredBy?: string }[];
  steps?: { id: string; state: string }[];
}
const history = async (...argv: string[]): Promise<History> =>
  (await bob(['history', ...argv, '--json'])).json<{ data: History }>().data;

interface ShownPlan {
  steps: { id: string }[];
  seen?: unknown;
  before?: unknown;
}
/** What is carried out: all but what is so at this moment, under a load that goes on. */
const lasting = ({ seen: _seen, before: _before, ...rest }: ShownPlan): object => rest;

const planOf = async (argv: string[]): Promise<ShownPlan> => {
  const dry = await alice([...argv, '--dry-run', '--json']);
  expect(dry.code, dry.stdout + dry.stderr).toBe(0);
  return documentOf(dry).plan as ShownPlan;
};

beforeAll(async () => {
  await ensurePlatform();
  // What a run that failed left in the middle is no matter of this one.
  for (const { id, outcome } of (await history()).changes)
    if (outcome === 'interrupted') {
      const closed = await bob([
        'abort',
        id,
        '--abandon',
        '--reason',
        'left by a test',
        '--yes',
        '--confirm',
        'production',
      ]);
      expect(closed.code, closed.stderr).toBe(0);
    }
});
afterAll(async () => {
  await ensurePlatform();
});

describe.each(Object.entries(CHANGES))('%s', (name, { argv, effect, result, again, confirm }) => {
  const yes = confirm === undefined ? [] : ['--confirm', 'main'];
  test('must be refused without a yes, and then do what its dry run said', async () => {
    await again();
    const typed = await argv();
    const before = await effect(typed);
    const refused = await alice([...typed, '--json']);
    expect([refused.code, documentOf(refused).error?.code], refused.stdout).toEqual([5, 'NOT_CONFIRMED']);
    const planned = await planOf(typed);
    expect(await effect(typed)).toBe(before);
    const done = await alice([...typed, ...yes, '--yes', '--json']);
    expect(done.code, done.stdout + done.stderr).toBe(0);
    expect(lasting(documentOf(done).plan as ShownPlan)).toEqual(lasting(planned));
    const after = await effect(typed);
    expect([after === before, after]).toEqual([false, result ?? after]);
    const [change] = (await history()).changes;
    expect(change).toMatchObject({ command: name, outcome: 'done', next: [] });
  });

  test.runIf(ALL || SHORT.includes(name))(
    'killed at a step it must be explained by the history, and the way out that it names must lead to an end',
    async () => {
      await again();
      const ids = (await planOf(await argv())).steps.map(({ id }) => id);
      for (const id of ALL ? ids : ids.slice(0, 1)) {
        await again();
        const typed = await argv();
        const before = await effect(typed);
        const killed = await whenAt(
          [...typed, ...yes],
          // A session has another number each time.
          (begun) => begun.replace(/^(database\..*:)\d+$/, '$1') === id.replace(/^(database\..*:)\d+$/, '$1'),
          (child) => child.kill('SIGKILL'),
        );
        expect(killed.signal, `${id}: ${killed.stdout}${killed.stderr}`).toBe('SIGKILL');
        await freeLock();
        const interrupted = (await history()).changes.find(({ command }) => command === name);
        expect(interrupted, id).toMatchObject({ outcome: 'interrupted' });
        const { steps = [] } = await history(interrupted?.id ?? '');
        expect(
          steps.map(({ state }) => state),
          id,
        ).toContain('running');
        const next = interrupted?.next ?? [];
        expect(next[0], id).toMatch(/^opsctl (?:resume|abort)/);
        const recovered = await bob([...(next[0] ?? '').split(' ').slice(1), ...yes, '--yes', '--json']);
        expect(recovered.code, `${id}: ${next[0] ?? ''}: ${recovered.stdout}`).toBe(0);
        const { changes } = await history();
        expect(
          changes.find((one) => one.id === interrupted?.id),
          id,
        ).toMatchObject({ outcome: 'recovered', next: [] });
        if (next[0]?.startsWith('opsctl resume') === true) {
          const after = await effect(typed);
          expect([after === before, after], id).toEqual([false, result ?? after]);
        }
        expect(await leftOver(), id).toEqual([]);
      }
    },
    ALL ? 1_800_000 : 300_000,
  );
});
