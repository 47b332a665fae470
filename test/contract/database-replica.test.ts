import { appendFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { database as judgeDatabase } from '../../src/checks/database.ts';
import { REPORTS } from '../../src/db/all.ts';
import { replication } from '../../src/db/replication.ts';
import { conclude } from '../../src/db/report.ts';
import { startPostgres, type PostgresServer } from '../support/postgres.ts';
import { pause, waitUntil } from '../support/process.ts';
import { databaseReader as reader, platformOf } from '../support/readers.ts';

const limits = platformOf({}).thresholds;

describe('PostgreSQL that is not there yet, or a replica', () => {
  let primary: PostgresServer;
  beforeAll(async () => {
    primary = await startPostgres(17, { hba: ['host replication all 127.0.0.1/32 trust'] });
  });
  afterAll(() => primary.stop());

  test('a closed port must be unreachable', async () => {
    const port = 1;
    await expect(reader({ main: `postgresql://postgres@127.0.0.1:${port}/x` }).ready('main')).rejects.toMatchObject({
      code: 'UNREACHABLE',
      message: `postgres main refuses connections at 127.0.0.1:${port}`,
      hint: 'See whether it runs. Look at it where it is hosted, or correct its url in the configuration and run: opsctl config check.',
    });
  });

  test('a replica must tell its lag, one that may not be read that it is not ready', async () => {
    const conninfo = `host=127.0.0.1 port=${primary.port} user=postgres application_name=standby`;
    const standby = await startPostgres(17, {
      from: primary,
      settings: { primary_conninfo: conninfo, hot_standby: 'on' },
    });
    onTestFinished(() => standby.stop());
    await standby.start();
    await waitUntil(
      async () => (await primary.query('select from pg_stat_replication')).length === 1,
      () => 'no replication',
    );

    const database = reader({ main: primary.url(), standby: standby.url() });
    expect(await database.ready('standby')).toMatchObject({ inRecovery: true });
    const followed = async (name: string) => (await database.vitals(name)).replication;
    expect(await followed('main')).toMatchObject({
      standbys: [{ name: 'standby', state: 'streaming', lagBytes: expect.any(Number) }],
    });
    await waitUntil(
      async () => (await followed('standby'))?.upstream?.lagMs === 0,
      () => 'the replica does not catch up',
    );

    for (const report of REPORTS) {
      const { status, findings } = conclude(report, await database.look('standby', report.parts), 'standby', limits);
      expect([report.name, status, findings[0]?.reason]).not.toContain('unknown');
    }
    const follows = async (name: string) =>
      conclude(replication, await database.look(name, ['replication']), name, limits);
    expect((await follows('main')).rows).toMatchObject([
      { kind: 'standby', name: 'standby', state: 'streaming', mode: 'async' },
    ]);
    expect(await follows('standby')).toMatchObject({
      status: 'ok',
      rows: [{ kind: 'upstream', state: 'receiving', lagMs: 0 }],
      findings: [{ reason: 'a replica, not behind; no standby follows; no slots' }],
    });

    await primary.query('create table first as select 1 as n');
    await waitUntil(
      async () => (await standby.query("select to_regclass('first') as found"))[0]?.['found'] !== null,
      () => 'no replay',
    );
    await standby.query('select pg_wal_replay_pause()');
    await primary.query('create table big as select generate_series(1, 50000) as n');
    await pause(300);
    expect((await followed('main'))?.standbys[0]?.lagBytes).toBeGreaterThan(100_000);
    expect((await followed('standby'))?.upstream?.lagMs).toBeGreaterThan(250);
    // What health says of it at a glance is what its own report says.
    const glance = judgeDatabase(await database.vitals('standby'), {
      ...limits,
      replicationLagMs: { warn: 1, crit: 2 },
    });
    expect(glance['replication']).toMatchObject({ status: 'warn', next: ['opsctl db replication'] });
    expect((await follows('standby')).findings[1]).toMatchObject({
      status: 'warn',
      reason: expect.stringMatching(/^replay is paused; the last replayed transaction is .* old$/),
      next: ['SELECT pg_wal_replay_resume();'],
    });
    expect((await follows('main')).rows[0]?.lagBytes).toBeGreaterThan(100_000);
    await database.close();

    await standby.kill('SIGINT');
    await appendSetting(standby, 'hot_standby', 'off');
    standby.launch();
    await waitUntil(
      () =>
        reader({ standby: standby.url() })
          .ready('standby')
          .then(
            () => false,
            (error: { code: string }) => error.code === 'NOT_READY',
          ),
      () => 'the standby never says that it is not ready',
    );
    await expect(reader({ standby: standby.url() }).ready('standby')).rejects.toMatchObject({
      code: 'NOT_READY',
      details: { sqlstate: '57P03' },
    });
  });
});

async function appendSetting(server: PostgresServer, name: string, value: string): Promise<void> {
  await appendFile(`${server.data}/postgresql.conf`, `${name} = ${value}\n`);
}
