/** Some parts of a database in one read-only transaction: what a `db` command asks, and the report all at once. */
import type { DatabaseLook, DatabaseParts, DatabaseServer, PartName } from '../../core/ports/database.ts';
import type { Had } from '../../core/ports/had.ts';
import { granting } from '../../core/suggestion.ts';
import type { Connection } from './connect.ts';
import { connections } from './parts/connections.ts';
import { databases } from './parts/databases.ts';
import { fill } from './parts/fill.ts';
import { foreignKeys } from './parts/foreign-keys.ts';
import { horizon } from './parts/horizon.ts';
import { indexes } from './parts/indexes.ts';
import { locks } from './parts/locks.ts';
import { isSkipped, type Part } from './parts/part.ts';
import { replication } from './parts/replication.ts';
import { sequences } from './parts/sequences.ts';
import { sessions } from './parts/sessions.ts';
import { statements } from './parts/statements.ts';
import { tables } from './parts/tables.ts';
import { vacuums } from './parts/vacuums.ts';
import { figure, isoTime, type Row, shortVersion, text } from './row.ts';
import { SERVER } from './sql.ts';
import { type Answer, inTransaction } from './transaction.ts';

/** All parts together, in ms; one has 3 s at most. */
const LOOK_MS = 12_000;

const PARTS: { [P in PartName]: Part<DatabaseParts[P]> } = {
  sessions,
  connections,
  locks,
  statements,
  tables,
  indexes,
  foreignKeys,
  databases,
  vacuums,
  horizon,
  fill,
  sequences,
  replication,
};

export async function readLook<P extends PartName>(
  connection: Connection,
  parts: readonly P[],
): Promise<DatabaseLook<P>> {
  return await inTransaction(
    connection,
    async ({ server: row, latencyMs, ask }) => {
      const server = serverOf(row);
      const found: Partial<DatabaseLook<P>['parts']> = {};
      for (const name of parts) found[name] = await readPart(PARTS[name], server, ask, connection.asked.user);
      return { server, latencyMs, parts: found as DatabaseLook<P>['parts'] };
    },
    SERVER,
    LOOK_MS,
  );
}

/** One part, or why it is not had. */
export async function readPart<T>(
  part: Part<T>,
  server: DatabaseServer,
  ask: (sql: string) => Promise<Answer>,
  user: string,
): Promise<Had<T>> {
  const sql = part.sql(server);
  if (isSkipped(sql)) return { is: 'skipped', reason: sql.skipped, fix: sql.fix };
  const answer = await ask(sql);
  if ('refused' in answer) {
    return answer.forbidden
      ? { is: 'skipped', reason: answer.refused, fix: [granting('pg_monitor', user)] }
      : { is: 'unknown', reason: answer.refused };
  }
  const value = part.read(answer.rows, server);
  return isSkipped(value) ? { is: 'skipped', reason: value.skipped, fix: value.fix } : { is: 'seen', value };
}

/** The server, of the row that opens every transaction. */
export const serverOf = (row: Row): DatabaseServer => ({
  version: shortVersion(row['version']),
  major: Math.floor((figure(row['number']) ?? 0) / 10_000),
  inRecovery: row['recovery'] === true,
  startedAt: isoTime(row['started']) ?? '',
  at: isoTime(row['at']) ?? '',
  connectionLimit: figure(row['slots']) ?? Number.NaN,
  role: text(row['role']),
  database: text(row['database']),
  ...(typeof row['statements_schema'] === 'string' && {
    statements: {
      schema: row['statements_schema'],
      version: text(row['statements_version']),
      isLoaded: row['statements_loaded'] === true,
      isUsable: row['statements_usable'] === true,
    },
  }),
});
