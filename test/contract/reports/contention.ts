import { describe, expect, onTestFinished, test } from 'vitest';
import type { PartName } from '../../../src/core/ports/database.ts';
import { REPORTS } from '../../../src/db/all.ts';
import { conclude } from '../../../src/db/report.ts';
import type { PostgresServer } from '../../support/postgres.ts';
import { databaseReader, platformOf } from '../../support/readers.ts';
import type { Role } from './reported.ts';

export function underContention(at: () => PostgresServer): void {
  describe('all reports', () => {
    test('with a table, its index and its sequence locked they must be whole, and wait for nobody', async () => {
      for (const sql of [
        'create table busy (id serial primary key, note text)',
        "insert into busy (note) select repeat('x', 100) from generate_series(1, 2000)",
        'create index busy_note on busy (note)',
        'analyze busy',
      ])
        await at().query(sql);
      const holder = await at().client({ application_name: 'migration' });
      onTestFinished(() => holder.end());
      await holder.query(
        'begin; lock table busy in access exclusive mode; reindex index busy_note; alter sequence busy_id_seq cache 3',
      );
      for (const role of ['postgres', 'watcher', 'plain'] satisfies Role[]) {
        const urls = {
          postgres: at().url(),
          watcher: at().url('watcher', 'watch-secret'),
          plain: at().url('plain', 'plain-secret'),
        };
        const reader = databaseReader({ main: urls[role] });
        const parts: PartName[] = [...new Set(REPORTS.flatMap((report) => report.parts))];
        const look = await reader.look('main', parts);
        await reader.close();
        // The lock is held all along and a wait for it ends after 100 ms, in 55P03: what had waited would be unknown.
        const unknown = Object.entries(look.parts).filter(([, had]) => had.is === 'unknown');
        expect([role, unknown]).toEqual([role, []]);
        for (const report of REPORTS) {
          const { findings, rows } = conclude(report, look, 'main', platformOf({}).thresholds);
          expect(findings.length).toBeGreaterThan(0);
          for (const row of rows) report.row.parse(row);
        }
      }
    });
  });
}
