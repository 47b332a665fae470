import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { DatabaseReader, DatabaseVitals } from '../../src/core/ports/data.ts';
import { fakeDatabase } from '../support/fakes/database.ts';
import { POSTGRES, startPostgres, type Major, type PostgresServer } from '../support/postgres.ts';
import { pause, waitUntil } from '../support/process.ts';
import { databaseReader as reader } from '../support/readers.ts';

/** What every implementation of the port must do. */
function contract(name: string, open: () => DatabaseReader): void {
  describe(`${name}: the port`, () => {
    test('ready must say version, latency and recovery', async () => {
      const ready = await open().ready('main');
      expect(ready.version).toMatch(/^\d+/);
      expect(ready.latencyMs).toBeGreaterThan(0);
      expect(ready.inRecovery).toBe(false);
    });
    test('vitals must be whole and plausible', async () => {
      const vitals = await open().vitals('main');
      expect(Date.parse(vitals.startedAt)).toBeGreaterThan(0);
      expect(vitals.connectionLimit).toBeGreaterThan(0);
      expect(vitals.connections).toBeLessThanOrEqual(vitals.connectionLimit);
      expect((vitals.activeSessions ?? Number.NaN) + (vitals.idleInTransaction ?? Number.NaN)).toBeLessThanOrEqual(
        vitals.connections ?? Number.NaN,
      );
      expect(vitals.size).toBeGreaterThan(1_000_000);
      expect(vitals.xidAge).toBeGreaterThan(0);
      expect(vitals.multixactAge).toBeGreaterThanOrEqual(0);
      expect(vitals.blocks?.hits).toBeGreaterThan(0);
      expect(vitals.replication).toEqual({ standbys: [], slots: [] });
      expect(Date.parse(vitals.at)).toBeGreaterThan(Date.parse(vitals.startedAt));
      expect(vitals.hidden).toEqual([]);
    });
    test('a look must give the parts that were asked for, and the server', async () => {
      const { server, parts } = await open().look('main', ['sessions']);
      expect(server.major).toBe(Number.parseInt(server.version, 10));
      expect(server.connectionLimit).toBeGreaterThan(0);
      expect(Date.parse(server.at)).toBeGreaterThan(Date.parse(server.startedAt));
      expect(parts.sessions.is).toBe('seen');
    });
    test('a database that is not configured must be refused', async () => {
      await expect(open().ready('other')).rejects.toMatchObject({ code: 'NOT_CONFIGURED' });
    });
    test('the route must be known', async () => {
      expect(await open().route('main')).not.toBe('');
    });
  });
}

contract('fake', () => fakeDatabase({ main: {} }));

/* All seven with OPSCTL_TEST_POSTGRES=all; by default the oldest supported, the newest, and where views changed. */
const majors: Major[] =
  process.env['OPSCTL_TEST_POSTGRES'] === 'all' ? (Object.keys(POSTGRES).map(Number) as Major[]) : [13, 15, 17, 18];

describe.each(majors)('PostgreSQL %i', (major) => {
  let server: PostgresServer;
  let main: string;
  beforeAll(async () => {
    server = await startPostgres(major, { settings: { max_connections: 20 } });
    main = server.url();
    await server.query("create role watcher login password 'watch-secret' in role pg_monitor");
    await server.query("create role plain login password 'plain-secret'");
    await server.query('create table item (id int primary key, note text)');
    await server.query("insert into item values (1, 'a'), (2, 'b')");
  });
  afterAll(() => server.stop());

  contract(`PostgreSQL ${major}`, () => reader({ main }));

  /** Sessions that do something, for the roles to see. */
  async function story(): Promise<{ holder: number }> {
    const holder = await server.client({ application_name: 'holder' });
    const waiter = await server.client({ application_name: 'waiter' });
    const sleeper = await server.client();
    onTestFinished(async () => {
      await Promise.all([holder.end(), waiter.end(), sleeper.end()]);
    });
    await holder.query('begin');
    await holder.query('lock table item in access exclusive mode');
    void waiter.query("select *, 'a password ''secret''' from item").catch(() => undefined);
    const { rows } = await holder.query<{ pid: number }>('select pg_backend_pid() as pid');
    await pause(300);
    return { holder: rows[0]?.pid ?? 0 };
  }

  test.each(['postgres', 'watcher'])('%s must see the whole story of a pile-up, waiting for nobody', async (role) => {
    const { holder } = await story();
    const database = reader({ main: role === 'postgres' ? main : server.url('watcher', 'watch-secret') });
    await database.ready('main');
    const started = performance.now();
    const vitals = await database.vitals('main');
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(vitals).toMatchObject({
      connections: 3,
      activeSessions: 1,
      idleInTransaction: 1,
      blockedSessions: 1,
      hidden: [],
    } satisfies Partial<DatabaseVitals>);
    expect(vitals.connectionLimit).toBe(20 - 3);
    expect(vitals.longestWaitMs).toBeGreaterThan(250);
    expect(vitals.longestWaitMs).toBeLessThan(30_000);
    expect(vitals.longestTransaction).toMatchObject({
      pid: holder,
      state: 'idle in transaction',
      application: 'holder',
    });
    expect(vitals.longestTransaction?.ageMs).toBeGreaterThan(250);
    expect(vitals.longestIdle).toMatchObject({ pid: holder, state: 'idle in transaction' });
    expect(vitals.longestIdle?.stateMs).toBeGreaterThan(250);
  });

  test('a look must name who waits for whom, and mask what a query says of passwords', async () => {
    const { holder } = await story();
    const { parts } = await reader({ main: server.url('watcher', 'watch-secret') }).look('main', ['sessions']);
    const all = parts.sessions.is === 'seen' ? parts.sessions.value : expect.unreachable();
    const waits = all.find(({ application }) => application === 'waiter');
    expect(waits).toMatchObject({ state: 'active', blockedBy: [holder], wait: 'Lock: relation', privileged: true });
    expect(waits?.query).toBe("select *, 'a password '[redacted]'' from item");
    const holds = all.find(({ pid }) => pid === holder);
    expect(holds).toMatchObject({ state: 'idle in transaction', client: 'local', blockedBy: [] });
    expect(holds?.transactionMs).toBeGreaterThan(250);
    expect(Date.parse(holds?.startedAt ?? '')).toBeGreaterThan(0);
  });

  test('a look of a role without rights must leave out what it may not see', async () => {
    await story();
    const { parts, server: at } = await reader({ main: server.url('plain', 'plain-secret') }).look('main', [
      'sessions',
    ]);
    const all = parts.sessions.is === 'seen' ? parts.sessions.value : expect.unreachable();
    expect(at.role).toBe('plain');
    expect(all).toHaveLength(3);
    for (const one of all) expect([one.state, one.query, one.transactionMs]).toEqual([undefined, undefined, undefined]);
  });

  test('a role without rights must get what it may see, and be told what it may not', async () => {
    await story();
    const vitals = await reader({ main: server.url('plain', 'plain-secret') }).vitals('main');
    expect(vitals.hidden).toEqual([
      {
        part: 'activity',
        reason: '3 sessions of other roles hide their state from role plain (GRANT pg_monitor TO plain)',
        forbidden: true,
      },
    ]);
    // Locks are everybody's to see.
    expect(vitals).toMatchObject({ connections: 3, blockedSessions: 1, connectionLimit: 17 });
    // Not 0: it is not known.
    for (const field of ['activeSessions', 'idleInTransaction', 'longestTransaction', 'longestIdle'] as const)
      expect(vitals[field]).toBeUndefined();
    expect(vitals.size).toBeGreaterThan(1_000_000);
  });

  test('a part that is forbidden must not hide the others', async () => {
    await server.query('revoke select on pg_stat_replication from public');
    onTestFinished(async () => {
      await server.query('grant select on pg_stat_replication to public');
    });
    const vitals = await reader({ main: server.url('plain', 'plain-secret') }).vitals('main');
    expect(vitals.hidden).toEqual([
      { part: 'replication', reason: 'permission denied for view pg_stat_replication (42501)', forbidden: true },
    ]);
    expect(vitals.replication).toBeUndefined();
    expect(vitals.xidAge).toBeGreaterThan(0);
  });

  test('a locked catalog must be named as hidden within the lock timeout', async () => {
    const database = reader({ main: server.url('watcher', 'watch-secret') });
    await database.ready('main');
    const holder = await server.client();
    onTestFinished(() => holder.end());
    // The views of sessions read the roles; somebody new could not even log in now.
    await holder.query('begin; lock table pg_authid in access exclusive mode');
    const started = performance.now();
    const vitals = await database.vitals('main');
    expect(performance.now() - started).toBeLessThan(10_000);
    // Which parts need the roles differs a little by version; each says so, and the rest is there.
    expect(vitals.hidden).toContainEqual(expect.objectContaining({ part: 'activity' }));
    for (const { reason, forbidden } of vitals.hidden)
      expect([reason, forbidden]).toEqual([expect.stringContaining('55P03'), false]);
    expect(vitals.connections).toBeUndefined();
    expect(vitals.connectionLimit).toBe(17);
    expect(vitals.size).toBeGreaterThan(1_000_000);
  });

  test('our session must be recognised, read only, and one for all questions', async () => {
    const database = reader({ main });
    await Promise.all([
      database.ready('main'),
      database.vitals('main'),
      database.ready('main'),
      database.route('main'),
    ]);
    const rows = await server.query(
      "select state, query, left(application_name, 20) as name from pg_stat_activity where application_name like 'opsctl/%'",
    );
    expect(rows).toEqual([{ state: 'idle', query: 'commit', name: 'opsctl/test' }]);
    await database.close();
    await waitUntil(
      async () =>
        (await server.query("select from pg_stat_activity where application_name like 'opsctl/%'")).length === 0,
      () => 'the session stays',
    );
  });

  test('a wrong password must be told from everything else', async () => {
    await expect(reader({ main: server.url('watcher', 'wrong') }).ready('main')).rejects.toMatchObject({
      code: 'AUTH_FAILED',
      message: 'postgres main refuses the password of role watcher',
      hint: expect.stringContaining('opsctl config check'),
    });
    const without = `postgresql://watcher@127.0.0.1:${server.port}/postgres`;
    await expect(reader({ main: without }).ready('main')).rejects.toMatchObject({
      code: 'AUTH_FAILED',
      message: expect.stringContaining('none is configured'),
    });
    await expect(
      reader({ main: server.url('watcher', 'watch-secret', 'nowhere') }).ready('main'),
    ).rejects.toMatchObject({ code: 'REJECTED' });
  });

  test('exhausted slots must be told, and reserved ones used by who may', async () => {
    const taken: pg.Client[] = [];
    for (;;) {
      const client = await server
        .client({ user: 'plain', password: 'plain-secret', host: '127.0.0.1' })
        .catch(() => undefined);
      if (client === undefined) break;
      taken.push(client);
    }
    onTestFinished(async () => {
      await Promise.all(taken.map((client) => client.end()));
    });
    await expect(reader({ main: server.url('watcher', 'watch-secret') }).ready('main')).rejects.toMatchObject({
      code: 'NOT_READY',
      message: expect.stringContaining('postgres main has no connection slot left'),
      details: { sqlstate: '53300' },
    });
    const vitals = await reader({ main }).vitals('main');
    expect(vitals.connections).toBe(vitals.connectionLimit);
  });

  test('a server that hangs must be a timeout, before and after connecting', async () => {
    const connected = reader({ main });
    await connected.ready('main');
    const stopped = [server.pid(), ...(await backends(server))];
    for (const pid of stopped) process.kill(pid, 'SIGSTOP');
    try {
      const started = performance.now();
      const [fresh, kept] = await Promise.allSettled([reader({ main }).ready('main'), connected.vitals('main')]);
      expect(performance.now() - started).toBeLessThan(15_000);
      expect(fresh).toMatchObject({
        reason: { code: 'TIMED_OUT', hint: expect.stringContaining('where it is hosted') },
      });
      expect(kept).toMatchObject({ reason: { code: 'TIMED_OUT' } });
    } finally {
      for (const pid of stopped) process.kill(pid, 'SIGCONT');
    }
    // And it must get over it.
    expect((await connected.ready('main')).inRecovery).toBe(false);
  });

  test('a session that was ended must be replaced without a word', async () => {
    const database = reader({ main });
    await database.ready('main');
    await server.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'opsctl/test'");
    expect((await database.vitals('main')).hidden).toEqual([]);
  });
});

async function backends(server: PostgresServer): Promise<number[]> {
  const rows = await server.query("select pid from pg_stat_activity where application_name = 'opsctl/test'");
  return rows.map((row) => Number(row['pid']));
}
