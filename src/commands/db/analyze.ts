import * as z from 'zod';

import { changeCommand } from '../../core/command.ts';
import { plural } from '../../core/format.ts';
import { plan, step } from '../../core/plan.ts';
import { tablesNamed } from '../../db/tables-named.ts';
import { databaseFields, databaseNamed } from './shared.ts';

/** Tables in one change: more is a matter of autovacuum's settings. */
const MOST_TABLES = 20;

export default changeCommand({
  name: 'db analyze',
  summary: 'Count anew what the planner believes of tables (ANALYZE)',
  description:
    'One table after the other. It keeps neither readers nor writers out; where a change of the table holds its lock it gives up after 2 s, so that nobody queues behind it.',
  examples: [
    {
      command: 'opsctl db analyze orders order_items --yes',
      explains: 'after a large import, or where estimates are off',
    },
    { command: 'opsctl db analyze sales.invoice --dry-run', explains: 'what would be done' },
  ],
  input: z.object({
    tables: z.array(z.string().min(1)).min(1).max(MOST_TABLES).meta({
      description: 'tables, with their schema where it is not public, quoted as db sizes prints them or not',
      positional: true,
    }),
    database: databaseFields.database,
    timeoutSeconds: z
      .number()
      .int()
      .min(1)
      .max(3600)
      .default(300)
      .meta({ description: 'how long one table may take', value: 'seconds' }),
  }),
  output: z.object({ database: z.string(), tables: z.array(z.string()) }),
  plan: async (input, context) => {
    const database = databaseNamed(context.platform, input.database);
    const tables = await tablesNamed(input.tables, database, context.readers.database);
    return plan({
      target: database,
      summary: `analyze ${plural(tables.length, 'table')} of database ${database}`,
      touches: tables.map(({ shown }) => `statistics of table ${shown}`),
      steps: tables.map(({ schema, name, shown, analyzedAt }) =>
        step({
          id: `database.analyze:${shown}`,
          describe: `analyze ${shown}`,
          why: 'the planner chooses by these statistics',
          do: (w) => w.database.analyze(database, { schema, name }, input.timeoutSeconds * 1000),
          verify: (r) => r.database.isAnalyzed(database, { schema, name }, analyzedAt),
          undo: 'not needed',
          timeoutMs: input.timeoutSeconds * 1000 + 10_000,
        }),
      ),
    });
  },
  report: async (input, context) => {
    const database = databaseNamed(context.platform, input.database);
    const tables = await tablesNamed(input.tables, database, context.readers.database);
    return { database, tables: tables.map(({ shown }) => shown) };
  },
  text: (data, style) => data.tables.map((table) => `${style.good('✓')} ${table} is analyzed`).join('\n'),
});
