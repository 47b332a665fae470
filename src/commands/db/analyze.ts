import * as z from 'zod';

import { changeCommand, type Context } from '../../core/command.ts';
import { OpsError } from '../../core/errors.ts';
import { plural } from '../../core/format.ts';
import { plan, step } from '../../core/plan.ts';
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
    tables: z
      .array(z.string().min(1))
      .min(1)
      .max(MOST_TABLES)
      .meta({ description: 'tables, with their schema where it is not public', positional: true }),
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
    const tables = [...new Set(await known(input.tables, database, context))];
    return plan({
      target: database,
      summary: `analyze ${plural(tables.length, 'table')} of database ${database}`,
      touches: tables.map((table) => `statistics of table ${table}`),
      steps: tables.map((table) =>
        step({
          id: `database.analyze:${table}`,
          describe: `analyze ${table}`,
          why: 'the planner chooses by these statistics',
          do: (w) => w.database.analyze(database, parts(table), input.timeoutSeconds * 1000),
          undo: 'not needed',
          timeoutMs: input.timeoutSeconds * 1000 + 10_000,
        }),
      ),
    });
  },
  report: async (input, context) => {
    const database = databaseNamed(context.platform, input.database);
    return { database, tables: await known(input.tables, database, context) };
  },
  text: (data, style) => data.tables.map((table) => `${style.good('✓')} ${table} is analyzed`).join('\n'),
});

/** `public.orders` as its two names. */
function parts(table: string): { schema: string; name: string } {
  const dot = table.indexOf('.');
  return { schema: table.slice(0, dot), name: table.slice(dot + 1) };
}

/** Tables with their schemas. @throws NOT_FOUND naming the first that is not there */
async function known(said: readonly string[], database: string, { readers }: Context): Promise<string[]> {
  const names = said.map((table) => (table.includes('.') ? table : `public.${table}`));
  const list = names.map((name) => `'${name.replaceAll("'", "''")}'`).join(', ');
  const { rows } = await readers.database.query(
    database,
    `select n.nspname || '.' || c.relname from pg_catalog.pg_class c
       join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p', 'm', 'f') and n.nspname || '.' || c.relname in (${list})`,
    { rows: MOST_TABLES, ms: 3000 },
  );
  const there = new Set(rows.map(([name]) => name));
  const missing = names.find((name) => !there.has(name));
  if (missing === undefined) return names;
  throw new OpsError('NOT_FOUND', `database ${database} has no table ${missing}`, {
    hint: 'See which tables there are: opsctl db sizes',
  });
}
