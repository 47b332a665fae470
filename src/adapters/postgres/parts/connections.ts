import type { ConnectionGroup, Connections } from '../../../core/ports/database.ts';
import { age, figure, type Row, text, told } from '../row.ts';
import type { Part } from './part.ts';
import { isClient } from './sessions.ts';

/** Groups at most, the largest first: an application may give each of its connections a name of its own. */
const LIMIT = 500;

/** Connections of clients, our own left out, counted by who has them: however many there are. */
export const connections: Part<Connections> = {
  sql: () => `
select a.datname as database, a.usename as user, a.application_name as application, count(*)::int4 as connections,
       count(*) filter (where a.state = 'active')::int4 as active,
       count(*) filter (where a.state = 'idle')::int4 as idle,
       count(*) filter (where a.state like 'idle in transaction%')::int4 as idle_in_transaction,
       count(*) filter (where a.state is null)::int4 as hidden,
       (array_agg(a.pid order by a.state_change, a.pid) filter (where a.state = 'idle'))[1] as idle_pid,
       extract(epoch from clock_timestamp() - min(a.state_change) filter (where a.state = 'idle'))::float8 * 1000 as idle_ms,
       (sum(count(*)) over ())::int4 as count
from pg_stat_activity a
where ${isClient('a')}
group by a.datname, a.usename, a.application_name
order by connections desc, a.datname, a.usename, a.application_name
limit ${LIMIT.toString()}`,
  read: (rows) => ({ groups: rows.map(groupOf), count: figure(rows[0]?.['count']) ?? 0 }),
};

function groupOf(row: Row): ConnectionGroup {
  const count = (name: string): number => figure(row[name]) ?? 0;
  const pid = figure(row['idle_pid']);
  return told({
    database: text(row['database']),
    user: text(row['user']),
    application: text(row['application']),
    connections: count('connections'),
    active: count('active'),
    idle: count('idle'),
    idleInTransaction: count('idle_in_transaction'),
    hidden: count('hidden'),
    longestIdle: pid === undefined ? undefined : { pid, ms: age(row['idle_ms']) ?? 0 },
  });
}
