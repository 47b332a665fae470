/** What the `db` commands have in common: parts of a database, judged and shown alike, alone or all together. */
import * as z from 'zod';

import type { Thresholds } from '../core/platform.ts';
import type { DatabaseLook, DatabaseParts, DatabaseServer, PartName } from '../core/ports/database.ts';
import type { Column, Style } from '../core/style.ts';
import { type Verdict, verdict, verdictSchema, worst } from '../core/verdict.ts';

/** A judged thing of a database. */
export const findingSchema = verdictSchema.extend({
  check: z.string().describe('the report that it belongs to, such as activity'),
  about: z.string().describe('what it is about: a session, a table, an index; empty for the server as a whole'),
});
export type Finding = z.infer<typeof findingSchema>;

/** What a report makes of its parts. */
export interface Judged<R> {
  /** The first one sums up; the others are about single things, the worst first. */
  findings: (Verdict & { about: string })[];
  rows: R[];
  /** How rows were counted: since when, what was left out, what is an estimate. */
  notes?: string[];
}

/** Where a report looks: the server, and the limits of the configuration. */
export interface Seat {
  server: DatabaseServer;
  limits: Thresholds;
}

/** A report: which parts it asks for, what it judges of them, and how its rows are shown. */
export interface Report<P extends PartName = PartName, R = unknown> {
  /** The verb: `activity` for `opsctl db activity`. */
  name: string;
  parts: readonly P[];
  /** A row in `--json`. */
  row: z.ZodType<R>;
  judge: (parts: { [K in P]: DatabaseParts[K] }, seat: Seat) => Judged<R>;
  columns: Column[];
  cells: (row: R, style: Style) => string[];
}

/** The result of a report as data; `rows` are the report's own. */
export const reportSchema = z.object({
  database: z.string().describe('as configured'),
  version: z.string(),
  inRecovery: z.boolean(),
  status: z.enum(['ok', 'warn', 'crit', 'unknown', 'skipped']).describe('the worst of the findings'),
  findings: z.array(findingSchema).describe('the first one sums up'),
  notes: z.array(z.string()),
});
export type ReportData<R> = z.infer<typeof reportSchema> & { rows: R[] };

/** Judges one report of a look. What was not had is its own verdict, and hides nothing else. */
export function conclude<P extends PartName, R>(
  report: Report<P, R>,
  look: DatabaseLook<P>,
  database: string,
  limits: Thresholds,
): ReportData<R> {
  const judged = judgedOf(report, look, limits);
  const findings = judged.findings.map((one) => ({ ...one, check: report.name }));
  const { version, inRecovery } = look.server;
  const status = worst(findings.map((one) => one.status));
  return {
    database,
    version,
    inRecovery,
    // A report of which nothing could be had is not well, but left out.
    status: findings.length > 0 && findings.every((one) => one.status === 'skipped') ? 'skipped' : status,
    findings,
    notes: judged.notes ?? [],
    rows: judged.rows,
  };
}

function judgedOf<P extends PartName, R>(report: Report<P, R>, look: DatabaseLook<P>, limits: Thresholds): Judged<R> {
  const missing = report.parts.map((part) => look.parts[part]).find(({ is }) => is !== 'seen');
  if (missing !== undefined && missing.is !== 'seen') {
    const made =
      missing.is === 'skipped'
        ? verdict.skipped(missing.reason, missing.fix)
        : verdict.unknown(`could not be observed: ${missing.reason}`, [`opsctl db ${report.name}`]);
    return { findings: [{ ...made, about: '' }], rows: [] };
  }
  const parts = Object.fromEntries(
    report.parts.map((part) => {
      const had = look.parts[part];
      return [part, had.is === 'seen' ? had.value : undefined];
    }),
  ) as { [K in P]: DatabaseParts[K] };
  return report.judge(parts, { server: look.server, limits });
}
