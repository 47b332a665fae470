import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { replication } from '../../../src/db/replication.ts';
import { sequences } from '../../../src/db/sequences.ts';
import type { PostgresServer } from '../../support/postgres.ts';
import { reported, type Role } from './reported.ts';

export function sequenceReports(at: () => PostgresServer): void {
  describe('sequences', () => {
    beforeAll(async () => {
      for (const sql of [
        'create table ticket (id serial primary key, note text)',
        "select setval('ticket_id_seq', 2100000000)",
        // The sequence has room, the column has not.
        'create sequence wide',
        "create table seat (id int default nextval('wide'))",
        "select setval('wide', 2000000000)",
        'create table ride (id bigint generated always as identity)',
        'create sequence countdown increment -1 minvalue -1000 maxvalue -1',
        "select setval('countdown', -990)",
        'create sequence fresh',
      ])
        await at().query(sql);
    });

    test('those near their end must be found, by type of the column too', async () => {
      const { rows, status, findings } = await reported(at(), sequences, 'postgres');
      expect(status).toBe('crit');
      const of = (name: string) => rows.find(({ sequence }) => sequence === name);
      expect(of('public.ticket_id_seq')).toMatchObject({
        column: 'public.ticket.id',
        type: 'integer',
        columnType: 'integer',
        last: 2_100_000_000,
        limit: 2_147_483_647,
        left: 47_483_647,
      });
      expect(of('public.wide')).toMatchObject({ type: 'bigint', column: 'public.seat.id', limit: 2_147_483_647 });
      expect(of('public.countdown')).toMatchObject({ used: 0.99, left: 10 });
      expect(of('public.fresh')).toMatchObject({ last: null, used: null });
      expect(findings.slice(1).map(({ about }) => about)).toEqual([
        'public.countdown',
        'public.ticket_id_seq',
        'public.wide',
      ]);
    });

    test('a role that may read none must be told what it lacks, and see them with it', async () => {
      for (const role of ['watcher', 'plain'] satisfies Role[]) {
        const { status, findings } = await reported(at(), sequences, role);
        expect([role, status]).toEqual([role, 'skipped']);
        const grants = findings[0]?.next ?? [];
        expect(grants[0]).toBe(
          at().major >= 14
            ? `GRANT pg_read_all_data TO ${role};`
            : `GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO ${role};`,
        );
        onTestFinished(async () => {
          for (const grant of grants) await at().query(grant.replace(/^GRANT (.*) TO/, 'REVOKE $1 FROM'));
        });
        for (const grant of grants) await at().query(grant);
        expect((await reported(at(), sequences, role)).status).toBe('crit');
      }
    });

    test('a sequence that is locked must not be waited for', async () => {
      const holder = await at().client();
      onTestFinished(() => holder.end());
      await holder.query('begin; alter sequence wide cache 5; alter sequence ticket_id_seq owned by none');
      const started = performance.now();
      const { rows, notes } = await reported(at(), sequences, 'postgres');
      expect(performance.now() - started).toBeLessThan(10_000);
      expect(rows.find(({ sequence }) => sequence === 'public.wide')?.last).toBeNull();
      expect(rows.find(({ sequence }) => sequence === 'public.countdown')?.last).toBe(-990);
      expect(notes.join()).toContain('public.wide');
    });
  });

  describe('sequences near their end', () => {
    test('the advice must be taken by the server, and be enough', async () => {
      for (const sql of [
        // By a bound of its own, up and down; by its type, narrower than its column; by both; by its column only.
        'create sequence short maxvalue 1000',
        "create table pass (id int default nextval('short'))",
        "select setval('short', 990)",
        'create sequence down increment -1 minvalue -1000 maxvalue -1',
        "select setval('down', -990)",
        'create sequence narrow as smallint',
        "create table gate (id int default nextval('narrow'))",
        "select setval('narrow', 32000)",
        'create table tiny (id smallserial)',
        "select setval('tiny_id_seq', 32000)",
        'create sequence wider',
        "create table lane (id int default nextval('wider'))",
        "select setval('wider', 2100000000)",
      ])
        await at().query(sql);
      const advice = async () =>
        new Map((await reported(at(), sequences, 'postgres')).findings.map(({ about, next }) => [about, next]));
      const before = await advice();
      expect(before.get('public.short')).toEqual(['ALTER SEQUENCE public.short NO MAXVALUE;']);
      expect(before.get('public.down')).toEqual(['ALTER SEQUENCE public.down NO MINVALUE;']);
      expect(before.get('public.narrow')).toEqual(['ALTER SEQUENCE public.narrow AS integer;']);
      expect(before.get('public.tiny_id_seq')).toEqual([
        'ALTER SEQUENCE public.tiny_id_seq AS bigint;',
        expect.stringContaining('ALTER TABLE public.tiny ALTER COLUMN id TYPE bigint; -- rewrites'),
      ]);
      expect(before.get('public.wider')).toEqual([expect.stringContaining('ALTER TABLE public.lane')]);
      const mine = ['short', 'down', 'narrow', 'tiny_id_seq', 'wider'].map((name) => `public.${name}`);
      for (const name of mine) for (const sql of before.get(name) ?? []) await at().query(sql);
      const after = await advice();
      expect(mine.filter((name) => after.has(name))).toEqual([]);
    });
  });

  describe('replication', () => {
    test('a slot that nobody reads must be named, with what is kept for it', async () => {
      await at().query("select pg_create_logical_replication_slot('cdc', 'pgoutput')");
      await at().query("select pg_create_physical_replication_slot('standby', true)");
      onTestFinished(async () => {
        await at().query(
          "select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = 'standby'",
        );
      });
      await at().query('create table written as select generate_series(1, 20000) n');
      for (const role of ['postgres', 'watcher', 'plain'] satisfies Role[]) {
        const { rows, findings, status } = await reported(at(), replication, role);
        expect([role, status]).toEqual([role, 'warn']);
        expect(rows.map(({ name, mode, state }) => [name, mode, state])).toEqual([
          ['cdc', 'logical', 'inactive'],
          ['standby', 'physical', 'inactive'],
        ]);
        expect(rows[0]?.lagBytes).toBeGreaterThan(1_000_000);
        expect(findings[1]).toMatchObject({
          about: 'slot cdc',
          next: [`opsctl db query "SELECT * FROM pg_replication_slots WHERE slot_name = 'cdc'"`],
        });
        expect(findings[1]?.reason.includes('nobody reads it for')).toBe(at().major >= 17);
      }
      await at().query("select pg_drop_replication_slot('cdc')");
    });

    test('without any it must be well', async () => {
      for (const role of ['postgres', 'watcher', 'plain'] satisfies Role[])
        expect((await reported(at(), replication, role)).status).toBe('ok');
    });
  });
}
