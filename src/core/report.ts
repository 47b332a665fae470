/** Reports: parts of a server, or of whatever else is looked at, judged and shown alike, alone or all together. */
import * as z from 'zod';

import type { Had } from './ports/had.ts';
import type { Column, Style } from './style.ts';
import { type Status, type Verdict, verdict, verdictSchema, worst } from './verdict.ts';

/** A judged thing. */
export const findingSchema = verdictSchema.extend({
  check: z.string().describe('the report that it belongs to, such as activity'),
  about: z.string().describe('what it is about: a session, a table, a key; empty for the whole'),
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

/** How a report's rows are shown. */
export interface Shown<R> {
  /** A row in `--json`. */
  row: z.ZodType<R>;
  columns: Column[];
  cells: (row: R, style: Style) => string[];
}

/**
 * A report: which parts it asks for, what it judges of them, and how its rows are shown. `Parts` are all that there are, by
 * name; `Seat` is what it knows besides: of the server, and the limits of the configuration.
 */
export interface Report<Parts, Seat, P extends keyof Parts = keyof Parts, R = unknown> extends Shown<R> {
  /** The verb: `activity` for `opsctl db activity`. */
  name: string;
  parts: readonly P[];
  judge: (parts: { [K in P]: Parts[K] }, seat: Seat) => Judged<R>;
}

/** What every report's result has as data; `rows` are the report's own. */
export const concludedSchema = z.object({
  status: z.enum(['ok', 'warn', 'crit', 'unknown', 'skipped']).describe('the worst of the findings'),
  findings: z.array(findingSchema).describe('the first one sums up'),
  notes: z.array(z.string()),
});
export type Concluded<R> = z.infer<typeof concludedSchema> & { rows: R[] };

/**
 * Judges a report of the parts that were had. What was not had is its own verdict, and hides nothing else.
 * @param again the command that looks once more
 */
export function concludeReport<Parts, Seat, P extends keyof Parts, R>(
  report: Report<Parts, Seat, P, R>,
  had: { [K in P]: Had<Parts[K]> },
  seat: Seat,
  again: string,
): Concluded<R> {
  const judged = judgedOf(report, had, seat, again);
  const findings = judged.findings.map((one) => ({ ...one, check: report.name }));
  return { status: statusOf(findings), findings, notes: judged.notes ?? [], rows: judged.rows };
}

/** The status of several: what of which nothing could be had is not well, but left out. */
export const statusOf = (findings: readonly Verdict[]): Status =>
  findings.length > 0 && findings.every((one) => one.status === 'skipped')
    ? 'skipped'
    : worst(findings.map((one) => one.status));

function judgedOf<Parts, Seat, P extends keyof Parts, R>(
  report: Report<Parts, Seat, P, R>,
  had: { [K in P]: Had<Parts[K]> },
  seat: Seat,
  again: string,
): Judged<R> {
  const parts: Partial<Pick<Parts, P>> = {};
  for (const name of report.parts) {
    const part = had[name];
    if (part.is === 'seen') parts[name] = part.value;
    else return { findings: [{ ...lacking(part, again), about: '' }], rows: [] };
  }
  return report.judge(parts as { [K in P]: Parts[K] }, seat);
}

const lacking = (part: Exclude<Had<unknown>, { is: 'seen' }>, again: string): Verdict =>
  part.is === 'skipped'
    ? verdict.skipped(part.reason, part.fix)
    : verdict.unknown(`could not be observed: ${part.reason}`, [again]);
