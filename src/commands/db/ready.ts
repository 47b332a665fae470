import * as z from 'zod';

import { readCommand } from '../../core/command.ts';
import { duration } from '../../core/format.ts';
import { databaseFields, databaseNamed } from './shared.ts';

export default readCommand({
  name: 'db ready',
  summary: 'Does the database accept connections and answer? If not, which of the reasons is it',
  description:
    'Three answers are told apart, each exit 6: it starts or shuts down (NOT_READY), it has no connection slot left (NOT_READY), it refuses the password or role (AUTH_FAILED).',
  examples: [
    { command: 'opsctl db ready', explains: 'version, latency, how it is reached' },
    { command: 'opsctl db ready --quiet', explains: 'for a script that waits: exit 0 when it does' },
  ],
  input: z.object({ database: databaseFields.database }),
  output: z.object({
    database: z.string().describe('as configured'),
    version: z.string(),
    inRecovery: z.boolean().describe('true for a replica'),
    latencyMs: z.number().describe('of one small transaction'),
    route: z.string().describe('how it is reached'),
  }),
  run: async (input, { platform, readers }) => {
    const name = databaseNamed(platform, input.database);
    const { version, inRecovery, latencyMs } = await readers.database.ready(name);
    return { database: name, version, inRecovery, latencyMs, route: await readers.database.route(name) };
  },
  text: ({ version, inRecovery, latencyMs, route }, style) =>
    `${style.good('✓')} PostgreSQL ${version}${inRecovery ? ', a replica,' : ''} answers in ${duration(latencyMs)}, reached by ${route}`,
});
