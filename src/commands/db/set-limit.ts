import * as z from 'zod';

import type { Step } from '../../core/change.ts';
import { changeCommand, type Context } from '../../core/command.ts';
import { OpsError } from '../../core/errors.ts';
import { plan, step } from '../../core/plan.ts';
import { databaseRestart } from './restart.ts';
import { databaseFields, databaseNamed } from './shared.ts';

/** Where and how max_connections is set now. */
interface Limit {
  /** What the running server has. */
  running: number;
  /** What a command (ALTER SYSTEM) has set for the next start; null for none. */
  set: number | null;
  /** Slots kept for superusers and the like. */
  reserved: number;
  used: number;
  /** `command line` where the server is started with it, which no file outdoes. */
  source: string;
  standbys: number;
  /** What its files give it at its next start: what it runs with may be from before they were changed. */
  next: number;
}

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
    const now = await limitOf(database, context);
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
        `${now.used.toString()} connections of clients are open; ${now.reserved.toString()} slots are kept for superusers`,
        ...(now.standbys > 0 && connections > now.running
          ? ['standbys follow this server: raise it there first, or they stop']
          : []),
        ...(restart?.seen ?? []),
      ],
      steps: [...(isSet ? [] : [set]), ...(restart?.steps ?? [])],
    });
  },
  report: async (input, context) => {
    const database = databaseNamed(context.platform, input.database);
    const { running, set, used } = await limitOf(database, context);
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

async function limitOf(database: string, { readers }: Context): Promise<Limit> {
  const { rows } = await readers.database.query(
    database,
    `select current_setting('max_connections')::int4,
       (select f.setting::int4 from pg_file_settings f
        where f.name = 'max_connections' and f.sourcefile like '%postgresql.auto.conf' order by f.seqno desc limit 1),
       current_setting('superuser_reserved_connections')::int4
         + coalesce(current_setting('reserved_connections', true)::int4, 0),
       (select count(*)::int4 from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()),
       (select source from pg_settings where name = 'max_connections'),
       (select count(*)::int4 from pg_stat_replication),
       coalesce(
         (select f.setting::int4 from pg_file_settings f where f.name = 'max_connections' order by f.seqno desc limit 1),
         (select boot_val::int4 from pg_settings where name = 'max_connections'))`,
    { rows: 1, ms: 3000 },
  );
  const [running, set, reserved, used, source, standbys, next] = rows[0] ?? [];
  return {
    running: Number(running),
    set: typeof set === 'number' ? set : null,
    reserved: Number(reserved),
    used: Number(used),
    source: String(source),
    standbys: Number(standbys),
    next: Number(next),
  };
}

/** @throws UNSAFE where the server would not start with it or could not serve who is there now */
function mustBePossible(wanted: number, { used, reserved, source }: Limit, database: string): void {
  if (source === 'command line')
    throw new OpsError(
      'UNSAFE',
      `database ${database} is started with max_connections on its command line, which outdoes every file`,
      {
        hint: 'Change it there, in the compose file, then run: docker-compose up -d',
      },
    );
  if (wanted - reserved >= used) return;
  throw new OpsError(
    'UNSAFE',
    `${used.toString()} connections are open and ${reserved.toString()} slots are kept for superusers: ${wanted.toString()} would be too few`,
    { hint: 'See who holds them: opsctl db connections' },
  );
}
