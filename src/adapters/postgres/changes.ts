/** What changes a PostgreSQL server, each idempotent, and the looks by which it is seen done. */
import { OpsError } from '../../core/errors.ts';
import type { DatabaseChecks, DatabaseWriter, RunningQuery } from '../../core/ports/database-changes.ts';
import { sqlText } from '../../core/sql.ts';
import { type Connections, isAnswered } from '../once.ts';
import type { Connection, Notice } from './connect.ts';
import { inLog } from '../where-seen.ts';
import { CONNECTION_LIMIT, limitOf } from './limit.ts';
import { lacking, needed, type Needed } from './rights.ts';
import { readReady } from './vitals.ts';
import { exactTime, SERVER } from './sql.ts';
import { inTransaction } from './transaction.ts';

/** ALTER SYSTEM, a signal: in ms. */
const COMMAND_MS = 5000;
/** A checkpoint writes all of shared buffers. */
const CHECKPOINT_MS = 120_000;
/** ANALYZE wants a lock that does not keep writers out; who waits for longer is behind a change of the table. */
const ANALYZE_LOCK_MS = 2000;

type Changes = Pick<DatabaseWriter, Exclude<keyof DatabaseWriter, ReadElsewhere>>;
type ReadElsewhere = 'route' | 'ready' | 'vitals' | 'look' | 'query';

export function openChanges(connections: Connections<Connection>): Changes & DatabaseChecks {
  const ask = async (name: string, sql: string, right?: Needed): Promise<Record<string, unknown>> =>
    connections.use(name, (connection) => row(connection, sql, right));
  const holds = async (name: string, condition: string, right?: Needed): Promise<boolean> =>
    (await ask(name, `select ${condition} as so`, right))['so'] === true;
  const none = (name: string, condition: string): Promise<boolean> =>
    holds(name, `not exists (select from ${SESSION} where ${condition})`);
  const signal = async (name: string, call: string, condition: string): Promise<void> => {
    const sql = `select count(${call}(a.pid))::int4 as signalled from ${SESSION} where ${condition}`;
    await connections.act(name, (connection) => row(connection, sql, needed.signal));
  };
  return {
    cancel: async (name, query) => signal(name, 'pg_cancel_backend', `${thatQuery(query)} and a.state = 'active'`),
    terminate: async (name, query) => signal(name, 'pg_terminate_backend', `${thatQuery(query)} and ${IS_OPEN}`),
    disconnect: async (name, query) => signal(name, 'pg_terminate_backend', `${thatQuery(query)} and ${IS_IDLE}`),
    isCancelled: async (name, query) => none(name, `${thatQuery(query)} and a.state = 'active'`),
    isOver: async (name, query) => none(name, `${thatQuery(query)} and ${IS_OPEN}`),
    hasMovedOn: async (name, query) => none(name, `${thatQuery(query)} and ${IS_IDLE}`),
    sessionState: async (name, query) => {
      const { state } = await ask(name, `select a.state from ${SESSION} where ${thatSession(query)}`);
      return { state: typeof state === 'string' ? state : 'gone' };
    },
    holdUpNobody: async (name, pids) =>
      holds(
        name,
        `not exists (select from pg_stat_activity a where a.wait_event_type = 'Lock'
           and pg_blocking_pids(a.pid) && array[${pids.map(integer).join(', ')}]::int4[])`,
      ),
    answers: (name) => isAnswered(() => connections.use(name, readReady)),
    analyze: (name, { schema, name: table }, ms) =>
      connections.act(name, async (connection) => {
        const relation = `${quoted(schema)}.${quoted(table)}`;
        const settings = `set local statement_timeout = ${integer(ms)}; set local lock_timeout = ${ANALYZE_LOCK_MS.toString()}`;
        const skipped: Notice[] = [];
        await run(connection, `begin; ${settings}; analyze ${relation}; commit`, ms + COMMAND_MS, {
          right: needed.analyze(relation),
          hear: (notice) => isSkip(notice) && skipped.push(notice),
        });
        if (skipped[0] !== undefined) throw notAnalyzed(connection, relation, skipped[0]);
      }),
    isAnalyzed: async (name, { schema, name: table }, since) =>
      holds(name, isAnalyzedSince(schema, table, since === null ? `'-infinity'` : time(since))),
    checkpoint: (name) =>
      connections.act(name, (connection) => run(connection, 'checkpoint', CHECKPOINT_MS, { right: needed.checkpoint })),
    connectionLimit: async (name) => limitOf(await ask(name, CONNECTION_LIMIT, needed.readFiles)),
    setConnectionLimit: (name, limit) =>
      connections.act(name, async (connection) => {
        // Not in a transaction: the server refuses it there. A reload would not make it hold.
        const how = limit === null ? 'reset max_connections' : `set max_connections = ${integer(limit)}`;
        await run(connection, `alter system ${how}`, COMMAND_MS, { right: needed.setLimit });
      }),
    hasConnectionLimit: async (name, limit) => holds(name, isSetTo(limit), needed.readFiles),
  };
}

/** The first row of a statement, in a read-only transaction. @throws REJECTED, with what gives the right that it needs */
function row(connection: Connection, sql: string, right?: Needed): Promise<Record<string, unknown>> {
  const { asked } = connection;
  return inTransaction(
    connection,
    async ({ ask }) => {
      const answer = await ask(sql);
      if ('rows' in answer) return answer.rows[0] ?? {};
      const hint =
        answer.forbidden && right !== undefined ? right(asked.user) : inLog('See what it says', asked.service);
      throw new OpsError('REJECTED', `${asked.subject} refuses it: ${answer.refused}`, { hint });
    },
    SERVER,
  );
}

async function run(
  connection: Connection,
  sql: string,
  ms: number,
  { right, hear }: { right: Needed; hear?: (notice: Notice) => void },
): Promise<void> {
  try {
    await connection.run(sql, ms, hear);
  } catch (error) {
    // A statement that failed in the middle leaves its transaction open.
    if (connection.isOpen()) await connection.run('rollback', COMMAND_MS).catch(() => undefined);
    throw lacking(connection.asked, error, right);
  }
}

const SESSION = `(select * from pg_stat_activity where pid <> pg_backend_pid()
  and coalesce(backend_type, 'client backend') = 'client backend') a`;

const IS_IDLE = `a.state in ('idle', 'idle in transaction (aborted)')`;
/**
 * It runs, has left a transaction open, or holds something still: what failed behind a savepoint gives back only what was
 * locked since then, and a session keeps the advisory locks that it took for itself.
 */
const IS_OPEN = `(a.state is null or not ${IS_IDLE}
  or exists (select from pg_locks l where l.pid = a.pid and l.granted and l.locktype <> 'virtualxid'))`;

const thatSession = ({ pid, startedAt }: RunningQuery): string =>
  `a.pid = ${integer(pid)} and ${exactTime('a.backend_start')} = ${time(startedAt)}`;
const thatQuery = (query: RunningQuery): string =>
  `${thatSession(query)} and ${exactTime('a.query_start')} is not distinct from ${query.queryStartedAt === null ? 'null' : time(query.queryStartedAt)}`;

/** What the file of ALTER SYSTEM says; the running server keeps its own until it starts anew. */
const isSetTo = (limit: number | null): string => {
  const entry = `select f.setting from pg_file_settings f where f.name = 'max_connections'
    and f.sourcefile like '%postgresql.auto.conf' order by f.seqno desc limit 1`;
  return limit === null ? `not exists (${entry})` : `(${entry}) = '${integer(limit)}'`;
};

/** Tables that the server leaves out it only warns of (vacuum.c, analyze.c). */
const isSkip = ({ code, file }: Notice): boolean =>
  code !== undefined && !code.startsWith('00') && (file === 'vacuum.c' || file === 'analyze.c');

/** Warnings of vacuum.c without a code of their own are of rights. */
const notAnalyzed = ({ asked }: Connection, relation: string, { code, file, message = '' }: Notice): OpsError =>
  new OpsError('REJECTED', `${asked.subject} did not analyze ${relation}: ${message}`, {
    hint:
      code === '01000' && file === 'vacuum.c'
        ? needed.analyze(relation)(asked.user)
        : 'See which tables there are: opsctl db sizes',
  });

/**
 * A partitioned table has no count of its own, its partitions have. Without track_counts the server does not say when it was
 * done, and its answer has to do.
 */
const isAnalyzedSince = (schema: string, table: string, since: string): string => `(
  current_setting('track_counts') = 'off' or not exists (
    select from pg_class named join pg_namespace n on n.oid = named.relnamespace
      cross join lateral (select named.oid union select relid from pg_partition_tree(named.oid)) as one
      join pg_class c on c.oid = one.oid
    where n.nspname = ${literal(schema)} and named.relname = ${literal(table)} and c.relkind <> 'p'
      and coalesce(pg_stat_get_last_analyze_time(c.oid), '-infinity') <= ${since}::timestamptz))`;

/* Arguments come from a journal, too, which comes from outside: each is what it should be, or no statement is made of it. */
function integer(value: number): string {
  if (!Number.isSafeInteger(value) || value < 0) throw new OpsError('BUG', `${String(value)} is no whole number`);
  return value.toString();
}

function time(value: string): string {
  if (!/^\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(value)) throw new OpsError('BUG', `${value} is no time`);
  return `'${value}'`;
}

/** An identifier, as the server itself quotes it. */
function quoted(name: string): string {
  return `"${nameOf(name).replaceAll('"', '""')}"`;
}

/** A name as text. */
const literal = (name: string): string => sqlText(nameOf(name));

function nameOf(name: string): string {
  if (name === '' || name.includes('\0')) throw new OpsError('BUG', 'that is no name of a table');
  return name;
}
