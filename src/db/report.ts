/** What the `db` commands have in common: parts of a database, judged and shown alike, alone or all together. */
import * as z from 'zod';

import type { Thresholds } from '../core/thresholds.ts';
import type { DatabaseLook, DatabaseParts, DatabaseServer, PartName } from '../core/ports/database.ts';
import { type Concluded, concludedSchema, concludeReport, type Report as AnyReport } from '../core/report.ts';

/** Where a report looks: the server, and the limits of the configuration. */
export interface Seat {
  server: DatabaseServer;
  limits: Thresholds;
}

/** A report of a database. */
export type Report<P extends PartName = PartName, R = unknown> = AnyReport<DatabaseParts, Seat, P, R>;

/** The result of a report as data; `rows` are the report's own. */
export const reportSchema = z.object({
  database: z.string().describe('as configured'),
  version: z.string(),
  inRecovery: z.boolean(),
  ...concludedSchema.shape,
});
export type ReportData<R> = z.infer<typeof reportSchema> & Concluded<R>;

/** Judges one report of a look. */
export function conclude<P extends PartName, R>(
  report: Report<P, R>,
  look: DatabaseLook<P>,
  database: string,
  limits: Thresholds,
): ReportData<R> {
  const { version, inRecovery } = look.server;
  return {
    database,
    version,
    inRecovery,
    ...concludeReport(report, look.parts, { server: look.server, limits }, `opsctl db ${report.name}`),
  };
}
