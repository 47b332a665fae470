import * as z from 'zod';

import { readCommand } from '../../core/command.ts';
import type { PartName } from '../../core/ports/database.ts';
import type { Style } from '../../core/style.ts';
import { exitOf, statusSchema, STATUSES, worst } from '../../core/verdict.ts';
import { REPORTS } from '../../db/all.ts';
import { conclude, findingSchema } from '../../db/report.ts';
import { databaseFields, databaseNamed, findingLines } from './shared.ts';

const output = z.object({
  database: z.string().describe('as configured'),
  version: z.string(),
  inRecovery: z.boolean(),
  status: statusSchema.describe('the worst of all findings'),
  reports: z.array(
    z.object({ name: z.string().describe('the verb of its own command'), status: statusSchema, reason: z.string() }),
  ),
  findings: z.array(findingSchema).describe('what is not well, the worst first'),
});

export default readCommand({
  name: 'db report',
  summary: 'All that can be told of the database at once: a verdict for each report, findings by severity',
  description:
    'One connection, one read-only transaction; each part has a deadline of its own, and one that is held up hides no other.',
  examples: [
    { command: 'opsctl db report', explains: 'what is wrong with the database, the worst first' },
    { command: 'opsctl db report --json --fail-on warn', explains: 'every morning, in a script' },
  ],
  input: z.object(databaseFields),
  output,
  run: async (input, { platform, readers }) => {
    const name = databaseNamed(platform, input.database);
    const parts: PartName[] = [...new Set(REPORTS.flatMap((report) => report.parts))];
    const look = await readers.database.look(name, parts);
    const concluded = REPORTS.map((report) => ({
      report,
      data: conclude(report, look, name, platform.thresholds),
    }));
    const { version, inRecovery } = look.server;
    return {
      database: name,
      version,
      inRecovery,
      status: worst(concluded.map(({ data }) => data.status)),
      reports: concluded.map(({ report, data }) => ({
        name: report.name,
        status: data.status,
        reason: data.findings[0]?.reason ?? '',
      })),
      findings: concluded
        .flatMap(({ data }) => data.findings)
        .filter(({ status }) => status !== 'ok')
        .toSorted((a, b) => STATUSES.indexOf(b.status) - STATUSES.indexOf(a.status)),
    };
  },
  text: (data, style) => {
    const { reports, findings, database, version, inRecovery, status } = data;
    const head = `PostgreSQL ${version}${inRecovery ? ', a replica' : ''} (${database})`;
    return [
      ...reports.map((one) =>
        style.wrap(
          `${style.mark(one.status)} ${one.name.padEnd(longest(reports))}  ${one.reason}`,
          longest(reports) + 4,
        ),
      ),
      '',
      ...worstFirst(findings, style),
      `${style.status(status)}: ${head}`,
    ].join('\n');
  },
  exit: ({ status }, { failOn }) => exitOf(status, failOn),
});

const longest = (reports: readonly { name: string }[]): number => Math.max(...reports.map(({ name }) => name.length));

/** Findings of single things, of whichever report, and what a report lacks. */
function worstFirst(findings: z.infer<typeof findingSchema>[], style: Style): string[] {
  const single = findings
    .filter(({ about, status }) => about !== '' || status === 'skipped' || status === 'unknown')
    .map((one) => (one.about === '' ? { ...one, about: one.check } : one));
  return single.length === 0 ? [] : [...findingLines(single, style), ''];
}
