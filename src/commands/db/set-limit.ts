import * as z from 'zod';

import type { Step } from '../../core/change.ts';
import { changeCommand } from '../../core/command.ts';
import { plan, step } from '../../core/plan.ts';
import { meaningOf, mustBePossible } from '../../db/connection-limit.ts';
import { memoryLimitOf } from '../../service/server.ts';
import { databaseRestart } from './restart.ts';
import { databaseFields, databaseNamed } from './shared.ts';

export default changeCommand({
  name: 'db set-limit',
  summary: 'Set how many connections the database accepts, from its next start on',
  description:
    'max_connections is set with ALTER SYSTEM, and holds from the next start of the server on; --restart restarts it now. Each connection costs memory, and a hundred that are busy at once slow each other down: where an application opens more than it uses, a pool (PgBouncer, or the one of its driver) is the better remedy.',
  examples: [
    { command: 'opsctl db set-limit 200 --dry-run', explains: 'what is in use, and what would be done' },
    { command: 'opsctl db set-limit 200 --restart', explains: 'set it and restart the database now' },
  ],
  input: z.object({
    connections: z.number().int().min(10).max(10_000).meta({ description: 'max_connections', positional: true }),
    database: databaseFields.database,
    restart: z.boolean().default(false).meta({ description: 'restart the database now, so that it holds' }),
  }),
  output: z.object({
    database: z.string(),
    running: z.number().describe('max_connections of the running server'),
    set: z.number().nullable().describe('what holds from its next start on, where a command has set it'),
    used: z.number(),
  }),
  plan: async (input, context) => {
    const database = databaseNamed(context.platform, input.database);
    const now = await context.readers.database.connectionLimit(database);
    const { connections } = input;
    mustBePossible(connections, now, database);
    const isSet = now.next === connections;
    const restarts = input.restart && now.running !== connections;
    const set: Step = step({
      id: `database.limit:${database}`,
      describe: `set max_connections to ${connections.toString()} (the running server has ${now.running.toString()})`,
      why: restarts ? 'the restart that follows makes it hold' : 'it holds from the next start of the server on',
      do: (w) => w.database.setConnectionLimit(database, connections),
      undo: (w) => w.database.setConnectionLimit(database, now.set),
      undone: (r) => r.database.hasConnectionLimit(database, now.set),
      verify: (r) => r.database.hasConnectionLimit(database, connections),
      timeoutMs: 15_000,
    });
    const restart = restarts ? await databaseRestart(database, {}, context) : undefined;
    return plan({
      target: database,
      summary: `set the connection limit of database ${database} to ${connections.toString()}`,
      touches: [
        `max_connections of database ${database}: ${now.next.toString()} → ${connections.toString()}`,
        ...(restart?.touches ?? []),
      ],
      seen: [
        ...meaningOf(connections, now, await memoryLimitOf(context.platform.databases[database]?.service, context)),
        ...(restart?.seen ?? []),
      ],
      steps: [...(isSet ? [] : [set]), ...(restart?.steps ?? [])],
    });
  },
  report: async (input, context) => {
    const database = databaseNamed(context.platform, input.database);
    const { running, set, used } = await context.readers.database.connectionLimit(database);
    return { database, running, set, used };
  },
  text: ({ running, set, used }, style) =>
    [
      `${style.good('✓')} the running server accepts ${running.toString()} connections, ${used.toString()} are open`,
      ...(set === null || set === running
        ? []
        : [`! ${set.toString()} from its next start on`, `${style.bold('next')}: opsctl db restart`]),
    ].join('\n'),
});
