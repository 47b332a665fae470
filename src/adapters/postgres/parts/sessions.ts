import { MOST_SESSIONS, type Session } from '../../../core/ports/database.ts';
import { age, figure, pids, type Row, text, told, withoutPasswords } from '../row.ts';
import { exactTime } from '../sql.ts';
import type { Part } from './part.ts';

/** Characters of a query that are kept; more is asked for, so that a password is recognised before the cut. */
const QUERY_LENGTH = 500;

/** Which of pg_stat_activity are clients and not ourselves; of what is hidden from this role the kind is, too. */
export const isClient = (alias: string): string => `${alias}.pid <> pg_backend_pid()
  and (${alias}.backend_type = 'client backend'
       or (${alias}.backend_type is null and ${alias}.datid is not null and ${alias}.usesysid is not null))`;

/**
 * Sessions of clients, our own left out. Blockers are asked for of sessions that wait for a lock only: polled for all,
 * `pg_blocking_pids` costs the server throughput.
 */
export const sessions: Part<Session[]> = {
  sql: () => `
select a.pid, a.datname as database, a.usename as user, a.application_name as application,
       coalesce(host(a.client_addr), case when a.backend_start is null then '' else 'local' end) as client,
       a.state, a.query = '<insufficient privilege>' as hidden,
       nullif(concat_ws(': ', a.wait_event_type, a.wait_event), '') as wait, a.wait_event_type as wait_type,
       ${exactTime('a.backend_start')} as started, ${exactTime('a.query_start')} as query_started,
       extract(epoch from now.at - a.xact_start)::float8 * 1000 as transaction_ms,
       extract(epoch from (case when a.state = 'active' then now.at else a.state_change end) - a.query_start)::float8 * 1000 as query_ms,
       extract(epoch from now.at - a.state_change)::float8 * 1000 as state_ms,
       left(a.query, ${(QUERY_LENGTH * 3).toString()}) as query,
       case when a.wait_event_type = 'Lock' then pg_blocking_pids(a.pid) else '{}' end as blocked_by,
       coalesce(r.rolsuper or r.rolreplication, false) as privileged
from pg_stat_activity a
  cross join (select clock_timestamp() as at) as now
  left join pg_roles r on r.oid = a.usesysid
where ${isClient('a')}
order by a.xact_start nulls last, a.state_change, a.pid
limit ${MOST_SESSIONS.toString()}`,
  read: (rows) => rows.map(sessionOf),
};

function sessionOf(row: Row): Session {
  const state = text(row['state']);
  const hidden = row['hidden'] === true;
  // Idle sessions wait for their client, which is what idle means.
  const waits = row['wait_type'] !== 'Client' && row['wait'] !== null;
  return told({
    pid: figure(row['pid']) ?? 0,
    startedAt: text(row['started']),
    database: text(row['database']),
    user: text(row['user']),
    application: text(row['application']),
    client: text(row['client']),
    state: state === '' ? undefined : state,
    wait: waits ? text(row['wait']) : undefined,
    transactionMs: age(row['transaction_ms']),
    queryMs: age(row['query_ms']),
    stateMs: age(row['state_ms']),
    queryStartedAt: row['query_started'] === null ? undefined : text(row['query_started']),
    query: hidden ? undefined : withoutPasswords(text(row['query'])).slice(0, QUERY_LENGTH),
    blockedBy: pids(row['blocked_by']),
    privileged: row['privileged'] === true,
  });
}
