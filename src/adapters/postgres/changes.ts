/** What changes a PostgreSQL server, each idempotent, and the looks by which it is seen done. */
import { OpsError } from '../../core/errors.ts';
import type { DatabaseChecks, DatabaseWriter, RunningQuery } from '../../core/ports/database-changes.ts';
import { type Connections, isAnswered } from '../once.ts';
import type { Connection } from './connect.ts';
import { readReady } from './vitals.ts';
import { exactTime, SERVER } from './sql.ts';
import { inTransaction } from './transaction.ts';

/** ALTER SYSTEM, a reload, a signal: in ms. */
const COMMAND_MS = 5000;
/** A checkpoint writes all of shared buffers. */
const CHECKPOINT_MS = 120_000;
/** ANALYZE wants a lock that does not keep writers out; who waits for longer is behind a change of the table. */
const ANALYZE_LOCK_MS = 2000;

type Changes = Pick<DatabaseWriter, Exclude<keyof DatabaseWriter, ReadElsewhere>>;
type ReadElsewhere = 'route' | 'ready' | 'vitals' | 'look' | 'query';

export function openChanges(connections: Connections<Connection>): Changes & DatabaseChecks {
  const one = async (name: string, sql: string): Promise<Record<string, unknown>> =>
    connections.use(name, (connection) =>
      inTransaction(
        connection,
        async ({ ask }) => {
          const answer = await ask(sql);
          if ('rows' in answer) return answer.rows[0] ?? {};
          throw new OpsError('REJECTED', `${connection.asked.subject} refuses it: ${answer.refused}`, {
            hint: answer.forbidden
              ? `Grant it, as in: GRANT pg_signal_backend TO ${connection.asked.user}. Sessions of superusers are ended by superusers only.`
              : `See what it says: opsctl logs ${connection.asked.service ?? '<service>'} --tail 50`,
          });
        },
        SERVER,
      ),
    );
  const holds = async (name: string, condition: string): Promise<boolean> =>
    (await one(name, `select ${condition} as so`))['so'] === true;
  const signal = async (name: string, call: string, condition: string): Promise<void> =>
    void (await one(name, `select count(${call}(a.pid))::int4 as signalled from ${SESSION} where ${condition}`));
  return {
    cancel: async (name, query) => signal(name, 'pg_cancel_backend', `${thatQuery(query)} and a.state = 'active'`),
    terminate: async (name, query) => signal(name, 'pg_terminate_backend', `${thatQuery(query)} and ${IS_OPEN}`),
    disconnect: async (name, query) => signal(name, 'pg_terminate_backend', thatSession(query)),
    isCancelled: async (name, query) =>
      holds(name, `not exists (select from ${SESSION} where ${thatQuery(query)} and a.state = 'active')`),
    isOver: async (name, query) =>
      holds(name, `not exists (select from ${SESSION} where ${thatQuery(query)} and ${IS_OPEN})`),
    isGone: async (name, query) => holds(name, `not exists (select from ${SESSION} where ${thatSession(query)})`),
    sessionState: async (name, query) => {
      const { state } = await one(name, `select a.state from ${SESSION} where ${thatSession(query)}`);
      return { state: typeof state === 'string' ? state : 'gone' };
    },
    holdUpNobody: async (name, pids) =>
      holds(
        name,
        `not exists (select from pg_stat_activity a where a.wait_event_type = 'Lock'
           and pg_blocking_pids(a.pid) && array[${pids.map(integer).join(', ')}]::int4[])`,
      ),
    answers: (name) => isAnswered(() => connections.use(name, readReady)),
    analyze: async (name, { schema, name: table }, ms) => {
      const settings = `set local statement_timeout = ${integer(ms)}; set local lock_timeout = ${ANALYZE_LOCK_MS.toString()}`;
      const sql = `begin; ${settings}; analyze ${quoted(schema)}.${quoted(table)}; commit`;
      await connections.use(name, (connection) => run(connection, sql, ms + COMMAND_MS));
    },
    checkpoint: (name) => connections.use(name, (connection) => run(connection, 'checkpoint', CHECKPOINT_MS)),
    setConnectionLimit: (name, limit) =>
      connections.use(name, async (connection) => {
        // Not in a transaction: the server refuses it there.
        const how = limit === null ? 'reset max_connections' : `set max_connections = ${integer(limit)}`;
        await run(connection, `alter system ${how}`, COMMAND_MS);
        await run(connection, 'select pg_reload_conf()', COMMAND_MS);
      }),
    hasConnectionLimit: async (name, limit) => holds(name, isSetTo(limit)),
  };
}

const SESSION = `(select * from pg_stat_activity where pid <> pg_backend_pid()
  and coalesce(backend_type, 'client backend') = 'client backend') a`;
/** It runs, or has left a transaction open. One that failed has given its locks back, whatever its client does with it. */
const IS_OPEN = `coalesce(a.state, '') not in ('idle', 'idle in transaction (aborted)')`;

const thatSession = ({ pid, startedAt }: RunningQuery): string =>
  `a.pid = ${integer(pid)} and ${exactTime('a.backend_start')} = ${time(startedAt)}`;
const thatQuery = (query: RunningQuery): string =>
  `${thatSession(query)} and ${exactTime('a.query_start')} is not distinct from ${query.queryStartedAt === null ? 'null' : time(query.queryStartedAt)}`;

/** What the file of ALTER SYSTEM says, which a reload has read; the running server keeps its own until it starts anew. */
const isSetTo = (limit: number | null): string => {
  const entry = `select f.setting from pg_file_settings f where f.name = 'max_connections'
    and f.sourcefile like '%postgresql.auto.conf' order by f.seqno desc limit 1`;
  return limit === null ? `not exists (${entry})` : `(${entry}) = '${integer(limit)}'`;
};

async function run(connection: Connection, sql: string, ms: number): Promise<void> {
  try {
    await connection.run(sql, ms);
  } catch (error) {
    // A statement that failed in the middle leaves its transaction open.
    if (connection.isOpen()) await connection.run('rollback', COMMAND_MS).catch(() => undefined);
    throw error;
  }
}

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
  if (name === '' || name.includes('\0')) throw new OpsError('BUG', 'that is no name of a table');
  return `"${name.replaceAll('"', '""')}"`;
}
