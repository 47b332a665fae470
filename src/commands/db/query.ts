import * as z from 'zod';

import { readCommand } from '../../core/command.ts';
import { duration, plural } from '../../core/format.ts';
import type { Column, Style } from '../../core/style.ts';
import { oneLine } from '../../core/text.ts';
import { durationMs, durationText } from '../../core/values.ts';
import { mustRead } from '../../db/statement.ts';
import { databaseFields, databaseNamed } from './shared.ts';

/** The longest that a statement may be given, in ms. */
const LONGEST = 300_000;

const output = z.object({
  database: z.string().describe('as configured'),
  columns: z.array(z.string()),
  rows: z
    .array(z.array(z.union([z.string(), z.number(), z.boolean(), z.null()])))
    .describe('values in the order of the columns; numbers where they are exact, else as the server writes them'),
  more: z.boolean().describe('whether there are more rows'),
  ms: z.number(),
  superuser: z.boolean().describe('whether the role is a superuser, whom nothing keeps from functions with effects'),
});
type Answer = z.infer<typeof output>;

export default readCommand({
  name: 'db query',
  summary: 'Run one SQL statement that reads, bounded in rows and time',
  description:
    'It runs in a read-only transaction that is rolled back, by the extended protocol, which takes one statement only. It does not wait for locks. Such a transaction does not keep functions from effects outside of tables, as on other sessions, on the log or on files: those that come with PostgreSQL are known by name and refused, which guards against mistakes and not against intent. The boundary is the role: set user to one that can only read, such as a member of pg_read_all_data; a superuser may do everything.',
  examples: [
    { command: "opsctl db query 'SELECT count(*) FROM orders'", explains: 'one statement, quoted for the shell' },
    { command: "opsctl db query 'TABLE orders' --limit 1000 --json", explains: 'more rows, for a script' },
    { command: "opsctl db query 'EXPLAIN SELECT 1' --timeout 30s", explains: 'more time than the 10 s that it has' },
  ],
  input: z.object({
    sql: z.string().max(100_000).meta({ description: 'the statement', positional: true }),
    limit: z.number().int().min(1).max(10_000).default(100).meta({ description: 'rows at most', value: 'rows' }),
    timeout: durationText
      .refine((typed) => durationMs(typed) <= LONGEST, 'expected 5m at most')
      .default('10s')
      .meta({ description: 'the time that it may take', value: 'time' }),
    database: databaseFields.database,
  }),
  output,
  run: async ({ sql, limit, timeout, database: said }, { platform, readers }) => {
    mustRead(sql);
    const database = databaseNamed(platform, said);
    const answer = await readers.database.query(database, sql, { rows: limit, ms: durationMs(timeout) });
    return { database, ...answer };
  },
  text: (answer, style) =>
    [
      answerText(answer, style),
      style.dim(
        `${answer.more ? `the first ${plural(answer.rows.length, 'row')}, more with --limit` : plural(answer.rows.length, 'row')}, ${duration(answer.ms)}${answer.superuser ? ', as a superuser' : ''}`,
      ),
    ]
      .filter((part) => part !== '')
      .join('\n'),
});

/** One column as it is, so that plans keep their form; one row with many columns as a list; else a table. */
function answerText({ columns, rows }: Answer, style: Style): string {
  const [first] = rows;
  if (columns.length === 0) return '';
  if (columns.length === 1)
    return [style.dim(columns[0] ?? ''), ...rows.map(([value]) => shown(value ?? null))].join('\n');
  if (rows.length === 1 && first !== undefined && columns.length > 5)
    return style.pairs(columns.map((name, at) => [name, shown(first[at] ?? null)]));
  const titles: Column[] = columns.map((title, at) => {
    const isNumber = rows.length > 0 && rows.every((row) => typeof row[at] === 'number' || row[at] === null);
    return { title, align: isNumber ? 'right' : 'left', flexible: !isNumber };
  });
  return style.table(
    titles,
    rows.map((row) => row.map((value) => oneLine(shown(value)))),
  );
}

const shown = (value: string | number | boolean | null): string => (value === null ? 'null' : String(value));
