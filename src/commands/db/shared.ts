/** A report of a database as a command. */
import * as z from 'zod';

import { type Context, type ReadCommand, readCommand } from '../../core/command.ts';
import { OpsError } from '../../core/errors.ts';
import type { Platform } from '../../core/platform.ts';
import type { PartName } from '../../core/ports/database.ts';
import type { Style } from '../../core/style.ts';
import { exitOf, STATUSES } from '../../core/verdict.ts';
import { conclude, type Finding, type Report, type ReportData, reportSchema } from '../../db/report.ts';

/** Fields of every `db` command. */
export const databaseFields = {
  database: z
    .string()
    .optional()
    .meta({ description: 'which one, as configured; default: the only one', value: 'name' }),
  failOn: z.enum(['warn', 'crit']).default('crit').meta({ description: 'exit 1 from this status on' }),
};

/** The configured database that is meant. @throws NOT_CONFIGURED, USAGE when there are several */
export function databaseNamed({ databases, environment }: Platform, said: string | undefined): string {
  const names = Object.keys(databases);
  const [only, ...others] = names;
  if (only === undefined)
    throw new OpsError('NOT_CONFIGURED', `environment ${environment} has no database`, {
      hint: 'Set databases in opsctl.yaml, then run: opsctl config check',
    });
  if (said === undefined && others.length === 0) return only;
  if (said !== undefined && names.includes(said)) return said;
  throw new OpsError(
    'USAGE',
    said === undefined ? 'there are several databases' : `no database ${said} is configured`,
    {
      hint: `Name one: ${names.map((name) => `--database ${name}`).join(', ')}`,
    },
  );
}

/** How a report is declared: what it is called in help. */
export interface Wording {
  summary: string;
  description?: string;
  examples: { command: string; explains: string }[];
}

export function reportCommand<P extends PartName, R>(report: Report<P, R>, wording: Wording): ReadCommand {
  return readCommand({
    name: `db ${report.name}`,
    ...wording,
    input: z.object(databaseFields),
    output: reportSchema.extend({ rows: z.array(report.row) }),
    run: (input, context) => looked(report, input.database, context),
    text: (data, style) => reportText(report, data as ReportData<R>, style),
    exit: ({ status }, { failOn }) => exitOf(status, failOn),
  });
}

async function looked<P extends PartName, R>(
  report: Report<P, R>,
  said: string | undefined,
  { platform, readers }: Context,
): Promise<ReportData<R>> {
  const name = databaseNamed(platform, said);
  return conclude(report, await readers.database.look(name, report.parts), name, platform.thresholds);
}

/** Findings that are bad are named one by one up to here; a table shows the rest. */
const NAMED = 10;

export function reportText<P extends PartName, R>(report: Report<P, R>, data: ReportData<R>, style: Style): string {
  const rows = data.rows.map((row) => report.cells(row, style));
  return [
    ...findingLines(data.findings, style),
    ...(rows.length === 0 ? [] : ['', style.table(report.columns, rows)]),
    ...(data.notes.length === 0 ? [] : ['', ...data.notes.map((note) => style.dim(style.wrap(note)))]),
  ].join('\n');
}

/** The summary, then what is bad, the worst first, and what to run next. */
export function findingLines([first, ...others]: readonly Finding[], style: Style): string[] {
  if (first === undefined) return [];
  const bad = others
    .filter(({ status }) => status !== 'ok')
    .toSorted((a, b) => STATUSES.indexOf(b.status) - STATUSES.indexOf(a.status));
  const line = ({ status, about, reason }: Finding): string =>
    style.wrap(`${style.mark(status)} ${about === '' ? '' : `${about}: `}${reason}`, 2);
  const next = [...new Set([first, ...bad].flatMap((one) => one.next))].slice(0, NAMED);
  return [
    line(first),
    ...bad.slice(0, NAMED).map(line),
    ...(bad.length > NAMED ? [`  and ${(bad.length - NAMED).toString()} more, see --json`] : []),
    ...(next.length === 0 ? [] : [`${style.bold('next')}: ${next.join('\n      ')}`]),
  ];
}
