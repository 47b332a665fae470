import { describe, expect, onTestFinished, test } from 'vitest';
import { cacheHit } from '../../../src/db/cache-hit.ts';
import { indexes } from '../../../src/db/indexes.ts';
import { vacuum } from '../../../src/db/vacuum.ts';
import type { PostgresServer } from '../../support/postgres.ts';
import { pause, waitUntil } from '../../support/process.ts';
import { databaseReader } from '../../support/readers.ts';
import { reported, type Role } from './reported.ts';

/** The last of a server's tests: every session ends, and all statistics are lost. */
export function afterCrash(at: () => PostgresServer): void {
  describe('after a crash', () => {
    test('the age of the statistics must be counted from it, by every role', async () => {
      for (const sql of [
        'create table ware (id int primary key, note text)',
        'insert into ware select n, n from generate_series(1, 20000) n',
        'create index ware_note on ware (note)',
        'analyze ware',
        'vacuum ware',
        'delete from ware where id % 2 = 0',
      ])
        await at().query(sql);
      const used = await at().client();
      onTestFinished(() => used.end());
      await used.query('set enable_seqscan = off');
      for (let n = 0; n < 3; n += 1) await used.query('select * from ware where note = $1', ['7']);
      const scans = async (): Promise<unknown> =>
        (
          await at().query("select idx_scan::int4 as n from pg_stat_user_indexes where indexrelname = 'ware_note'")
        )[0]?.['n'];
      await waitUntil(
        async () => (await used.query('select 1'), (await scans()) === 3),
        () => 'the scans are never counted',
      );
      const since = async (role: Role): Promise<number> => {
        const urls = {
          postgres: at().url(),
          watcher: at().url('watcher', 'watch-secret'),
          plain: at().url('plain', 'plain-secret'),
        };
        const reader = databaseReader({ main: urls[role] });
        const { indexes: found, databases } = (await reader.look('main', ['indexes', 'databases'])).parts;
        await reader.close();
        if (found.is !== 'seen' || databases.is !== 'seen') return expect.unreachable();
        const current = databases.value.find(({ isCurrent }) => isCurrent);
        expect(current?.since).toBe(found.value.since);
        return Date.parse(found.value.since ?? '');
      };
      const began = await since('watcher');

      await pause(1000);
      const crashed = Date.now();
      const { rows } = await used.query<{ pid: number }>('select pg_backend_pid() as pid');
      process.kill(rows[0]?.pid ?? 0, 'SIGKILL');
      await waitUntil(
        () =>
          scans().then(
            (count) => count === 0,
            () => false,
          ),
        () => 'the server does not come back without its statistics',
      );
      expect(began).toBeLessThan(crashed);
      for (const role of ['postgres', 'watcher', 'plain'] satisfies Role[]) {
        expect(await since(role)).toBeGreaterThanOrEqual(crashed - 100);
        const { notes, rows: unused } = await reported(at(), indexes, role);
        expect(notes[0]).toMatch(/^use is counted since /);
        expect(notes.join()).toContain('too young to call an index unused');
        expect(unused.filter(({ problem }) => problem === 'unused')).toEqual([]);
        expect((await reported(at(), cacheHit, role)).notes[0]).toMatch(/^counted since /);
      }
      expect((await reported(at(), vacuum)).rows.find(({ table }) => table === 'public.ware')?.vacuumedAt ?? null).toBe(
        null,
      );
    });
  });
}
