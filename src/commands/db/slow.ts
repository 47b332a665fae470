import { setTimeout as pause } from 'node:timers/promises';
import * as z from 'zod';

import { type Context, readCommand } from '../../core/command.ts';
import { exitOf } from '../../core/verdict.ts';
import { durationMs } from '../../core/values.ts';
import { conclude, type ReportData, reportSchema } from '../../db/report.ts';
import { between, ORDERS, type Order, slow, slowBy, type StatementRow } from '../../db/slow.ts';
import { interval, reportText } from '../reports.ts';
import { databaseFields, databaseNamed, looked } from './shared.ts';

const input = z.object({
  by: z.enum(ORDERS).default('total').meta({ description: 'what they are put in order by' }),
  interval,
  ...databaseFields,
});

export default readCommand({
  name: 'db slow',
  summary: 'Which statements take the time of the database: total, mean, calls, reads',
  description:
    'From pg_stat_statements, which counts since it was reset; opsctl never resets it. With --interval only what happens meanwhile. Where the extension is missing the answer says how to get it. Threshold: slowQueryMs.',
  examples: [
    { command: 'opsctl db slow', explains: 'what takes the most time in all' },
    { command: 'opsctl db slow --by mean', explains: 'what takes the most time a call' },
    { command: 'opsctl db slow --interval 10s', explains: 'what takes the time right now' },
    { command: 'opsctl db slow --by io --json', explains: 'what reads the most from outside of shared buffers' },
  ],
  input,
  output: reportSchema.extend({ rows: z.array(slow.row) }),
  run: (typed, context) =>
    typed.interval === undefined
      ? looked(slowBy(typed.by), typed.database, context)
      : during(durationMs(typed.interval), typed.database, typed.by, context),
  text: (data, style, { by }) => reportText(slowBy(by), data as ReportData<StatementRow>, style),
  exit: ({ status }, { failOn }) => exitOf(status, failOn),
});

async function during(
  ms: number,
  said: string | undefined,
  by: Order,
  { platform, readers, signal }: Context,
): Promise<ReportData<StatementRow>> {
  const name = databaseNamed(platform, said);
  const first = await readers.database.look(name, ['statements']);
  const before = first.parts.statements;
  if (before.is !== 'seen') return conclude(slowBy(by), first, name, platform.thresholds);
  await pause(ms, undefined, { signal });
  const second = await readers.database.look(name, ['statements']);
  const after = second.parts.statements;
  const parts =
    after.is === 'seen' ? { statements: { ...after, value: between(before.value, after.value) } } : second.parts;
  const window = Date.parse(second.server.at) - Date.parse(first.server.at);
  return conclude(slowBy(by, window), { ...second, parts }, name, platform.thresholds);
}
