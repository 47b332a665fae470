import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { cacheHit } from '../../../src/db/cache-hit.ts';
import { sizes } from '../../../src/db/sizes.ts';
import type { PostgresServer } from '../../support/postgres.ts';
import { waitUntil } from '../../support/process.ts';
import { reported, type Role } from './reported.ts';

export function tableReports(at: () => PostgresServer): void {
  describe('tables', () => {
    beforeAll(async () => {
      for (const sql of [
        'create table parcel (id int primary key, note text)',
        "insert into parcel select n, repeat('x', 100) from generate_series(1, 30000) n",
        'create table letter (id int, body text)',
        "insert into letter select n, string_agg(md5((n * m)::text), '') from generate_series(1, 50) n, generate_series(1, 300) m group by n",
        'vacuum analyze parcel',
      ])
        await at().query(sql);
    });

    test('sizes must be those that the server has, to every role', async () => {
      const [real] = await at()
        .query(`select pg_relation_size('parcel')::float8 as rows, pg_relation_size('parcel_pkey')::float8 as index,
        pg_relation_size((select reltoastrelid from pg_class where relname = 'letter'))::float8 as toast`);
      for (const role of ['postgres', 'watcher', 'plain'] satisfies Role[]) {
        const { rows, status } = await reported(at(), sizes, role);
        expect([role, status]).toEqual([role, 'ok']);
        const of = (name: string) => rows.find(({ table }) => table === name);
        expect(of('public.parcel')).toMatchObject({
          rowBytes: real?.['rows'],
          indexBytes: real?.['index'],
          rows: 30_000,
          estimated: false,
        });
        expect(of('public.letter')?.toastBytes).toBeGreaterThanOrEqual(Number(real?.['toast']));
        expect(Number(real?.['toast'])).toBeGreaterThan(0);
      }
    });

    test('a locked table must be estimated, without waiting in its queue', async () => {
      const holder = await at().client({ application_name: 'migration' });
      onTestFinished(() => holder.end());
      await holder.query('begin; lock table parcel in access exclusive mode; alter table letter add column seal int');
      const started = performance.now();
      const { rows, notes } = await reported(at(), sizes);
      expect(performance.now() - started).toBeLessThan(10_000);
      expect(rows.filter(({ estimated }) => estimated).map(({ table }) => table)).toEqual(
        expect.arrayContaining(['public.parcel', 'public.letter']),
      );
      expect(rows.find(({ table }) => table === 'public.parcel')?.rowBytes).toBeGreaterThan(3_000_000);
      expect(notes.join()).toContain('to ask would mean to wait for a lock');
    });

    test('a lock that is only wanted must be waited for as little', async () => {
      const reader = await at().client();
      const writer = await at().client();
      onTestFinished(async () => {
        await Promise.all([reader.end(), writer.end()]);
      });
      await reader.query('begin; select from parcel limit 1');
      void writer.query('begin; lock table parcel in access exclusive mode').catch(() => undefined);
      await waitUntil(
        async () => (await at().query('select from pg_locks where not granted')).length === 1,
        () => 'nobody waits',
      );
      const { status, rows } = await reported(at(), sizes);
      expect(status).toBe('ok');
      expect(rows.find(({ table }) => table === 'public.parcel')?.estimated).toBe(true);
    });

    test('hits and reads must be counted by table, to every role', async () => {
      await at().query('select count(*) from parcel');
      const parcel = async (role: Role) =>
        (await reported(at(), cacheHit, role)).rows.find(({ table }) => table === 'public.parcel');
      await waitUntil(
        async () => (await parcel('watcher')) !== undefined,
        () => 'the reads are never counted',
      );
      for (const role of ['postgres', 'watcher', 'plain'] satisfies Role[]) {
        expect((await parcel(role))?.hitRatio).toBeGreaterThan(0);
        const { findings } = await reported(at(), cacheHit, role);
        expect(findings[0]?.reason).toMatch(/^[\d.]+ % of the blocks read in database postgres were found/);
      }
    });
  });
}
