/** A report of a database as a command. */
import * as z from 'zod';

import { type Context, type ReadCommand, readCommand } from '../../core/command.ts';
import type { Platform } from '../../core/platform.ts';
import type { PartName } from '../../core/ports/database.ts';
import { exitOf } from '../../core/verdict.ts';
import { conclude, type Report, type ReportData, reportSchema } from '../../db/report.ts';
import { failOn, reportText, serverNamed, type Wording } from '../reports.ts';

/** Fields of every `db` command. */
export const databaseFields = {
  database: z
    .string()
    .optional()
    .meta({ description: 'which one, as configured; default: the only one', value: 'name' }),
  failOn,
};

/** The configured database that is meant. @throws NOT_CONFIGURED, USAGE when there are several */
export const databaseNamed = ({ databases, environment }: Platform, said: string | undefined): string =>
  serverNamed('database', databases, environment, said);

export function reportCommand<P extends PartName, R>(report: Report<P, R>, wording: Wording): ReadCommand {
  return readCommand({
    name: `db ${report.name}`,
    ...wording,
    input: z.object(databaseFields),
    output: reportSchema.extend({ rows: z.array(report.row) }),
    run: (input, context) => looked(report, input.database, context),
    text: (data, style) => reportText(report, data as ReportData<R>, style),
    exit: ({ status }, { failOn: from }) => exitOf(status, from),
  });
}

/** Looks at a database and judges what a report is about. */
export async function looked<P extends PartName, R>(
  report: Report<P, R>,
  said: string | undefined,
  { platform, readers }: Context,
): Promise<ReportData<R>> {
  const name = databaseNamed(platform, said);
  return conclude(report, await readers.database.look(name, report.parts), name, platform.thresholds);
}
