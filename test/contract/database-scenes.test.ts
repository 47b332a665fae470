/**
 * What goes wrong with a database, played on real servers and told by `opsctl db`: report has it with its verdict, its own
 * command names it and what to run. How a pile-up is ended: database-changes.test.ts.
 */
import { appendFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';

import type { ActivityRow } from '../../src/db/activity.ts';
import type { BloatRow } from '../../src/db/bloat.ts';
import type { BlockingRow } from '../../src/db/blocking.ts';
import type { Finding } from '../../src/core/report.ts';
import type { IndexRow } from '../../src/db/indexes.ts';
import type { SequenceRow } from '../../src/db/sequences.ts';
import type { StatementRow } from '../../src/db/slow.ts';
import type { VacuumRow } from '../../src/db/vacuum.ts';
import { machineOf } from '../support/db-command.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { waitUntil } from '../support/process.ts';

describe.each([13, 18] as const)('PostgreSQL %i', (major) => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres(major, {
      settings: { max_connections: 100, shared_preload_libraries: 'pg_stat_statements' },
    });
    await server.query("create role watcher login password 'watch-secret' in role pg_monitor");
  });
  afterAll(() => server.stop());

  /** A database of its own for a scene. */
  async function stage(name: string, ...statements: string[]): Promise<(sql: string) => Promise<pg.QueryResult>> {
    await server.query(`create database ${name}`);
    for (const sql of ['create extension pg_stat_statements', ...statements]) {
      // A session that has ended has counted all that it did: what VACUUM counted anew is not added to.
      const one = await server.client({ database: name });
      await one.query(sql);
      await one.end();
    }
    const client = await server.client({ database: name, application_name: 'shop' });
    onTestFinished(() => client.end());
    return (sql) => client.query(sql);
  }
  const superuser = (name: string, thresholds = {}): ReturnType<typeof machineOf> =>
    machineOf(server.url('postgres', server.password, name), thresholds);
  const watcher = (name: string): ReturnType<typeof machineOf> =>
    machineOf(server.url('watcher', 'watch-secret', name));

  test('a database that is well must have no finding', async () => {
    const sql = await stage(
      'calm',
      'create table customer (id serial primary key, name text)',
      "insert into customer (name) select 'c' || n from generate_series(1, 5000) n",
      'create table orders (id serial primary key, customer int references customer, note text)',
      "insert into orders (customer, note) select 1 + n % 5000, repeat('x', 100) from generate_series(1, 50000) n",
      'create index on orders (customer)',
      'vacuum analyze',
    );
    for (let id = 1; id <= 200; id += 1) await sql(`select * from orders where customer = ${id.toString()}`);
    const { json, text } = await superuser('calm');
    const { exit, data } = await json('db', 'report');
    expect(data.findings).toEqual([]);
    expect(data.reports.map(({ status }) => status)).toEqual(Array(12).fill('ok'));
    expect([exit, data.status]).toEqual([0, 'ok']);
    // Nothing of it is said for people either: twelve lines, one a report, and the verdict.
    expect((await text('db', 'report')).out).not.toMatch(/[✗!]|next/);
  });

  test('30 sessions behind an idle transaction: report must begin with the root and the command that ends it', async () => {
    await stage('pileup', 'create table stock (id int primary key, count int)', 'insert into stock values (7, 40)');
    const open = async (application: string): Promise<pg.Client> => {
      const client = await server.client({ database: 'pileup', application_name: application });
      onTestFinished(() => client.end());
      return client;
    };
    const holder = await open('checkout');
    await holder.query('begin; update stock set count = 39 where id = 7');
    const { rows } = await holder.query<{ pid: number }>('select pg_backend_pid() as pid');
    const root = rows[0]?.pid ?? 0;
    for (let index = 0; index < 30; index += 1)
      void (await open('buyer')).query('update stock set count = count - 1 where id = 7').catch(() => undefined);
    await waitUntil(
      async () => (await server.query('select from pg_locks where not granted')).length === 30,
      () => 'there are never 30 waiting',
    );
    for (const on of [await superuser('pileup'), await watcher('pileup')]) {
      const { exit, data } = await on.json('db', 'report');
      expect([exit, data.status]).toEqual([1, 'crit']);
      const [first, second] = data.findings;
      expect(first).toMatchObject({ check: 'blocking', about: '', status: 'crit', value: 30 });
      expect(first?.next).toEqual([`opsctl db kill ${root.toString()} --terminate --force`]);
      expect(second).toMatchObject({ check: 'blocking', about: `${root.toString()} (checkout)`, status: 'crit' });
      expect(second?.reason).toContain('holds RowExclusive on public.stock; 30 sessions wait');
      const said = (await on.text('db', 'report')).out;
      const lines = said.slice(said.indexOf('\n\n')).trim().split('\n');
      expect(lines[0]).toMatch(new RegExp(`^✗ ${root.toString()} \\(checkout\\): idle in transaction`));
      expect(lines).toContain(`next: opsctl db kill ${root.toString()} --terminate --force`);

      const tree = await on.json<BlockingRow>('db', 'blocking');
      expect(tree.data.rows).toHaveLength(31);
      expect(tree.data.rows[0]).toMatchObject({ pid: root, depth: 0, frees: 30, application: 'checkout' });
    }
  });

  test('a missing index under load must be told: the table, the statement, and what to create', async () => {
    const sql = await stage(
      'slow',
      'create table customer (id int primary key)',
      'insert into customer select generate_series(1, 2000)',
      'create table orders (id int primary key, customer int references customer, code text, note text)',
      "insert into orders select n, 1 + n % 1000, 'c' || n, repeat('x', 100) from generate_series(1, 60000) n",
      'analyze',
    );
    // By a filter, and through a foreign key: who deletes a customer has all orders looked through.
    for (let n = 1; n <= 110; n += 1) await sql(`select * from orders where code = 'c${n.toString()}'`);
    for (let n = 1; n <= 60; n += 1) await sql(`delete from customer where id = ${(1000 + n).toString()}`);
    // A table that takes 20 ms to read everywhere, or an hour of load, would make this test long.
    const on = await superuser('slow', { slowQueryMs: { warn: 0.5 }, sequentialRows: { warn: 1_000_000 } });
    const found = async (check: string, about: RegExp) =>
      (await on.json('db', 'report')).data.findings.find((one) => one.check === check && about.test(one.about));
    let last: Finding | undefined;
    await waitUntil(
      async () => {
        // A session counts what it did when it is done with something, and at most so often.
        await sql('select 1');
        last = await found('indexes', /^public\.orders$/);
        return last?.reason.includes(' 171 scans ') === true;
      },
      () => `the scans are never counted: ${JSON.stringify(last)}`,
    );
    expect(await found('indexes', /^public\.orders$/)).toMatchObject({
      status: 'warn',
      reason: expect.stringMatching(
        /^100 % of its 171 scans read it from end to end, 59649 rows each, 10.2 million rows an hour: .* foreign key \(customer\) has no index/,
      ),
      next: ['CREATE INDEX CONCURRENTLY ON public.orders (customer);', 'opsctl db slow --by io'],
    });
    expect(await found('slow', /^select \* from orders where code = /)).toMatchObject({
      status: 'warn',
      reason: expect.stringMatching(/in 110 calls.*blocks for each row: an index may be missing/),
      next: ['opsctl db indexes', expect.stringContaining('pg_stat_statements')],
    });
    const { data } = await on.json<IndexRow>('db', 'indexes');
    expect(data.rows).toMatchObject([
      { problem: 'missing', table: 'public.orders', index: null },
      { problem: 'foreign key', table: 'public.orders', columns: ['customer'] },
    ]);
    const statements = (await on.json<StatementRow>('db', 'slow')).data.rows;
    expect(statements.find(({ query }) => query.startsWith('delete from customer'))).toMatchObject({ calls: 60 });
    // The advice must work.
    await sql(data.rows[0]?.['next']?.[0] ?? '');
    expect((await on.json<IndexRow>('db', 'indexes')).data.rows.map(({ problem }) => problem)).toEqual(['missing']);
  });

  test('a table that is bloated must be named by bloat, and by vacuum while its dead rows are there', async () => {
    const sql = await stage(
      'bloated',
      'create table visit (id int primary key, at timestamptz, note text)',
      "insert into visit select n, now(), repeat('x', 100) from generate_series(1, 30000) n",
      'vacuum analyze',
    );
    // While somebody has an old snapshot, no dead row makes room; autovacuum is off.
    const nightly = await server.client({ database: 'bloated', application_name: 'nightly' });
    onTestFinished(() => nightly.end());
    await nightly.query('begin isolation level repeatable read; select 1');
    for (let round = 0; round < 6; round += 1) await sql('update visit set at = now()');
    const on = await superuser('bloated');
    expect((await on.json('db', 'vacuum')).data.notes.join('\n')).toMatch(/oldest snapshot: session nightly/);
    await nightly.query('commit');
    const dead = async () =>
      (await on.json('db', 'report')).data.findings.find(
        ({ check, about }) => check === 'vacuum' && about === 'public.visit',
      );
    await waitUntil(
      async () => {
        await sql('select 1');
        return (await dead())?.reason.startsWith('180000 dead rows') === true;
      },
      () => 'the dead rows are never counted',
    );
    expect(await dead()).toMatchObject({
      status: 'crit',
      next: expect.arrayContaining(['VACUUM (VERBOSE, ANALYZE) public.visit;']),
    });
    // Not analysed since: what the catalog remembers is the table as it was.
    const { data } = await on.json('db', 'report');
    expect(data.findings.find(({ check, about }) => check === 'bloat' && about === 'public.visit')).toMatchObject({
      status: 'warn',
      reason: expect.stringContaining('a rewrite gives it back'),
      next: ['opsctl db vacuum', 'pg_repack --table=public.visit'],
    });
    const [worst] = (await on.json<BloatRow>('db', 'bloat')).data.rows;
    expect(worst).toMatchObject({ name: 'public.visit', table: null });
    expect(worst?.ratio).toBeGreaterThan(6);
    expect(worst?.ratio).toBeLessThan(8);
    const rows = (await on.json<VacuumRow>('db', 'vacuum')).data.rows;
    expect(rows[0]).toMatchObject({ table: 'public.visit', deadRows: 180_000, liveRows: 30_000, autovacuum: false });
    // With the dead rows gone the room is still taken.
    await sql('vacuum analyze visit');
    await waitUntil(
      async () => (await dead()) === undefined,
      () => 'the dead rows stay',
    );
    const after = (await on.json('db', 'report')).data.findings.filter(({ about }) => about === 'public.visit');
    expect(after.map(({ check, status }) => [check, status])).toEqual([['bloat', 'warn']]);
  });

  test('a sequence that is 95 % used must be named, with what widens it', async () => {
    const sql = await stage(
      'worn',
      'create table ticket (id serial primary key)',
      "select setval('ticket_id_seq', 2040109464)",
    );
    const on = await superuser('worn');
    const found = async () =>
      (await on.json('db', 'report')).data.findings.find(({ about }) => about === 'public.ticket_id_seq');
    expect((await found())?.status).toBe('warn');
    await sql('insert into ticket default values');
    expect(await found()).toMatchObject({
      check: 'sequences',
      status: 'crit',
      reason: expect.stringMatching(/^95\.0 % used, 107374182 values left/),
    });
    expect((await on.json('db', 'report')).exit).toBe(1);
    const [row] = (await on.json<SequenceRow>('db', 'sequences')).data.rows;
    expect(row).toMatchObject({ sequence: 'public.ticket_id_seq', column: 'public.ticket.id', last: 2_040_109_465 });
    // The advice must work.
    for (const statement of (await found())?.next ?? []) await sql(statement);
    expect(await found()).toBeUndefined();
  });
});

describe.each([13, 18] as const)('PostgreSQL %i without a connection slot', (major) => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres(major, {
      settings: { max_connections: 12, ...(major >= 16 && { reserved_connections: 2 }) },
    });
    await server.query("create role app login password 'app-secret'");
    await server.query("create role watcher login password 'watch-secret' in role pg_monitor");
  });
  afterAll(() => server.stop());

  /** A service that takes every connection that it can get. */
  async function leak(): Promise<number> {
    const taken: pg.Client[] = [];
    onTestFinished(async () => {
      await Promise.all(taken.map((client) => client.end()));
    });
    const one = { user: 'app', password: 'app-secret', host: '127.0.0.1', application_name: 'shop-api' };
    for (;;) {
      const client = await server.client(one).catch((error: { code: string }) => error.code);
      if (typeof client === 'string') {
        expect(client).toBe('53300');
        return taken.length;
      }
      taken.push(client);
    }
  }

  test('who may use a reserved one must still get every report, with what is wrong first', async () => {
    const taken = await leak();
    expect(taken).toBe(major >= 16 ? 7 : 9);
    const urls = [server.url()];
    if (major >= 16) {
      await server.query('grant pg_use_reserved_connections to watcher');
      onTestFinished(async () => void (await server.query('revoke pg_use_reserved_connections from watcher')));
      urls.push(server.url('watcher', 'watch-secret'));
    }
    for (const url of urls) {
      const on = await machineOf(url);
      const { exit, data } = await on.json('db', 'report');
      expect(exit).toBe(1);
      expect(data.findings[0]).toMatchObject({
        check: 'connections',
        status: 'crit',
        value: taken,
        reason: expect.stringMatching(
          new RegExp(
            `^${taken.toString()} of ${taken.toString()} usable connections \\(100 %\\); most are of shop-api, all of them idle, \\d+ the longest, for `,
          ),
        ),
        next: ['opsctl db activity --idle'],
      });
      // Whose pids they are, the longest first.
      const idle = (await on.json<ActivityRow>('db', 'activity', '--idle')).data.rows;
      expect(idle.map(({ application, state }) => [application, state])).toEqual(
        Array.from({ length: taken }, () => ['shop-api', 'idle']),
      );
      expect(idle.map(({ stateMs }) => stateMs)).toEqual(
        idle.map(({ stateMs }) => stateMs).toSorted((a, b) => Number(b) - Number(a)),
      );
      expect(data.findings[0]?.reason).toContain(` ${(idle[0]?.pid ?? 0).toString()} the longest`);
      expect(data.reports.filter(({ status }) => status === 'unknown')).toEqual([]);
      const { rows } = (await on.json('db', 'connections')).data;
      expect(rows).toMatchObject([{ user: 'app', application: 'shop-api', connections: taken, idle: taken }]);
    }
  });

  test('full, a wrong password and a server that starts must be three answers, of every command', async () => {
    const commands = [['ready'], ['report'], ['connections']];
    const answers = async (url: string): Promise<string[]> => {
      const on = await machineOf(url);
      const said = [];
      for (const words of commands) {
        const { exit, error } = await on.json('db', ...words);
        said.push(`${exit.toString()} ${error.code} ${error.message}; ${error.hint}`);
      }
      expect(new Set(said).size).toBe(1);
      return said;
    };
    const watcher = server.url('watcher', 'watch-secret');
    const wrong = await answers(server.url('watcher', 'wrong'));
    await leak();
    const full = await answers(watcher);
    await server.kill('SIGINT');
    // It waits for log to replay and lets nobody read meanwhile: it starts, for as long as one likes.
    await writeFile(path.join(server.data, 'standby.signal'), '');
    await appendFile(path.join(server.data, 'postgresql.conf'), 'hot_standby = off\n');
    server.launch();
    const on = await machineOf(watcher);
    await waitUntil(
      async () => (await on.json('db', 'ready')).error.code === 'NOT_READY',
      () => 'the server never says that it starts',
    );
    const starting = await answers(watcher);
    expect(wrong[0]).toMatch(/^6 AUTH_FAILED postgres main refuses the password of role watcher; Correct password/);
    expect(full[0]).toMatch(
      /^6 NOT_READY postgres main has no connection slot left: .*; A superuser, or .* still gets in/,
    );
    expect(starting[0]).toMatch(
      /^6 NOT_READY postgres main does not accept connections now: .*; It starts, recovers or/,
    );
  });
});
