import type pg from 'pg';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { blocking } from '../../../src/db/blocking.ts';
import { locks } from '../../../src/db/locks.ts';
import type { PostgresServer } from '../../support/postgres.ts';
import { waitUntil } from '../../support/process.ts';
import { reported, type Role } from './reported.ts';

export function lockReports(at: () => PostgresServer): void {
  describe('locks', () => {
    beforeAll(async () => {
      await at().query('create table stock (id int primary key, count int)');
      await at().query('insert into stock select n, 10 from generate_series(1, 50) n');
    });

    const client = async (application: string): Promise<pg.Client> => {
      const opened = await at().client({ application_name: application });
      onTestFinished(() => opened.end());
      return opened;
    };
    const pidOf = async (one: pg.Client): Promise<number> =>
      (await one.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]?.pid ?? 0;
    const queued = (count: number): Promise<void> =>
      waitUntil(
        async () => (await at().query('select from pg_locks where not granted')).length === count,
        () => `there are never ${count} waiting`,
      );
    const wait = (one: pg.Client, sql: string): void => void one.query(sql).catch(() => undefined);

    test('30 sessions behind an idle transaction: root and table must be named, to every role', async () => {
      const holder = await client('holder');
      await holder.query('begin; update stock set count = 9 where id = 7');
      const root = await pidOf(holder);
      for (let index = 0; index < 30; index += 1)
        wait(await client('buyer'), 'update stock set count = count - 1 where id = 7');
      await queued(30);
      for (const role of ['postgres', 'watcher', 'plain'] satisfies Role[]) {
        const { status, findings, rows } = await reported(at(), blocking, role);
        expect([role, status]).toEqual([role, 'crit']);
        expect(findings[0]?.reason).toMatch(/^30 sessions wait for a lock, .*; 1 session at the root of it$/);
        expect(rows).toHaveLength(31);
        expect(rows[0]).toMatchObject({ pid: root, depth: 0, frees: 30, freesAtOnce: 1, application: 'holder' });
        expect(rows[0]?.holds).toContainEqual(expect.objectContaining({ target: 'public.stock' }));
        expect(rows.filter(({ waitsFor }) => waitsFor?.target === 'row of public.stock')).toHaveLength(30);
        expect(findings[1]?.reason).toContain('holds RowExclusive on public.stock; 30 sessions wait');
        expect(findings[1]?.reason).toContain('1 goes on at once, 29 in turn');
        // It is a superuser's, as all of these tests' sessions are.
        expect(findings[1]?.next).toEqual([
          role === 'plain'
            ? 'GRANT pg_read_all_stats, pg_signal_backend TO plain;'
            : `opsctl db kill ${root} --terminate --force`,
        ]);
      }
      // What it says must be so.
      await at().query(`select pg_terminate_backend(${root})`);
      await queued(0);
      expect((await reported(at(), blocking)).status).toBe('ok');
    });

    test('a table that is locked must be named with who waits for it', async () => {
      const holder = await client('migration');
      await holder.query('begin; lock table stock in access exclusive mode');
      wait(await client('reader'), 'select * from stock');
      await queued(1);
      const { rows, findings } = await reported(at(), locks);
      expect(rows).toMatchObject([
        { application: 'reader', granted: false, mode: 'AccessShareLock', target: 'public.stock' },
        { application: 'migration', granted: true, mode: 'AccessExclusiveLock', target: 'public.stock' },
      ]);
      expect(rows[0]?.waitMs).toBeGreaterThan(0);
      expect(findings[0]).toMatchObject({ status: 'warn', next: ['opsctl db blocking'] });
    });

    test('of several prepared transactions each must be named to those that wait for it, to every role', async () => {
      const gids = ['tx 1', "tx'2", 'tx 3', 'tx 4'];
      for (const [at, gid] of gids.entries()) {
        const one = await client('two-phase');
        const quoted = `'${gid.replaceAll("'", "''")}'`;
        await one.query(`begin; update stock set count = 1 where id = ${11 + at}; prepare transaction ${quoted}`);
      }
      onTestFinished(async () => {
        for (const gid of gids) await at().query(`rollback prepared '${gid.replaceAll("'", "''")}'`);
      });
      const waiting = new Map<number, string>();
      for (const [at, gid] of gids.entries()) {
        const buyer = await client('buyer');
        waiting.set(await pidOf(buyer), gid);
        wait(buyer, `update stock set count = 2 where id = ${11 + at}`);
      }
      // One that a mode decides about: the fifth is kept out by all of them.
      const all = await client('migration');
      const last = await pidOf(all);
      wait(all, 'begin; lock table stock in share mode');
      await queued(5);
      for (const role of ['postgres', 'watcher', 'plain'] satisfies Role[]) {
        const { rows, findings } = await reported(at(), blocking, role);
        const edges = rows.filter(({ pid }) => waiting.has(pid)).map((row) => [row.pid, row.blockedByPrepared]);
        expect(Object.fromEntries(edges)).toEqual(Object.fromEntries([...waiting].map(([pid, gid]) => [pid, [gid]])));
        expect(rows.find(({ pid }) => pid === last)?.blockedByPrepared).toEqual(gids.toSorted());
        for (const gid of gids)
          expect(findings).toContainEqual(
            expect.objectContaining({
              about: `prepared transaction ${gid}`,
              reason: expect.stringContaining('holds RowExclusive on public.stock'),
              next: [
                expect.stringContaining('FROM pg_prepared_xacts WHERE gid ='),
                expect.stringContaining(`ROLLBACK PREPARED '${gid.replaceAll("'", "''")}'; --`),
              ],
            }),
          );
        const table = (await reported(at(), locks, role)).rows;
        for (const [pid, gid] of waiting)
          expect(table.find((row) => row.pid === pid && !row.granted)).toMatchObject({
            blockedBy: [],
            blockedByPrepared: [gid],
          });
      }
      // What it says must be so: this one frees its own waiter, and no other.
      const { findings } = await reported(at(), blocking);
      await at().query(findings.find(({ about }) => about.endsWith('tx 3'))?.next[1] ?? '');
      gids.splice(2, 1);
      await queued(4);
      const { rows } = await reported(at(), blocking);
      expect(rows.flatMap(({ prepared }) => prepared ?? []).toSorted()).toEqual(gids.toSorted());
    });
  });
}
