/** What changes a PostgreSQL server, on real ones: what is named is hit, and nothing else; and the looks tell what came of it. */
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';

import type { RunningQuery } from '../../src/core/ports/database-changes.ts';
import { execute } from '../../src/core/execute.ts';
import { planKill, type KillRequest } from '../../src/db/plan-kill.ts';
import { tablesNamed } from '../../src/db/tables-named.ts';
import type { Writers } from '../../src/core/ports.ts';
import { type Major, POSTGRES, type PostgresServer, startPostgres } from '../support/postgres.ts';
import { waitUntil } from '../support/process.ts';
import { databaseReader } from '../support/readers.ts';

const majors = (Object.keys(POSTGRES).map(Number) as Major[]).filter((major) => major >= 13);

describe.each(majors)('PostgreSQL %i', (major) => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres(major, { settings: { max_connections: 60 } });
    // What a role needs that may end what others do: to see it, and to signal it.
    await server.query("create role oncall login password 'oncall-secret' in role pg_monitor, pg_signal_backend");
    await server.query("create role watcher login password 'watch-secret' in role pg_monitor");
    await server.query("create role app login password 'app-secret'");
    await server.query('create table stock (id int primary key, count int)');
    await server.query('insert into stock select n, 10 from generate_series(1, 50) n');
    await server.query('grant select, update on stock to app');
  });
  afterAll(() => server.stop());

  const oncall = () => databaseReader({ main: server.url('oncall', 'oncall-secret') });
  const superuser = () => databaseReader({ main: server.url() });
  const client = async (application: string): Promise<pg.Client> => {
    const opened = await server.client({
      ...{ application_name: application, user: 'app', password: 'app-secret', host: '127.0.0.1', port: server.port },
    });
    opened.on('error', () => undefined);
    onTestFinished(() => opened.end().catch(() => undefined));
    return opened;
  };
  const pidOf = async (one: pg.Client): Promise<number> =>
    (await one.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]?.pid ?? 0;
  /** The session as a look names it. */
  const named = async (pid: number): Promise<RunningQuery> => {
    const { parts } = await oncall().look('main', ['sessions']);
    const found = parts.sessions.is === 'seen' ? parts.sessions.value.find((one) => one.pid === pid) : undefined;
    return { pid, startedAt: found?.startedAt ?? '', queryStartedAt: found?.queryStartedAt ?? null };
  };
  const active = (pid: number): Promise<void> =>
    waitUntil(
      async () =>
        (await server.query(`select from pg_stat_activity where pid = ${pid} and state = 'active'`)).length === 1,
      () => 'never active',
    );
  const soon = (ask: () => Promise<boolean>): Promise<void> => waitUntil(ask, () => 'never so');

  /** Plans to end sessions and does it, as the command does. */
  async function kill(request: Partial<KillRequest> & { pids: number[] }) {
    const database = oncall();
    const { parts } = await database.look('main', ['sessions', 'locks']);
    if (parts.sessions.is !== 'seen' || parts.locks.is !== 'seen') throw new Error('hidden');
    const seen = { sessions: parts.sessions.value, locks: parts.locks.value.locks };
    const plan = planKill(seen, { database: 'main', terminate: false, force: false, ...request });
    const { outcome, left, error } = await execute(plan, {
      writers: { database } as unknown as Writers,
      journal: () => Promise.resolve(),
      listen: () => undefined,
      confirmLock: () => Promise.resolve(),
      signal: new AbortController().signal,
      now: () => new Date(),
    });
    return { plan, outcome, left, error };
  }

  test('30 sessions behind an idle transaction must all go on when its root is ended', async () => {
    const holder = await client('holder');
    await holder.query('begin; update stock set count = 9 where id = 7');
    const root = await pidOf(holder);
    const buyers: Promise<unknown>[] = [];
    for (let index = 0; index < 30; index += 1)
      buyers.push((await client('buyer')).query('update stock set count = count - 1 where id = 7'));
    await soon(async () => (await server.query('select from pg_locks where not granted')).length === 30);
    const { plan, outcome } = await kill({ pids: [root], terminate: true });
    expect(plan.seen?.[0]).toMatch(/idle in transaction .*30 in all go on when it ends$/);
    expect(outcome).toBe('done');
    await Promise.all(buyers);
    expect(await server.query('select count from stock where id = 7')).toEqual([{ count: -20 }]);
  });

  test('a query must be cancelled, and its session stay', async () => {
    const one = await client('report');
    const pid = await pidOf(one);
    const asked = one.query('select pg_sleep(600)').catch((error: Error) => error.message);
    await active(pid);
    expect((await kill({ pids: [pid] })).outcome).toBe('done');
    expect(await asked).toContain('user request');
    expect(await pidOf(one)).toBe(pid);
  });

  test('a query that is cancelled in a transaction must free who waits for that, though its session has not said so', async () => {
    const one = await client('job');
    await one.query('begin; update stock set count = 1 where id = 8');
    const pid = await pidOf(one);
    const asked = one.query('select pg_sleep(600)').catch((error: Error) => error.message);
    const waiter = (await client('waiter')).query('update stock set count = 2 where id = 8');
    await active(pid);
    await soon(async () => (await server.query('select from pg_locks where not granted')).length === 1);
    // Not ended, though that was asked for: cancelling was enough.
    expect((await kill({ pids: [pid], terminate: true })).outcome).toBe('done');
    expect(await asked).toContain('user request');
    await waiter;
    const left = await named(pid);
    expect(await oncall().sessionState('main', left)).toEqual({ state: 'idle in transaction (aborted)' });
    expect((await kill({ pids: [pid], terminate: true })).outcome).toBe('done');
    expect(await oncall().sessionState('main', left)).toEqual({ state: 'gone' });
  });

  test('a session that has gone on to another query must be left alone, and so must one that has its process id', async () => {
    const one = await client('busy');
    const pid = await pidOf(one);
    const before = await named(pid);
    const asked = one.query('select pg_sleep(600)').catch((error: Error) => error.message);
    await active(pid);
    const now = await named(pid);
    const database = oncall();
    for (const other of [before, { ...now, startedAt: '2020-01-01T00:00:00.000000Z' }]) {
      await database.cancel('main', other);
      await database.terminate('main', other);
      expect(await database.isCancelled('main', other)).toBe(true);
    }
    // One that went on is busy: whoever took it for idle does not end it.
    for (const other of [before, now, { ...now, startedAt: '2020-01-01T00:00:00.000000Z' }]) {
      await database.disconnect('main', other);
      expect(await database.hasMovedOn('main', other)).toBe(true);
    }
    expect(await database.isCancelled('main', now)).toBe(false);
    expect(await database.sessionState('main', now)).toEqual({ state: 'active' });
    await database.cancel('main', now);
    expect(await asked).toContain('user request');
    await soon(async () => (await database.sessionState('main', now)).state === 'idle');
    expect(await database.hasMovedOn('main', now)).toBe(false);
    await database.disconnect('main', now);
    await soon(() => database.hasMovedOn('main', now));
    expect(await database.sessionState('main', now)).toEqual({ state: 'gone' });
  });

  test.each([
    ['what it locked before a savepoint', 'begin; update stock set count = 1 where id = 9; savepoint s'],
    ['an advisory lock of its session', 'select pg_advisory_lock(9)'],
  ])(
    'a session that still holds %s when its query is cancelled must be ended, where that was asked for',
    async (_what, held) => {
      const holder = await client('holder');
      const pid = await pidOf(holder);
      await holder.query(held);
      const asked = holder.query('select pg_sleep(600)').catch((error: Error) => error.message);
      await active(pid);
      const waiter = await client('waiter');
      const waits = waiter.query(held.startsWith('begin') ? 'update stock set count = 2 where id = 9' : held);
      await soon(async () => (await server.query('select from pg_locks where not granted')).length === 1);
      const left = await named(pid);
      expect((await kill({ pids: [pid], terminate: true })).outcome).toBe('done');
      expect(await asked).toContain('user request');
      await waits;
      expect(await oncall().sessionState('main', left)).toEqual({ state: 'gone' });
    },
  );

  test('a role without the right must be told which one it lacks, for each change its own', async () => {
    const one = await client('other');
    const pid = await pidOf(one);
    void one.query('select pg_sleep(600)').catch(() => undefined);
    await active(pid);
    const watcher = databaseReader({ main: server.url('watcher', 'watch-secret') });
    const query = await named(pid);
    const lacks: [() => Promise<unknown>, string][] = [
      [() => watcher.cancel('main', query), 'GRANT pg_signal_backend TO watcher'],
      [() => watcher.setConnectionLimit('main', 70), 'GRANT ALTER SYSTEM ON PARAMETER max_connections TO watcher'],
      [() => watcher.checkpoint('main'), 'GRANT pg_checkpoint TO watcher'],
      [() => watcher.hasConnectionLimit('main', 70), 'GRANT SELECT ON pg_file_settings TO watcher; GRANT EXECUTE'],
      [() => watcher.connectionLimit('main'), 'GRANT EXECUTE ON FUNCTION pg_show_all_file_settings() TO watcher'],
      [() => watcher.analyze('main', { schema: 'public', name: 'stock' }, 5000), 'GRANT MAINTAIN ON "public"."stock"'],
    ];
    for (const [call, grant] of lacks)
      await expect(call()).rejects.toMatchObject({
        code: 'REJECTED',
        hint: expect.stringContaining(grant) as unknown,
      });
  });

  test('what the hints say must be enough', async () => {
    await server.query('grant select on pg_file_settings to watcher');
    await server.query('grant execute on function pg_show_all_file_settings() to watcher');
    const watcher = databaseReader({ main: server.url('watcher', 'watch-secret') });
    expect(await watcher.connectionLimit('main')).toMatchObject({
      ...{
        running: 60,
        next: 60,
        set: null,
        reserved: 3,
        source: 'configuration file',
        standbys: 0,
        inRecovery: false,
      },
      ...{ sharedBuffers: 16_777_216, workMemory: 4_194_304, file: `${server.data}/postgresql.auto.conf` },
    });
    if (major < 15) return;
    await server.query('grant alter system on parameter max_connections to watcher');
    await server.query('grant pg_checkpoint to watcher');
    await watcher.setConnectionLimit('main', 70);
    expect(await watcher.connectionLimit('main')).toMatchObject({ running: 60, next: 70, set: 70 });
    await watcher.setConnectionLimit('main', null);
    expect(await watcher.hasConnectionLimit('main', null)).toBe(true);
    await watcher.checkpoint('main');
    if (major < 17) return;
    await server.query('grant maintain on stock to watcher');
    await watcher.analyze('main', { schema: 'public', name: 'stock' }, 5000);
  });

  test('arguments that are none must never become a statement', async () => {
    const evil = { pid: 1, startedAt: "' or true or '' = '", queryStartedAt: null };
    await expect(oncall().cancel('main', evil)).rejects.toMatchObject({ code: 'BUG' });
    await expect(oncall().cancel('main', { ...evil, pid: 1.5 })).rejects.toMatchObject({ code: 'BUG' });
  });

  test('analyze must count a table anew, give up where it is locked, and quote what it is called', async () => {
    await server.query('create table "Odd ""name" (id int); insert into "Odd ""name" select generate_series(1, 1000)');
    const database = superuser();
    await database.analyze('main', { schema: 'public', name: 'Odd "name' }, 10_000);
    expect(await server.query(`select reltuples::int4 as rows from pg_class where relname = 'Odd "name'`)).toEqual([
      { rows: 1000 },
    ]);
    await expect(database.analyze('main', { schema: 'public', name: 'nowhere' }, 10_000)).rejects.toMatchObject({
      code: 'REJECTED',
    });
    const holder = await server.client();
    onTestFinished(() => holder.end());
    await holder.query('begin; lock table stock in access exclusive mode');
    await expect(database.analyze('main', { schema: 'public', name: 'stock' }, 10_000)).rejects.toMatchObject({
      code: 'TIMED_OUT',
    });
    // The connection is as good as before.
    await holder.query('rollback');
    await database.analyze('main', { schema: 'public', name: 'stock' }, 10_000);
  });

  test('a table must be analyzed after it was before, all partitions of it, and be known by what commands call it', async () => {
    for (const sql of [
      'create schema "a.b"',
      'create table "a.b"."Weird Name" (id int)',
      'create table visit (id int) partition by range (id)',
      'create table visit_1 partition of visit for values from (0) to (10)',
      'create table visit_2 partition of visit for values from (10) to (20)',
    ])
      await server.query(sql);
    const database = superuser();
    const known = (...said: string[]) => tablesNamed(said, 'main', database);
    const weird = { schema: 'a.b', name: 'Weird Name', shown: '"a.b"."Weird Name"', analyzedAt: null };
    expect(await known('"a.b"."Weird Name"', 'a.b.Weird Name', 'a.b."Weird Name"')).toEqual([weird]);
    await expect(known('Stock')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await server.query('create schema a; create table a."b.Weird Name" (id int)');
    await expect(known('a.b.Weird Name')).rejects.toMatchObject({
      code: 'USAGE',
      hint: expect.stringContaining(`opsctl db analyze '"a.b"."Weird Name"'`) as unknown,
    });
    const [visit] = await known('visit');
    if (visit === undefined) throw new Error('no visit');
    const isAnalyzed = (since = visit.analyzedAt) => database.isAnalyzed('main', visit, since);
    await server.query('analyze visit_1');
    await soon(async () => (await known('visit'))[0]?.analyzedAt !== null);
    expect(await isAnalyzed()).toBe(false);
    const [again] = await known('public.visit');
    await database.analyze('main', visit, 5000);
    await soon(() => isAnalyzed());
    await soon(() => isAnalyzed(again?.analyzedAt));
    const [now] = await known('visit');
    expect(await isAnalyzed(now?.analyzedAt)).toBe(false);
  });

  test('a limit must hold from the next start on, and be taken back to what was', async () => {
    const database = superuser();
    const running = async (): Promise<unknown> => (await server.query('show max_connections'))[0]?.['max_connections'];
    expect(await database.hasConnectionLimit('main', null)).toBe(true);
    await database.setConnectionLimit('main', 70);
    await soon(() => database.hasConnectionLimit('main', 70));
    expect(await running()).toBe('60');
    await database.setConnectionLimit('main', null);
    await soon(() => database.hasConnectionLimit('main', null));
    await database.setConnectionLimit('main', 65);
    await database.checkpoint('main');
    await server.kill('SIGINT');
    expect(await database.answers('main')).toBe(false);
    await server.start();
    await soon(() => database.answers('main'));
    expect(await running()).toBe('65');
  });
});
