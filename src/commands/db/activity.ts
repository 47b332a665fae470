import * as z from 'zod';

import { readCommand } from '../../core/command.ts';
import { exitOf } from '../../core/verdict.ts';
import { activity, activityOf, type ActivityRow } from '../../db/activity.ts';
import { type ReportData, reportSchema } from '../../db/report.ts';
import { reportText } from '../reports.ts';
import { databaseFields, looked } from './shared.ts';

export default readCommand({
  name: 'db activity',
  summary: 'What clients of the database do now: open transactions, waits, queries',
  description:
    'A transaction that is open for long holds its locks and keeps VACUUM from cleaning up; one that is idle does so for nothing. Thresholds: longestTransactionMs, idleInTransactionMs.',
  examples: [
    { command: 'opsctl db activity', explains: 'who does what, the oldest transaction first' },
    { command: 'opsctl db activity --idle', explains: 'who holds a connection and does nothing, the longest first' },
    { command: 'opsctl db activity --json', explains: 'for scripts: ages in ms, blockers as process ids' },
  ],
  input: z.object({
    idle: z
      .boolean()
      .default(false)
      .meta({ description: 'the sessions that are idle instead, those that have been so the longest first' }),
    ...databaseFields,
  }),
  output: reportSchema.extend({ rows: z.array(activity.row) }),
  run: (typed, context) => looked(activityOf(typed.idle), typed.database, context),
  text: (data, style, { idle }) => reportText(activityOf(idle), data as ReportData<ActivityRow>, style),
  exit: ({ status }, { failOn }) => exitOf(status, failOn),
});
