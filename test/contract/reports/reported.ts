import type { PartName } from '../../../src/core/ports/database.ts';
import { conclude, type Report, type ReportData } from '../../../src/db/report.ts';
import type { PostgresServer } from '../../support/postgres.ts';
import { databaseReader, platformOf } from '../../support/readers.ts';

export type Role = 'postgres' | 'watcher' | 'plain';
const PASSWORDS = { watcher: 'watch-secret', plain: 'plain-secret' } as const;

/** A report as its command has it, of a role. */
export async function reported<P extends PartName, R>(
  server: PostgresServer,
  report: Report<P, R>,
  role: Role = 'watcher',
  database = 'postgres',
): Promise<ReportData<R>> {
  const password = role === 'postgres' ? server.password : PASSWORDS[role];
  const reader = databaseReader({ main: server.url(role, password, database) });
  const data = conclude(report, await reader.look('main', report.parts), 'main', platformOf({}).thresholds);
  await reader.close();
  return { ...data, rows: data.rows.map((row) => report.row.parse(row)) };
}
