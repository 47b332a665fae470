import * as z from 'zod';

import { readCommand } from '../../core/command.ts';
import type { PartName } from '../../core/ports/database.ts';
import { exitOf } from '../../core/verdict.ts';
import { REPORTS } from '../../db/all.ts';
import { conclude } from '../../db/report.ts';
import { allSchema, together, togetherText } from '../reports.ts';
import { databaseFields, databaseNamed } from './shared.ts';

const output = z.object({
  database: z.string().describe('as configured'),
  version: z.string(),
  inRecovery: z.boolean(),
  ...allSchema.shape,
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
    const { version, inRecovery } = look.server;
    const concluded = REPORTS.map((report) => ({
      name: report.name,
      data: conclude(report, look, name, platform.thresholds),
    }));
    return { database: name, version, inRecovery, ...together(concluded) };
  },
  text: (data, style) => {
    const { database, version, inRecovery } = data;
    return togetherText(data, `PostgreSQL ${version}${inRecovery ? ', a replica' : ''} (${database})`, style);
  },
  exit: ({ status }, { failOn }) => exitOf(status, failOn),
});
