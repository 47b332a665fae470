import { type Lock, LOCK_MODES, type Locks } from '../../../core/ports/database.ts';
import { age, figure, pids, type Row, text, told } from '../row.ts';
import type { Part } from './part.ts';

/** Waiting sessions whose blockers are asked for: each costs the server a look through its whole lock table. */
const WAITING = 500;
/** Locks at most, those that are waited for first. */
const LIMIT = 2000;

/** Which modes keep out each, by their places in `LOCK_MODES` (PostgreSQL documentation, "Conflicting Lock Modes"). */
const KEPT_OUT_BY = [
  [7],
  [6, 7],
  [4, 5, 6, 7],
  [3, 4, 5, 6, 7],
  [2, 3, 5, 6, 7],
  [2, 3, 4, 5, 6, 7],
  [1, 2, 3, 4, 5, 6, 7],
  [0, 1, 2, 3, 4, 5, 6, 7],
];
const CONFLICTING = KEPT_OUT_BY.flatMap((by, wanted) =>
  by.map((held) => `('${LOCK_MODES[wanted] ?? ''}', '${LOCK_MODES[held] ?? ''}')`),
).join(', ');

/**
 * Locks that are waited for, all locks of who holds those up, and locks that keep others out of a whole relation. Who
 * waits for the end of another transaction holds the lock of the row that both want, which names the table. The start of a wait is known from 14 on; before, the start of the waiting query stands for it.
 *
 * All prepared transactions are process 0 to `pg_blocking_pids`: which of them it is, the lock itself tells.
 */
export const locks: Part<Locks> = {
  sql: ({ major }) => `
with known as materialized (
  select *, coalesce(pid, 0) as owner,
         (locktype, database, relation, page, tuple, virtualxid, transactionid, classid, objid, objsubid)::text as tag
  from pg_locks
  where pid is distinct from pg_backend_pid() and (locktype <> 'virtualxid' or not granted)),
waiting as materialized (
  select owner, pg_blocking_pids(owner) as blockers
  from (select distinct owner from known where not granted limit ${WAITING.toString()}) as one),
prepared as (
  select k.virtualtransaction, p.gid from known k join pg_prepared_xacts p on p.transaction = k.transactionid
  where k.locktype = 'transactionid' and k.granted and k.pid is null),
held as materialized (
  select w.owner, h.virtualtransaction, p.gid
  from known w
    join waiting on waiting.owner = w.owner and 0 = any (waiting.blockers)
    join known h on h.tag = w.tag and h.granted and h.pid is null and (w.mode, h.mode) in (${CONFLICTING})
    left join prepared p on p.virtualtransaction = h.virtualtransaction
  where not w.granted),
shown as (
  select l.owner as pid, l.locktype as kind, l.mode, l.granted, p.gid as prepared,
         nullif(a.backend_type, 'client backend') as backend,
         d.datname as database, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as relation, l.relation::text as relation_id,
         l.transactionid::text as transaction, concat_ws('/', l.classid, l.objid) as object,
         case when not l.granted then w.blockers else '{}' end as blocked_by,
         case when not l.granted then array(select distinct gid from held where held.owner = l.owner order by gid) else '{}' end as blocked_by_prepared,
         case when not l.granted then
           extract(epoch from clock_timestamp() - ${major >= 14 ? 'l.waitstart' : 'a.query_start'})::float8 * 1000 end as wait_ms
  from known l
    left join waiting w on w.owner = l.owner
    left join prepared p on l.pid is null and p.virtualtransaction = l.virtualtransaction
    left join pg_stat_activity a on a.pid = l.pid
    left join pg_database d on d.oid = l.database
    left join pg_class c on c.oid = l.relation and (d.datname = current_database() or l.database = 0)
    left join pg_namespace n on n.oid = c.relnamespace
  where not l.granted or l.pid in (select unnest(blockers) from waiting)
    or (l.pid is null and l.virtualtransaction in (select virtualtransaction from held)) or l.locktype = 'tuple'
    or (l.locktype = 'relation' and c.relkind in ('r', 'p', 'm', 'i', 'I') and n.nspname !~ '^pg_'
        and l.mode in ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'))
  order by l.granted, l.owner
  limit ${LIMIT.toString()})
select shown.*, (select count(*) from known where not fastpath)::int4 as taken,
       current_setting('max_locks_per_transaction')::float8
         * (current_setting('max_connections')::float8 + current_setting('max_prepared_transactions')::float8) as capacity
from (select 1) as one left join shown on true`,
  read: (rows) => {
    const [first] = rows;
    return {
      locks: rows.filter(({ granted }) => granted !== null).map(lockOf),
      taken: figure(first?.['taken']) ?? Number.NaN,
      capacity: figure(first?.['capacity']) ?? Number.NaN,
    };
  },
};

function lockOf(row: Row): Lock {
  const prepared = text(row['prepared']);
  const backend = text(row['backend']);
  return told({
    pid: figure(row['pid']) ?? 0,
    prepared: prepared === '' ? undefined : prepared,
    backend: backend === '' ? undefined : backend,
    kind: text(row['kind']),
    target: targetOf(row),
    mode: text(row['mode']),
    granted: row['granted'] === true,
    waitMs: age(row['wait_ms']),
    ...blockersOf(row),
  });
}

/** A prepared transaction that ended meanwhile has no identifier any more. */
function blockersOf(row: Row): Pick<Lock, 'blockedBy' | 'blockedByPrepared'> {
  const gids: unknown[] = Array.isArray(row['blocked_by_prepared']) ? row['blocked_by_prepared'] : [];
  const known = gids.filter((gid) => typeof gid === 'string');
  const isWhole = known.length > 0 && known.length === gids.length;
  return {
    blockedBy: [...new Set(pids(row['blocked_by']))].filter((pid) => pid !== 0 || !isWhole),
    ...(known.length > 0 && { blockedByPrepared: known }),
  };
}

function targetOf(row: Row): string {
  const database = text(row['database']);
  // Names of relations are known in the database that one is connected to.
  const relation = text(row['relation']) || `relation ${text(row['relation_id'])} of database ${database}`;
  switch (text(row['kind'])) {
    case 'relation':
      return relation;
    case 'tuple':
      return `row of ${relation}`;
    case 'page':
    case 'extend':
      return `pages of ${relation}`;
    case 'transactionid':
      return `transaction ${text(row['transaction'])}`;
    case 'virtualxid':
      return 'the transaction of another session';
    case 'advisory':
      return `advisory lock ${text(row['object'])}`;
    default:
      return `${text(row['kind'])} ${text(row['object'])}`.trim();
  }
}
