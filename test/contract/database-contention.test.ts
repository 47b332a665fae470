/**
 * A look must not make a pile-up worse: `db report` in the middle of locks on tables of users. A watcher reads pg_locks all
 * the while, and sees whether opsctl's own session ever stands in a queue.
 */
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';

import { connect } from '../../src/adapters/postgres/connect.ts';
import { contended } from '../../src/adapters/postgres/parts/relations.ts';
import { settingsOf } from '../../src/adapters/postgres/settings.ts';
import { inTransaction } from '../../src/adapters/postgres/transaction.ts';
import type { SequenceRow } from '../../src/db/sequences.ts';
import type { SizeRow } from '../../src/db/sizes.ts';
import { machineOf } from '../support/db-command.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { pause, waitUntil } from '../support/process.ts';
import { envSecrets, noEngine, platformOf } from '../support/readers.ts';

/** What all parts of a look may take together, and opening the connection before it: more is a hang. */
const DEADLINE_MS = 15_000;

interface Watched {
  /** How often pg_locks was read while a session of opsctl was there. */
  samples: number;
  /** What opsctl was seen to wait for. */
  waits: string[];
}

describe.each([13, 18] as const)('PostgreSQL %i', (major) => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres(major, { settings: { shared_preload_libraries: 'pg_stat_statements' } });
    await server.query("create role watcher login password 'watch-secret' in role pg_monitor");
    for (const sql of [
      'create extension pg_stat_statements',
      'create table parcel (id serial primary key, note text)',
      "insert into parcel (note) select repeat('x', 100) from generate_series(1, 20000) n",
      'create table letter (id serial primary key, parcel int references parcel, body text)',
      "insert into letter (parcel, body) select n, repeat('y', 3000) from generate_series(1, 2000) n",
      'create index on letter (parcel)',
      'create materialized view heavy as select * from parcel where id % 2 = 0',
      'vacuum analyze',
    ])
      await server.query(sql);
  });
  afterAll(() => server.stop());

  const open = async (application: string): Promise<pg.Client> => {
    const client = await server.client({ application_name: application });
    onTestFinished(() => client.end());
    return client;
  };

  /** Reads every 10 ms which locks sessions of opsctl wait for, until `work` is done. */
  async function watched<T>(work: () => Promise<T>): Promise<Watched & { value: T; ms: number }> {
    const watcher = await open('watcher');
    const seen: Watched = { samples: 0, waits: [] };
    const done = new AbortController();
    const watching = (async () => {
      while (!done.signal.aborted) {
        const { rows } = await watcher.query<{ wait: string | null }>(
          `select l.mode || ' on ' || coalesce(l.relation::regclass::text, l.locktype) as wait
           from pg_stat_activity a left join pg_locks l on l.pid = a.pid and not l.granted
           where a.application_name like 'opsctl/%'`,
        );
        if (rows.length > 0) seen.samples += 1;
        seen.waits.push(...rows.flatMap(({ wait }) => wait ?? []));
        await pause(10);
      }
    })();
    const started = performance.now();
    try {
      const value = await work();
      return { ...seen, value, ms: performance.now() - started, samples: seen.samples };
    } finally {
      done.abort();
      await watching;
    }
  }
  const roles = () => [server.url(), server.url('watcher', 'watch-secret')];
  const queued = (count: number): Promise<void> =>
    waitUntil(
      async () => (await server.query('select from pg_locks where not granted')).length === count,
      () => `there are never ${count.toString()} waiting`,
    );

  test('report must be whole beside ACCESS EXCLUSIVE locks that others queue for, and stand in no queue', async () => {
    const migration = await open('migration');
    await migration.query(
      `begin; lock table letter in access exclusive mode; reindex index letter_parcel_idx;
       alter sequence parcel_id_seq cache 3; refresh materialized view heavy`,
    );
    const waiter = await open('api');
    void waiter.query('select count(*) from letter').catch(() => undefined);
    // Who waits for a lock keeps those out that come later, too.
    const reader = await open('report');
    await reader.query('begin; select from parcel limit 1');
    const second = await open('second migration');
    void second.query('alter table parcel add column seal int').catch(() => undefined);
    await queued(2);
    for (const url of roles()) {
      const on = await machineOf(url);
      const { value, ms, samples, waits } = await watched(async () => {
        const reports = [];
        for (let round = 0; round < 10; round += 1) reports.push(await on.json('db', 'report'));
        return reports;
      });
      expect(waits).toEqual([]);
      expect(samples).toBeGreaterThan(5);
      expect(ms).toBeLessThan(10 * DEADLINE_MS);
      for (const { data } of value) {
        expect(data.reports).toHaveLength(12);
        expect(data.reports.filter(({ status }) => status === 'unknown')).toEqual([]);
        // What was not asked, so as not to wait, is told.
        expect(data.reports.find(({ name }) => name === 'sizes')?.reason).toMatch(/; 3 tables estimated$/);
        expect(data.findings[0]).toMatchObject({ check: 'blocking', about: '' });
      }
      const sizes = (await on.json<SizeRow>('db', 'sizes')).data;
      expect(sizes.rows.find(({ table }) => table === 'public.letter')).toMatchObject({ estimated: true });
      expect(sizes.notes.join()).toContain('to ask would mean to wait for a lock');
    }
    const on = await machineOf(server.url());
    const sequences = (await on.json<SequenceRow>('db', 'sequences')).data;
    expect(sequences.findings[0]?.reason).toContain('1 locked, and not asked');
    expect(sequences.rows.find(({ sequence }) => sequence === 'public.parcel_id_seq')?.last).toBeNull();
  });

  test('a lock that is taken while the look is under way must be got out of the way of, at once', async () => {
    const url = await settingsOf(
      {
        platform: platformOf({ databases: { main: { url: { env: 'MAIN' } } } }),
        source: noEngine,
        secrets: envSecrets({ MAIN: server.url('watcher', 'watch-secret') }),
      },
      'main',
    );
    const connection = await connect(url, 'opsctl/test', undefined);
    onTestFinished(() => connection.close());
    // As the parts ask, with time between the look at the locks and the size for somebody to come.
    const sql = `with seen as materialized (select ${contended(['AccessExclusiveLock'])} as locked, pg_sleep(0.5))
      select 'public.parcel'::regclass = any (locked) as locked,
             case when not 'public.parcel'::regclass = any (locked) then pg_relation_size('public.parcel')::float8 end as size from seen`;
    const migration = await open('migration');
    const { value, waits } = await watched(async () => {
      const asked = inTransaction(
        connection,
        async ({ ask }) => [await ask(sql), await ask('select 1 as alive')],
        'select 1 as one',
      );
      await waitUntil(
        async () => (await server.query("select from pg_stat_activity where wait_event = 'PgSleep'")).length === 1,
        () => 'the look never begins',
      );
      await migration.query('begin; lock table parcel in access exclusive mode');
      return asked;
    });
    expect(value).toEqual([{ rows: [{ locked: true, size: null }] }, { rows: [{ alive: 1 }] }]);
    // That it is locked only a second try can tell; what is seen of the first, between two reads of pg_locks, is no more than this.
    expect(new Set([...waits, 'AccessShareLock on parcel'])).toEqual(new Set(['AccessShareLock on parcel']));
  });

  test('a part that is held up must be told as not observed, and hide no other', async () => {
    const upgrade = await open('upgrade');
    await upgrade.query('begin; lock table pg_sequence in access exclusive mode');
    const on = await machineOf(server.url());
    const { value, ms, waits } = await watched(() => on.json('db', 'report'));
    expect(ms).toBeLessThan(DEADLINE_MS);
    expect([value.exit, value.data.status]).toEqual([6, 'unknown']);
    expect(value.data.reports.filter(({ status }) => status === 'unknown').map(({ name }) => name)).toEqual([
      'sequences',
    ]);
    expect(value.data.findings[0]).toMatchObject({
      check: 'sequences',
      status: 'unknown',
      reason: expect.stringMatching(/^could not be observed: .*lock timeout \(55P03\)$/),
    });
    expect(new Set([...waits, 'AccessShareLock on pg_sequence'])).toEqual(new Set(['AccessShareLock on pg_sequence']));
    expect((await on.text('db', 'report')).out).toMatch(/^\? sequences +could not be observed/m);
  });
});
