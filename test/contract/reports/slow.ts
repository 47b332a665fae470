import { describe, expect, onTestFinished, test } from 'vitest';
import { between, slow, slowBy } from '../../../src/db/slow.ts';
import { type PostgresServer, startPostgres } from '../../support/postgres.ts';
import { databaseReader } from '../../support/readers.ts';
import { reported, type Role } from './reported.ts';

export function slowReports(at: () => PostgresServer): void {
  describe('slow', () => {
    test('what the extension lacks must be told by its state', async () => {
      const { findings, status } = await reported(at(), slow);
      expect(status).toBe('skipped');
      expect(findings).toMatchObject([
        {
          reason: 'pg_stat_statements is loaded, but not created in database postgres',
          next: ['CREATE EXTENSION pg_stat_statements;'],
        },
      ]);
    });

    test('statements must be counted, in whatever schema, and hidden ones told', async () => {
      await at().query('create schema monitoring');
      await at().query('create extension pg_stat_statements schema monitoring');
      expect((await reported(at(), slow, 'plain')).findings[0]).toMatchObject({
        status: 'skipped',
        next: ['GRANT USAGE ON SCHEMA monitoring TO plain;'],
      });
      await at().query('grant usage on schema monitoring to watcher, plain');
      await at().query('create table visit (id int, page int, note text)');
      await at().query("insert into visit select n, n % 100, repeat('x', 200) from generate_series(1, 20000) n");
      const client = await at().client({ application_name: 'shop' });
      onTestFinished(() => client.end());
      const visits = async (): Promise<void> => {
        for (let page = 0; page < 5; page += 1) await client.query(`select count(*) from visit where page = ${page}`);
      };
      await visits();
      for (const role of ['postgres', 'watcher'] satisfies Role[]) {
        const data = await reported(at(), slowBy('mean'), role);
        expect([role, data.status]).toEqual([role, 'ok']);
        const found = data.rows.find(({ query }) => query.includes('from visit where page'));
        expect(found).toMatchObject({ user: 'postgres', database: 'postgres', calls: 5, rows: 5, topLevel: true });
        expect(found?.totalMs).toBeGreaterThan(0);
        expect((found?.hitBlocks ?? 0) + (found?.readBlocks ?? 0)).toBeGreaterThan(2000);
        expect(data.findings[0]?.reason.includes('counted since')).toBe(at().major >= 14);
      }
      expect((await reported(at(), slow, 'plain')).findings[0]).toMatchObject({
        status: 'skipped',
        next: ['GRANT pg_read_all_stats TO plain;'],
      });

      const reader = databaseReader({ main: at().url() });
      const before = (await reader.look('main', ['statements'])).parts.statements;
      await visits();
      const after = (await reader.look('main', ['statements'])).parts.statements;
      if (before.is !== 'seen' || after.is !== 'seen') return expect.unreachable();
      const during = between(before.value, after.value).statements;
      expect(during.find(({ query }) => query.includes('from visit where page'))).toMatchObject({ calls: 5, rows: 5 });
      expect(during.some(({ query }) => query.startsWith('create table visit'))).toBe(false);
    });

    test('passwords must not be shown, wherever the text is cut', async () => {
      await at().query(`create role "${'r'.repeat(60)}" password 'geheim-${'x'.repeat(400)}'`);
      const { rows } = await reported(at(), slowBy('calls'));
      expect(JSON.stringify(rows)).not.toContain('geheim');
    });
  });
}

/** A server that does not load the extension. */
export function slowUnloaded(): void {
  test.each([13, 18] as const)('PostgreSQL %i without pg_stat_statements must say how to load it', async (major) => {
    const server = await startPostgres(major, { settings: { shared_preload_libraries: 'auto_explain' } });
    onTestFinished(() => server.stop());
    await server.query("create role watcher login password 'watch-secret' in role pg_monitor");
    await server.query("create role plain login password 'plain-secret'");
    expect((await reported(server, slow)).findings[0]).toMatchObject({
      status: 'skipped',
      reason: 'pg_stat_statements is not loaded, nor created in database postgres',
      next: [
        "ALTER SYSTEM SET shared_preload_libraries = 'auto_explain', 'pg_stat_statements';",
        'restart PostgreSQL',
        'CREATE EXTENSION pg_stat_statements;',
      ],
    });
    expect((await reported(server, slow, 'plain')).findings[0]?.next[0]).toContain('after what SHOW');
    await server.query('create extension pg_stat_statements');
    const { findings } = await reported(server, slow);
    expect(findings[0]).toMatchObject({ reason: 'pg_stat_statements is not loaded', next: { length: 2 } });
    // The advice must work.
    await server.query(findings[0]?.next[0] ?? '');
    await server.kill('SIGINT');
    await server.start();
    expect((await reported(server, slow)).status).toBe('ok');
  });
}
