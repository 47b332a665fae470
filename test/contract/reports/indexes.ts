import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { indexes } from '../../../src/db/indexes.ts';
import type { PostgresServer } from '../../support/postgres.ts';
import { waitUntil } from '../../support/process.ts';
import { reported, type Role } from './reported.ts';

export function indexReports(at: () => PostgresServer): void {
  describe('indexes', () => {
    beforeAll(async () => {
      for (const sql of [
        'create schema "Shop"',
        'create table "Shop".orders (id int primary key, customer int, at date, note text)',
        "insert into \"Shop\".orders select n, n % 100, '2026-01-01', 'x' || n from generate_series(1, 12000) n",
        'create index by_customer on "Shop".orders (customer)',
        'create index by_customer_again on "Shop".orders (customer)',
        'create index by_customer_and_day on "Shop".orders (customer, at)',
        'create index by_customer_latest on "Shop".orders (customer desc, at)',
        'create index by_customer_open on "Shop".orders (customer) where note is null',
        'create index by_note on "Shop".orders (lower(note))',
        'create index covering on "Shop".orders (at) include (note)',
        'create index by_day on "Shop".orders (at)',
        'analyze "Shop".orders',
      ])
        await at().query(sql);
    });

    test('duplicates must be found and others kept, by every role', async () => {
      for (const role of ['postgres', 'watcher', 'plain'] satisfies Role[]) {
        const { rows } = await reported(at(), indexes, role);
        const found = rows
          .filter(({ table }) => table === '"Shop".orders')
          .map(({ problem, index }) => [problem, index]);
        expect(found.toSorted((a, b) => String(a).localeCompare(String(b)))).toEqual([
          ['duplicate', '"Shop".by_customer_again'],
          ['redundant', '"Shop".by_customer'],
        ]);
      }
    });

    test('the statement that is advised must be one that the server takes', async () => {
      const { rows } = await reported(at(), indexes);
      const again = rows.find(({ index }) => index === '"Shop".by_customer_again');
      await at().query(again?.next[0] ?? '');
      expect((await reported(at(), indexes)).rows.some(({ index }) => index === again?.index)).toBe(false);
    });

    test('what a failed concurrent build left must be found', async () => {
      await expect(
        at().query('create unique index concurrently one_each on "Shop".orders (customer)'),
      ).rejects.toMatchObject({ code: '23505' });
      const { findings, status } = await reported(at(), indexes);
      expect(status).toBe('warn');
      expect(findings).toContainEqual(
        expect.objectContaining({
          about: '"Shop".one_each',
          reason: expect.stringContaining('uniqueness is not ensured'),
          next: ['REINDEX INDEX CONCURRENTLY "Shop".one_each;', 'DROP INDEX CONCURRENTLY "Shop".one_each;'],
        }),
      );
    });

    test('an index that is being built must not be advised to be dropped, whatever the role may see', async () => {
      await at().query('create table booth (id int)');
      await at().query('insert into booth select generate_series(1, 1000)');
      const writer = await at().client();
      const builder = await at().client({ application_name: 'builder' });
      onTestFinished(async () => {
        await Promise.all([writer.end(), builder.end()]);
      });
      await writer.query('begin; insert into booth values (0)');
      const built = builder.query('create index concurrently booth_id on booth (id)');
      await waitUntil(
        async () => (await at().query("select from pg_class where relname = 'booth_id'")).length === 1,
        () => 'the build does not begin',
      );
      for (const role of ['postgres', 'watcher', 'plain'] satisfies Role[]) {
        const row = (await reported(at(), indexes, role)).rows.find(({ index }) => index === 'public.booth_id');
        expect([role, row?.problem]).toEqual([role, role === 'plain' ? 'invalid' : undefined]);
        expect(row?.next.join() ?? '').not.toMatch(/DROP|REINDEX/);
      }
      await writer.query('commit');
      await built;
    });

    test('of a partitioned table the index must be named, not its parts, and the advice be taken', async () => {
      await at().query('create table visit_log (k int, at int) partition by range (at)');
      for (let part = 0; part < 3; part += 1)
        await at().query(
          `create table visit_log_${part} partition of visit_log for values from (${part * 10}) to (${part * 10 + 10})`,
        );
      await at().query('create index visit_log_k on visit_log (k)');
      await at().query('create index visit_log_k_again on visit_log (k)');
      await at().query('create index own on visit_log_1 (k)');
      await at().query('insert into visit_log select n, n % 30 from generate_series(1, 3000) n');
      for (const role of ['postgres', 'watcher', 'plain'] satisfies Role[]) {
        const rows = (await reported(at(), indexes, role)).rows.filter(({ table }) => table.includes('visit_log'));
        expect(rows.map(({ problem, table, index }) => [problem, table, index])).toEqual([
          ['duplicate', 'public.visit_log_1', 'public.own'],
          ['duplicate', 'public.visit_log', 'public.visit_log_k_again'],
        ]);
      }
      const { findings } = await reported(at(), indexes);
      const advice = ['public.own', 'public.visit_log_k_again'].map(
        (name) => findings.find(({ about }) => about === name)?.next[0] ?? '',
      );
      expect(advice[1]).toMatch(/^DROP INDEX public.visit_log_k_again; -- /);
      for (const statement of advice) await at().query(statement);
      expect((await reported(at(), indexes)).rows.some(({ table }) => table.includes('visit_log'))).toBe(false);
    });

    test('a table that is read from end to end again and again must be found', async () => {
      const client = await at().client();
      onTestFinished(() => client.end());
      for (let index = 0; index < 60; index += 1)
        await client.query('select count(*) from "Shop".orders where at < now() and note = $1', ['x']);
      await client.end();
      const found = async () =>
        (await reported(at(), indexes)).rows.find(
          ({ problem, table }) => problem === 'missing' && table === '"Shop".orders',
        );
      await waitUntil(
        async () => (await found()) !== undefined,
        () => 'the scans are never counted',
      );
      expect(await found()).toMatchObject({
        reason: expect.stringMatching(/read it from end to end, 1[12]\d\d\d rows each/),
        next: ['opsctl db slow --by io'],
      });
    });
  });
}
