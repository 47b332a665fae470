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

/*
 * Parts leave out what is locked, and yet a lock may be taken between the look at pg_locks and what follows it. Such a lock
 * is queued for only this long, in ms; then the part is asked again, which sees who locks. Measured beside migrations that
 * lock a table after the other for 250 ms: with 100 ms and no second try, 6 of 40 reports lacked some of their parts.
 */
const QUEUE_MS = 20;
const TRIES = 3;

async function askPart(connection: Connection, sql: string, left: () => number): Promise<Answer> {
  for (let tries = 1; ; tries += 1) {
    const { isLocked, ...answer } = await askOnce(connection, sql, left);
    if (!isLocked || tries === TRIES) return answer;
  }
}

async function askOnce(
  connection: Connection,
  sql: string,
  left: () => number,
): Promise<Answer & { isLocked: boolean }> {
  const ms = Math.min(STATEMENT_MS, left() - GIVE_UP_MS);
  if (ms <= 0) return { refused: 'no time was left for it', forbidden: false, isLocked: false };
  try {
    const limits = `set local statement_timeout = ${ms.toString()};set local lock_timeout = ${QUEUE_MS.toString()}`;
    const asked = `savepoint part;${limits};${sql}`;
    return { rows: (await connection.run(asked, left())).at(-1) ?? [], isLocked: false };
  } catch (error) {
    const known = asOpsError(error);
    const sqlstate = known.details?.['sqlstate'];
    if (typeof sqlstate !== 'string' || !isRefusal(sqlstate)) throw error;
    await connection.run('rollback to savepoint part', left());
    const refused = `${String(known.details?.['server'])} (${sqlstate})`;
    return { refused, forbidden: sqlstate === '42501', isLocked: sqlstate === '55P03' };
  }
}
