/** One statement of somebody's own, read only. */
import { asOpsError, type ErrorCode, OpsError } from '../../core/errors.ts';
import type { QueryAnswer, QueryBounds } from '../../core/ports/database.ts';
import type { Connection } from './connect.ts';

/** What the transaction needs besides the statement, in ms. */
const OVERHEAD_MS = 1000;

/*
 * With the look at the role a snapshot has been taken, and a savepoint is set before the statement comes: from then on the server lets nobody make
 * the transaction one that writes.
 */
const begin = (ms: number): string => `begin read only;
set local statement_timeout = ${ms.toString()};
set local lock_timeout = '100ms';
set local idle_in_transaction_session_timeout = '10s';
select current_setting('is_superuser') = 'on' as superuser;
savepoint statement`;

export async function readQuery(connection: Connection, sql: string, { rows, ms }: QueryBounds): Promise<QueryAnswer> {
  const role = (await connection.run(begin(ms), OVERHEAD_MS)).at(-2)?.[0];
  const started = performance.now();
  try {
    // One more tells whether there are more.
    const answer = await connection.one(sql, rows + 1, ms + OVERHEAD_MS);
    return {
      columns: answer.columns.map(({ name }) => name),
      rows: answer.rows.slice(0, rows).map((row) => row.map((value, at) => valueOf(value, answer.columns[at]?.type))),
      more: answer.rows.length > rows,
      ms: performance.now() - started,
      superuser: role?.['superuser'] === true,
    };
  } catch (error) {
    throw refused(connection, asOpsError(error), ms);
  } finally {
    if (connection.isOpen()) await connection.run('rollback', OVERHEAD_MS).catch(() => undefined);
  }
}

function refused({ asked }: Connection, error: OpsError, ms: number): OpsError {
  const sqlstate = typeof error.details?.['sqlstate'] === 'string' ? error.details['sqlstate'] : '';
  const said = typeof error.details?.['server'] === 'string' ? error.details['server'] : '';
  const position = (error.cause as { position?: string } | undefined)?.position;
  const at = position === undefined ? '' : ` (at character ${position})`;
  const details = { ...error.details, ...(position !== undefined && { position: Number(position) }) };
  const other = (code: ErrorCode, message: string, hint: string): OpsError =>
    new OpsError(code, message, { hint, details, cause: error });
  // Read-only transaction; and an attempt to make it another.
  if (sqlstate === '25006' || sqlstate === '25001')
    return other(
      'UNSAFE',
      `the statement writes, and ${asked.subject} refused it: ${said}`,
      'Nothing was changed: db query runs in a read-only transaction. Write with psql.',
    );
  if (sqlstate === '57014')
    return other(
      'TIMED_OUT',
      `${asked.subject} ended the statement after ${ms.toString()} ms`,
      'Give it more time with --timeout, or see why it is slow: EXPLAIN it.',
    );
  if (sqlstate === '55P03')
    return other(
      'TIMED_OUT',
      `the statement wants a table that is locked: ${said}`,
      'It does not queue behind the lock, so that nobody queues behind it. See whose it is: opsctl db blocking',
    );
  if (sqlstate === '42501')
    return other(
      'REJECTED',
      `${asked.subject} does not permit it to role ${asked.user}: ${said}`,
      `Grant what it names: GRANT SELECT ON <table> TO ${asked.user}, or GRANT EXECUTE ON FUNCTION <function> TO ${asked.user}`,
    );
  if (error.code === 'BAD_ANSWER')
    return other(
      error.code,
      error.message,
      'Select fewer columns or a part of them, as in left(<column>, 200), or fewer rows with --limit.',
    );
  // Syntax and names, values that do not fit (22), what this server does not have (0A).
  if (/^(42|22|0A)/.test(sqlstate))
    return other(
      'USAGE',
      `${said}${at}`,
      sqlstate === '42601' && said.includes('multiple commands')
        ? 'Give one statement.'
        : 'Correct the statement; names of tables: opsctl db sizes',
    );
  return error;
}

/* Oids of types whose text is a number or a boolean (PostgreSQL, catalog/pg_type.dat). */
const BOOLEAN = 16;
const NUMBERS = new Set([20, 21, 23, 26, 700, 701]);

function valueOf(value: string | null, type: number | undefined): string | number | boolean | null {
  if (value === null) return null;
  if (type === BOOLEAN) return value === 't';
  if (type === undefined || !NUMBERS.has(type)) return value;
  const number = Number(value);
  return Number.isFinite(number) && (!Number.isInteger(number) || Number.isSafeInteger(number)) ? number : value;
}
