import { asOpsError, OpsError } from '../../core/errors.ts';
import type { Connection } from './connect.ts';

/** All statements of a call together, so that a check's own deadline of 5 s is not what ends it. */
const CALL_MS = 4000;

/*
 * PgBouncer refuses these as parameters at connection time, and in a pool a session's settings belong to
 * somebody else afterwards: so they are local to the transaction.
 */
const BEGIN = `begin read only;
set local statement_timeout = '3s';
set local lock_timeout = '100ms';
set local idle_in_transaction_session_timeout = '10s';
set local search_path = pg_catalog`;

/** Asks for one part: its rows, or why the server refused it (and the transaction goes on), be it for want of a right. */
export type Ask = (
  sql: string,
) => Promise<{ rows: Record<string, unknown>[] } | { refused: string; forbidden: boolean }>;

/**
 * Runs `work` in one read-only transaction that `first` opens.
 * @throws what the connection throws, and REJECTED when `first` gives no row
 */
export async function inTransaction<T>(
  connection: Connection,
  work: (context: { server: Record<string, unknown>; latencyMs: number; ask: Ask }) => Promise<T>,
  first: string,
): Promise<T> {
  const started = performance.now();
  const left = (): number => Math.max(1, Math.ceil(started + CALL_MS - performance.now()));
  try {
    const server = (await connection.run(`${BEGIN};${first}`, left())).at(-1)?.[0];
    const latencyMs = performance.now() - started;
    if (server === undefined) throw new OpsError('BAD_ANSWER', `${connection.asked.subject} answers without a row`);
    const value = await work({ server, latencyMs, ask: (sql) => askPart(connection, sql, left) });
    await connection.run('commit', left());
    return value;
  } catch (error) {
    if (connection.isOpen()) await connection.run('rollback', left()).catch(() => undefined);
    throw error;
  }
}

/** Rights (42501), what this server does not have (classes 42 and 0A), locks (55P03), and too long (57014). */
const isRefusal = (sqlstate: string): boolean => /^(42...|0A...|55P03|57014)$/.test(sqlstate);

async function askPart(connection: Connection, sql: string, left: () => number): ReturnType<Ask> {
  try {
    return { rows: (await connection.run(`savepoint part;${sql}`, left())).at(-1) ?? [] };
  } catch (error) {
    const known = asOpsError(error);
    const sqlstate = known.details?.['sqlstate'];
    if (typeof sqlstate !== 'string' || !isRefusal(sqlstate)) throw error;
    await connection.run('rollback to savepoint part', left());
    return { refused: `${String(known.details?.['server'])} (${sqlstate})`, forbidden: sqlstate === '42501' };
  }
}
