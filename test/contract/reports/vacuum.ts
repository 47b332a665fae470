import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { bloat } from '../../../src/db/bloat.ts';
import { vacuum } from '../../../src/db/vacuum.ts';
import type { PostgresServer } from '../../support/postgres.ts';
import { waitUntil } from '../../support/process.ts';
import { reported, type Role } from './reported.ts';

export function vacuumReports(at: () => PostgresServer): void {
  describe('vacuum', () => {
    beforeAll(async () => {
      for (const sql of [
        'create table event (id int primary key, at timestamptz, note text) with (autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_threshold = 70)',
        "insert into event select n, now(), repeat('x', 100) from generate_series(1, 200000) n",
        'vacuum analyze event',
        'create table packed as select * from event',
        'alter table packed add primary key (id)',
        'vacuum analyze packed',
        // Emptied and filled again, its pages stay.
        'delete from event where id % 20 <> 0',
      ])
        await at().query(sql);
    });

    test('dead rows must be judged by what autovacuum waits for, to every role', async () => {
      for (const role of ['postgres', 'watcher', 'plain'] satisfies Role[]) {
        const event = async () => {
          const data = await reported(at(), vacuum, role);
          return { data, row: data.rows.find(({ table }) => table === 'public.event') };
        };
        await waitUntil(
          async () => ((await event()).row?.deadRows ?? 0) > 100_000,
          () => 'the dead rows are never counted',
        );
        const { data, row } = await event();
        expect(row).toMatchObject({ deadRows: 190_000, liveRows: 10_000, autovacuum: false });
        // 70 and a tenth of 200,000 rows, as the table sets it.
        expect(row?.threshold).toBeCloseTo(20_070, 0);
        expect(row?.vacuumedAt).not.toBeNull();
        expect(data.status).toBe('crit');
        expect(data.findings).toContainEqual(
          expect.objectContaining({
            about: 'public.event',
            reason: expect.stringContaining('190000 dead rows (95 %)'),
            next: expect.arrayContaining(['VACUUM (VERBOSE, ANALYZE) public.event;']),
          }),
        );
      }
    });

    test('who holds an old snapshot must be named', async () => {
      const holder = await at().client({ application_name: 'nightly' });
      onTestFinished(() => holder.end());
      await holder.query('begin isolation level repeatable read; select 1');
      const notes = (await reported(at(), vacuum)).notes.join('\n');
      expect(notes).toMatch(/oldest snapshot: session nightly \(pid \d+\), idle in transaction, \d+ transactions? old/);
    });

    test('a VACUUM that runs must be shown', async () => {
      const worker = await at().client({ application_name: 'cleaner' });
      onTestFinished(() => worker.end());
      await worker.query("set vacuum_cost_delay = '20ms'; set vacuum_cost_limit = 10");
      const ran = worker.query('vacuum (disable_page_skipping) packed').catch(() => undefined);
      await waitUntil(
        async () => (await reported(at(), vacuum)).notes.some((note) => note.startsWith('VACUUM of public.packed')),
        () => 'no VACUUM is seen',
      );
      await at().query("select pg_cancel_backend(pid) from pg_stat_activity where application_name = 'cleaner'");
      await ran;
    });

    test('bloat must be estimated where tables may be read, and match what the pages are', async () => {
      await at().query('vacuum event');
      await at().query('analyze event');
      const { rows, status } = await reported(at(), bloat, 'postgres');
      expect(status).not.toBe('unknown');
      const of = (name: string) => rows.find((row) => row.name === name);
      const event = of('public.event');
      // A twentieth of the rows is left.
      expect(event?.ratio).toBeGreaterThan(15);
      expect(event?.ratio).toBeLessThan(25);
      expect(of('public.packed')?.ratio ?? 1).toBeLessThan(1.2);
      expect(of('public.packed_pkey')?.ratio ?? 1).toBeLessThan(1.2);
      expect(of('public.event_pkey')?.ratio).toBeGreaterThan(5);
    });

    test('what was emptied must be found, and what nothing is known of be left out', async () => {
      for (const sql of [
        'create table emptied (id int primary key, note text)',
        "insert into emptied select n, repeat('x', 60) from generate_series(1, 150000) n",
        'delete from emptied',
        // Its pages stay, as where the last one has a row left or a lock is in the way.
        'vacuum (truncate false) emptied',
        'analyze emptied',
        // Never counted, neither by ANALYZE nor, since its counters are lost, by the server.
        'create table uncounted (id int, note text)',
        "insert into uncounted select n, repeat('x', 60) from generate_series(1, 100000) n",
        "select pg_stat_reset_single_table_counters('uncounted'::regclass)",
      ]) {
        const one = await at().client();
        await one.query(sql);
        await one.end();
      }
      const emptied = async () => {
        const { findings, rows, notes } = await reported(at(), bloat, 'postgres');
        const of = (name: string) => rows.find((row) => row.name === name);
        return {
          findings,
          notes,
          table: of('public.emptied'),
          index: of('public.emptied_pkey'),
          other: of('public.uncounted'),
        };
      };
      await waitUntil(
        async () => (await emptied()).index !== undefined,
        () => 'it is never found',
      );
      const { table, index, other, findings, notes } = await emptied();
      expect(table).toMatchObject({ expectedBytes: 8192 });
      expect(table?.ratio).toBeGreaterThan(1000);
      expect(index?.ratio).toBeGreaterThan(100);
      expect(findings.find(({ about }) => about === 'public.emptied')).toMatchObject({ status: 'crit' });
      expect(other).toBeUndefined();
      expect(notes.join('\n')).toMatch(/as good as the last ANALYZE, from 20\d\d-.* to 20\d\d-/);
      await at().query('drop table emptied; drop table uncounted');
    });

    test('a role that reads no table must be told what it lacks, and see them with it', async () => {
      const { findings, status } = await reported(at(), bloat, 'watcher');
      expect(status).toBe('skipped');
      const grants = findings[0]?.next ?? [];
      expect(grants).toContain(
        at().major >= 14
          ? 'GRANT pg_read_all_data TO watcher;'
          : 'GRANT SELECT ON ALL TABLES IN SCHEMA public TO watcher;',
      );
      onTestFinished(async () => {
        for (const grant of grants) await at().query(grant.replace(/^GRANT (.*) TO/, 'REVOKE $1 FROM'));
      });
      for (const grant of grants) await at().query(grant);
      const { rows } = await reported(at(), bloat, 'watcher');
      expect(rows.find(({ name }) => name === 'public.event')?.ratio).toBeGreaterThan(15);
    });
  });
}
