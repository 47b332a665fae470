/**
 * The facts that tools for PostgreSQL show (docs/peers-database.md), asked of the system views here in this test's own words,
 * and of `opsctl db … --json`: on one database both must say the same. The views are the judge.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';

import type { ActivityRow } from '../../src/db/activity.ts';
import type { BloatRow } from '../../src/db/bloat.ts';
import type { BlockingRow } from '../../src/db/blocking.ts';
import type { CacheHitRow } from '../../src/db/cache-hit.ts';
import type { ConnectionsRow } from '../../src/db/connections.ts';
import type { IndexRow } from '../../src/db/indexes.ts';
import type { LockRow } from '../../src/db/locks.ts';
import type { ReplicationRow } from '../../src/db/replication.ts';
import type { SequenceRow } from '../../src/db/sequences.ts';
import type { SizeRow } from '../../src/db/sizes.ts';
import type { StatementRow } from '../../src/db/slow.ts';
import type { VacuumRow } from '../../src/db/vacuum.ts';
import { machineOf, type Said } from '../support/db-command.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { waitUntil } from '../support/process.ts';

const SHOP = [
  'create extension pg_stat_statements',
  'create table customer (id serial primary key, name text, code uuid)',
  "insert into customer (name) select 'customer ' || n from generate_series(1, 20000) n",
  'create table orders (id bigserial primary key, customer int references customer, state text, note text)',
  "insert into orders (customer, state, note) select 1 + n % 20000, 'open', repeat('x', 80) from generate_series(1, 60000) n",
  'create table line (id serial primary key, orders bigint references orders, product int)',
  'insert into line (orders, product) select 1 + n % 60000, n % 500 from generate_series(1, 60000) n',
  // The sequence has room, its column has not.
  'create sequence photo_number',
  "create table photo (id int primary key default nextval('photo_number'), bytes text)",
  'alter sequence photo_number owned by photo.id',
  "select setval('photo_number', 1000000000)",
  "insert into photo (bytes) select string_agg(md5((n * m)::text), '') from generate_series(1, 40) n, generate_series(1, 300) m group by n",
  'create index line_of_orders on line (orders)',
  'create index customer_by_name on customer (name)',
  'create index customer_by_name_again on customer (name)',
  'create index customer_by_code on customer (code)',
  "select setval('line_id_seq', 1500000000)",
  'vacuum analyze',
  // A third of the orders is changed, and half of the customers goes.
  "update orders set state = 'paid' where id % 3 = 0",
  'alter table orders drop constraint orders_customer_fkey',
  'delete from customer where id % 2 = 0',
  'alter table orders add foreign key (customer) references customer not valid',
  "select pg_create_physical_replication_slot('standby', true)",
  "select pg_create_logical_replication_slot('cdc', 'pgoutput')",
];

describe.each([13, 18] as const)('PostgreSQL %i', (major) => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres(major, {
      settings: { shared_preload_libraries: 'pg_stat_statements', wal_level: 'logical' },
    });
    // A session that has ended has counted all that it did.
    for (const sql of SHOP) await server.query(sql);
    await server.query(
      "create role app login password 'app-secret'; grant select on all tables in schema public to app",
    );
    const app = await server.client({ user: 'app', password: 'app-secret', host: '127.0.0.1' });
    for (let n = 1; n <= 120; n += 1) {
      await app.query('select * from orders where id = $1', [n]);
      await app.query('select count(*) from line where orders = $1', [n]);
      if (n <= 30) await app.query('select count(*) from orders where state = $1', ['open']);
    }
    await app.end();
    await waitUntil(
      async () =>
        (
          await server.query(
            "select from pg_stat_user_indexes where indexrelname = 'line_of_orders' and idx_scan = 120",
          )
        ).length === 1,
      () => 'the scans are never counted',
    );
  });
  afterAll(() => server.stop());

  const asked = async <R>(verb: string, ...more: string[]): Promise<Said<R>['data']> => {
    const on = await machineOf(server.url(), { unusedIndexBytes: { warn: 50_000 } });
    return (await on.json<R>('db', verb, ...more)).data;
  };
  const judge = <R>(sql: string): Promise<R[]> => server.query(sql) as Promise<R[]>;
  const open = async (application: string): Promise<pg.Client> => {
    const client = await server.client({ application_name: application });
    onTestFinished(() => client.end());
    return client;
  };

  test('sizes, rows and scans of tables', async () => {
    const { rows, findings } = await asked<SizeRow>('sizes');
    const tables = await judge<Partial<SizeRow> & { table: string; all: number; maps: number }>(
      `with part as (
         select t.oid as of, t.oid as id from pg_class t
         union all select t.oid, t.reltoastrelid from pg_class t where t.reltoastrelid <> 0
         union all select t.oid, i.indexrelid from pg_class t join pg_index i on i.indrelid in (t.oid, t.reltoastrelid))
       select 'public.' || c.relname as table, pg_relation_size(c.oid)::float8 as "rowBytes",
              pg_indexes_size(c.oid)::float8 as "indexWithMaps", pg_total_relation_size(c.oid)::float8 as all,
              (select sum(pg_relation_size(p.id, 'fsm') + pg_relation_size(p.id, 'vm')) from part p where p.of = c.oid)::float8 as maps,
              c.reltuples::float8 as rows, s.seq_scan::float8 as "sequentialScans", s.idx_scan::float8 as "indexScans"
       from pg_class c join pg_stat_user_tables s on s.relid = c.oid where s.schemaname = 'public'`,
    );
    expect(tables).toHaveLength(4);
    for (const { table, all, maps, ...real } of tables) {
      const row = rows.find((one) => one.table === table);
      const { rowBytes, sequentialScans, indexScans, rows: count } = real;
      expect(row).toMatchObject({ rowBytes, sequentialScans, indexScans, rows: count, estimated: false });
      // Peers count the maps of free space and of visibility, too: what the functions call total.
      expect([table, row?.bytes]).toEqual([table, all - maps]);
      expect(row?.bytes).toBe((row?.rowBytes ?? 0) + (row?.toastBytes ?? 0) + (row?.indexBytes ?? 0));
    }
    expect(findings[0]?.value).toBe(tables.reduce((sum, one) => sum + one.all - one.maps, 0));
  });

  test('sizes and scans of indexes', async () => {
    const { rows } = await asked<IndexRow>('indexes', '--all');
    const real = await judge<{ index: string; table: string; bytes: number; scans: number; columns: string[] }>(
      `select 'public.' || s.indexrelname as index, 'public.' || s.relname as table, s.idx_scan::float8 as scans,
              pg_relation_size(s.indexrelid)::float8 as bytes,
              array(select attname::text from pg_attribute where attrelid = s.indexrelid order by attnum) as columns
       from pg_stat_user_indexes s order by s.indexrelname`,
    );
    const shown = rows
      .filter(({ index }) => index !== null)
      .map(({ index, table, bytes, scans, columns }) => ({
        ...{ index, table, bytes, scans, columns },
      }));
    // One is unused and a duplicate: twice a row.
    const once = [...new Map(shown.map((one) => [one.index, one])).values()];
    expect(once.toSorted((a, b) => ((a.index ?? '') < (b.index ?? '') ? -1 : 1))).toEqual(real);
  });

  test('indexes that are unused or duplicate, foreign keys without one', async () => {
    const { rows } = await asked<IndexRow>('indexes');
    const named = (...problems: string[]) =>
      rows
        .filter(({ problem }) => problems.includes(problem))
        .map(({ index, table }) => index ?? table)
        .toSorted();
    const names = async (sql: string): Promise<string[]> =>
      (await judge<{ name: string }>(sql)).map(({ name }) => `public.${name}`).toSorted();
    expect(named('unused')).toEqual(
      await names(
        `select indexrelname as name from pg_stat_user_indexes s join pg_index x using (indexrelid)
         where idx_scan = 0 and not indisunique and pg_relation_size(indexrelid) > 50000`,
      ),
    );
    expect(named('unused')).toContain('public.customer_by_code');
    expect(named('duplicate')).toEqual(
      await names(
        `select max(i.relname) as name from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class t on t.oid = x.indrelid
         where t.relnamespace = 'public'::regnamespace group by x.indrelid, x.indkey, x.indclass having count(*) > 1`,
      ),
    );
    expect(named('foreign key')).toEqual(
      await names(
        `select t.relname as name from pg_constraint f join pg_class t on t.oid = f.conrelid
         where f.contype = 'f' and not exists (select from pg_index x where x.indrelid = f.conrelid and x.indkey[0] = f.conkey[1])`,
      ),
    );
    expect(named('foreign key')).toEqual(['public.orders']);
  });

  test('hit ratios of tables, of their indexes, and of the database', async () => {
    const { rows, findings } = await asked<CacheHitRow>('cache-hit');
    const real = await judge<{ table: string; heap: number; index: number; reads: number }>(
      `select 'public.' || relname as table,
              (heap_blks_hit + coalesce(toast_blks_hit, 0) + coalesce(tidx_blks_hit, 0))::float8
                / nullif(heap_blks_hit + heap_blks_read + coalesce(toast_blks_hit + toast_blks_read + tidx_blks_hit + tidx_blks_read, 0), 0) as heap,
              idx_blks_hit::float8 / nullif(idx_blks_hit + idx_blks_read, 0) as index,
              (heap_blks_read + idx_blks_read + coalesce(toast_blks_read + tidx_blks_read, 0))::float8 as reads
       from pg_statio_user_tables`,
    );
    expect(real).toHaveLength(4);
    for (const { table, heap, index, reads } of real) {
      const row = rows.find((one) => one.table === table);
      expect([table, row?.hitRatio, row?.indexHitRatio, row?.readBlocks]).toEqual([
        table,
        expect.closeTo(heap, 9),
        expect.closeTo(index, 9),
        reads,
      ]);
    }
    const [all] = await judge<{ ratio: number }>(
      'select blks_hit::float8 / (blks_hit + blks_read) as ratio from pg_stat_database where datname = current_database()',
    );
    // To ask reads the catalog, which counts.
    expect(findings[0]?.value).toBeCloseTo(all?.ratio ?? Number.NaN, 2);
  });

  test('dead rows, when autovacuum comes, and the age of transaction ids', async () => {
    const { rows } = await asked<VacuumRow>('vacuum');
    const real = await judge<Partial<VacuumRow> & { vacuumed: Date }>(
      `select 'public.' || s.relname as table, n_live_tup::float8 as "liveRows", n_dead_tup::float8 as "deadRows",
              n_dead_tup::float8 / (n_live_tup + n_dead_tup) as "deadShare", 50 + 0.2 * c.reltuples::float8 as threshold,
              last_vacuum as vacuumed, greatest(age(c.relfrozenxid), age(o.relfrozenxid))::float8 as "xidAge"
       from pg_stat_user_tables s join pg_class c on c.oid = s.relid left join pg_class o on o.oid = c.reltoastrelid
       where n_dead_tup > 0 order by n_dead_tup desc`,
    );
    expect(real.map(({ table }) => table)).toEqual(['public.orders', 'public.customer']);
    expect(rows).toEqual(
      real.map(({ vacuumed, threshold, ...one }) => ({
        ...one,
        threshold: expect.closeTo(threshold ?? Number.NaN, 3),
        ...{ autovacuum: false, running: null, vacuumedAt: vacuumed.toISOString(), analyzedAt: expect.any(String) },
      })),
    );
  });

  test('bloat, against what the rows take when they are written anew', async () => {
    // What was deleted is not known to the statistics of columns and rows before.
    await server.query('vacuum analyze');
    const { rows } = await asked<BloatRow>('bloat');
    const client = await open('packer');
    for (const table of ['orders', 'customer']) {
      await client.query(`create temp table packed_${table} as select * from ${table}`);
      const { rows: real } = await client.query<{ now: number; packed: number }>(
        `select pg_relation_size('${table}')::float8 as now, pg_relation_size('packed_${table}')::float8 as packed`,
      );
      const { now = Number.NaN, packed = Number.NaN } = real[0] ?? {};
      expect(now / packed).toBeGreaterThan(1.2);
      const row = rows.find(({ name }) => name === `public.${table}`);
      expect(row?.bytes).toBe(now);
      // Peers say so from 4 or 10 times on; the estimate is off by a seventh at most.
      expect((row?.expectedBytes ?? Number.NaN) / packed).toBeGreaterThan(6 / 7);
      expect((row?.expectedBytes ?? Number.NaN) / packed).toBeLessThan(8 / 7);
    }
  });

  test('sequences, by what their column can take', async () => {
    const { rows } = await asked<SequenceRow>('sequences');
    const real = await judge<{ sequence: string; last: number; used: number }>(
      `select 'public.' || s.sequencename as sequence, s.last_value::float8 as last,
              s.last_value::float8 / least(s.max_value, case a.atttypid when 'int4'::regtype then 2147483647 else s.max_value end) as used
       from pg_sequences s
         join pg_attribute a on pg_get_serial_sequence('public.' || a.attrelid::regclass::text, a.attname) = 'public.' || s.sequencename
         join pg_class t on t.oid = a.attrelid and t.relnamespace = 'public'::regnamespace and t.relkind = 'r'
       order by used desc`,
    );
    expect(real).toHaveLength(4);
    expect(rows.map(({ sequence, last, used }) => ({ sequence, last, used: expect.closeTo(used ?? -1, 6) }))).toEqual(
      real,
    );
    expect(rows[0]).toMatchObject({ sequence: 'public.line_id_seq', used: expect.closeTo(0.698, 3) });
  });

  test('statements by total, calls, mean and io', async () => {
    // What only this test does: with all that was asked before, it would not be among the first.
    await server.query('select pg_stat_statements_reset()');
    const app = await server.client({ user: 'app', password: 'app-secret', host: '127.0.0.1' });
    onTestFinished(() => app.end());
    for (let n = 1; n <= 40; n += 1) {
      await app.query('select * from orders where id = $1', [n]);
      if (n <= 30) await app.query('select count(*) from orders where state = $1', ['open']);
      if (n <= 20) await app.query('select count(*) from line where orders = $1', [n]);
    }
    const real = await judge<StatementRow>(
      `select s.queryid::text as id, s.calls::float8 as calls, s.rows::float8 as rows, s.total_exec_time as "totalMs",
              s.mean_exec_time as "meanMs", s.max_exec_time as "maxMs", s.shared_blks_hit::float8 as "hitBlocks",
              s.shared_blks_read::float8 as "readBlocks", s.temp_blks_written::float8 as "tempBlocks"
       from pg_stat_statements s join pg_roles r on r.oid = s.userid where r.rolname = 'app'`,
    );
    expect(real.map(({ calls }) => calls).toSorted((a, b) => a - b)).toEqual([20, 30, 40]);
    const measure = {
      total: (one: StatementRow) => one.totalMs,
      calls: (one: StatementRow) => one.calls,
      mean: (one: StatementRow) => one.meanMs,
      io: (one: StatementRow) => one.readBlocks,
    };
    for (const [by, of] of Object.entries(measure)) {
      const { rows } = await asked<StatementRow>('slow', '--by', by);
      const own = rows.filter(({ user }) => user === 'app');
      expect(own).toHaveLength(3);
      for (const one of real) expect(own.find(({ id }) => id === one.id)).toMatchObject(one);
      expect([by, own.map(of)]).toEqual([by, real.map(of).toSorted((a, b) => b - a)]);
    }
  });

  test('connections by role, database and application', async () => {
    for (const sql of ['select 1', 'begin', 'begin']) await (await open('web')).query(sql);
    const { rows } = await asked<ConnectionsRow>('connections');
    const real = await judge<Partial<ConnectionsRow>>(
      `select datname as database, usename as user, application_name as application, count(*)::int4 as connections,
              (count(*) filter (where state = 'idle in transaction'))::int4 as "idleInTransaction"
       from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid() group by 1, 2, 3`,
    );
    expect(real).toEqual([expect.objectContaining({ application: 'web', connections: 3, idleInTransaction: 2 })]);
    expect(rows).toEqual(real.map((one) => expect.objectContaining(one)));
  });

  test('queries that run for long', async () => {
    const client = await open('nightly');
    const { rows: own } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    void client.query('select pg_sleep(600)').catch(() => undefined);
    const ages = () =>
      judge<{ pid: number; ms: number; query: string }>(
        `select pid, extract(epoch from clock_timestamp() - query_start)::float8 * 1000 as ms, query
         from pg_stat_activity where state = 'active' and pid = ${(own[0]?.pid ?? 0).toString()} and query like '%pg_sleep%'`,
      );
    await waitUntil(
      async () => (await ages()).length === 1,
      () => 'it never runs',
    );
    const [before] = await ages();
    const { rows } = await asked<ActivityRow>('activity');
    const [after] = await ages();
    const row = rows.find(({ pid }) => pid === before?.pid);
    expect(row).toMatchObject({
      state: 'active',
      application: 'nightly',
      query: before?.query,
      wait: 'Timeout: PgSleep',
    });
    expect(row?.queryMs).toBeGreaterThanOrEqual(before?.ms ?? Number.NaN);
    expect(row?.queryMs).toBeLessThanOrEqual(after?.ms ?? Number.NaN);
    await server.query(`select pg_cancel_backend(${(own[0]?.pid ?? 0).toString()})`);
  });

  test('locks, and who waits for whom', async () => {
    const migration = await open('migration');
    await migration.query('begin; lock table line in exclusive mode');
    const waiter = await open('api');
    void waiter.query('delete from line where id = 1').catch(() => undefined);
    const real = () =>
      judge<{ pid: number; mode: string; granted: boolean; blockers: number[] }>(
        `select pid, mode, granted, case when granted then '{}' else pg_blocking_pids(pid) end as blockers
         from pg_locks where relation = 'line'::regclass order by granted`,
      );
    await waitUntil(
      async () => (await real()).length === 2,
      () => 'nobody waits',
    );
    const locks = (await asked<LockRow>('locks')).rows;
    expect(
      locks.map(({ pid, mode, granted, blockedBy, target }) => ({ pid, mode, granted, blockers: blockedBy, target })),
    ).toEqual((await real()).map((one) => ({ ...one, target: 'public.line' })));
    const tree = (await asked<BlockingRow>('blocking')).rows;
    const [waits, holds] = await real();
    expect(tree.map(({ pid, blockedBy }) => ({ pid, blockedBy }))).toEqual([
      { pid: holds?.pid, blockedBy: [] },
      { pid: waits?.pid, blockedBy: [holds?.pid] },
    ]);
    expect(tree[1]).toMatchObject({ query: 'delete from line where id = 1', application: 'api' });
  });

  test('replication slots', async () => {
    const real = () =>
      judge<{ name: string; mode: string; state: string; kept: number }>(
        `select slot_name as name, slot_type as mode, case when active then 'active' else 'inactive' end as state,
                (pg_current_wal_lsn() - restart_lsn)::float8 as kept from pg_replication_slots order by slot_name`,
      );
    const before = await real();
    const { rows } = await asked<ReplicationRow>('replication');
    const after = await real();
    expect(before.map(({ name }) => name)).toEqual(['cdc', 'standby']);
    expect(rows).toHaveLength(2);
    for (const [at, { name, mode, state, kept }] of before.entries()) {
      const row = rows.find((one) => one.name === name);
      expect(row).toMatchObject({ kind: 'slot', mode, state });
      expect(row?.lagBytes).toBeGreaterThanOrEqual(kept);
      expect(row?.lagBytes).toBeLessThanOrEqual(after[at]?.kept ?? Number.NaN);
    }
  });

  test('queries that the page of peers gives must run, and answer', async () => {
    const page = await readFile(path.join(import.meta.dirname, '..', '..', 'docs', 'peers-database.md'), 'utf8');
    const queries = [...page.matchAll(/`db query "([^"]+)"`/g)].map(([, sql = '']) => sql);
    expect(queries.length).toBeGreaterThan(3);
    const on = await machineOf(server.url());
    for (const sql of queries) {
      const { exit, data } = await on.json('db', 'query', sql);
      expect([sql, exit, data.rows.length > 0]).toEqual([sql, 0, true]);
    }
  });
});
