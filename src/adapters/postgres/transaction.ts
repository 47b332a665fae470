import { asOpsError, OpsError } from '../../core/errors.ts';
import type { Connection } from './connect.ts';

/** One statement, in ms. */
const STATEMENT_MS = 3000;
/** All statements of a call together, so that a check's own deadline of 5 s is not what ends it. */
const CALL_MS = 4000;

/*
 * PgBouncer refuses these as parameters at connection time, and in a pool a session's settings belong to
 * somebody else afterwards: so they are local to the transaction.
 */
const BEGIN = `begin read only;
set local statement_timeout = ${STATEMENT_MS.toString()};
set local lock_timeout = '100ms';
set local idle_in_transaction_session_timeout = '10s';
set local search_path = pg_catalog`;

/** The rows of a part, or why the server refused it (and the transaction goes on), be it for want of a right. */
export type Answer = { rows: Record<string, unknown>[] } | { refused: string; forbidden: boolean };

/** Asks for one part. */
export type Ask = (sql: string) => Promise<Answer>;

/**
 * Runs `work` in one read-only transaction that `first` opens; all of it together within `callMs`.
 * @throws what the connection throws, and REJECTED when `first` gives no row
 */
export async function inTransaction<T>(
  connection: Connection,
  work: (context: { server: Record<string, unknown>; latencyMs: number; ask: Ask; left: () => number }) => Promise<T>,
  first: string,
  callMs = CALL_MS,
): Promise<T> {
  const started = performance.now();
  const left = (): number => Math.max(1, Math.ceil(started + callMs - performance.now()));
  try {
    const server = (await connection.run(`${BEGIN};${first}`, left())).at(-1)?.[0];
    const latencyMs = performance.now() - started;
    if (server === undefined) throw new OpsError('BAD_ANSWER', `${connection.asked.subject} answers without a row`);
    const value = await work({ server, latencyMs, ask: (sql) => askPart(connection, sql, left), left });
    await connection.run('commit', left());
    return value;
  } catch (error) {
    if (connection.isOpen()) await connection.run('rollback', left()).catch(() => undefined);
    throw error;
  }
}

/** Rights (42501), what this server does not have (classes 42 and 0A), locks (55P03), and too long (57014). */
const isRefusal = (sqlstate: string): boolean => /^(42...|0A...|55P03|57014)$/.test(sqlstate);

/** The server is told to give up a little before we would: a connection that we give up is lost to the parts after it. */
const GIVE_UP_MS = 300;

async function askPart(connection: Connection, sql: string, left: () => number): Promise<Answer> {
  const ms = Math.min(STATEMENT_MS, left() - GIVE_UP_MS);
  if (ms <= 0) return { refused: 'no time was left for it', forbidden: false };
  try {
    const asked = `savepoint part;set local statement_timeout = ${ms.toString()};${sql}`;
    return { rows: (await connection.run(asked, left())).at(-1) ?? [] };
  } catch (error) {
    const known = asOpsError(error);
    const sqlstate = known.details?.['sqlstate'];
    if (typeof sqlstate !== 'string' || !isRefusal(sqlstate)) throw error;
    await connection.run('rollback to savepoint part', left());
    return { refused: `${String(known.details?.['server'])} (${sqlstate})`, forbidden: sqlstate === '42501' };
  }
}
