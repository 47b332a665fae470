/*
 * What is asked of PostgreSQL 12 to 18. Numbers are cast to float8 or int4, which the driver gives as
 * numbers (an int8 would come as text). Nothing here touches a user's table, so that no lock on one is waited for.
 */

/** A time as the server has it, to the microsecond, ISO: names a session or a query, which ms could confuse with its next. */
export const exactTime = (column: string): string =>
  `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

/**
 * Always visible to everybody. `reserved_connections` exists from 16 on; settings of pg_stat_statements exist once it was
 * preloaded.
 */
export const SERVER = `
select current_setting('server_version') as version,
       current_setting('server_version_num')::int4 as number,
       pg_is_in_recovery() as recovery,
       extract(epoch from pg_postmaster_start_time())::float8 * 1000 as started,
       extract(epoch from clock_timestamp())::float8 * 1000 as at,
       current_user::text as role, current_database()::text as database,
       current_setting('max_connections')::int4
         - current_setting('superuser_reserved_connections')::int4
         - coalesce(current_setting('reserved_connections', true)::int4, 0) as slots,
       s.schema as statements_schema, s.version as statements_version, s.usable as statements_usable,
       current_setting('pg_stat_statements.max', true) is not null as statements_loaded
from (select 1) as one left join (
  select quote_ident(n.nspname) as schema, e.extversion as version, has_schema_privilege(n.oid, 'usage') as usable
  from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = 'pg_stat_statements') as s on true`;

/* A role without pg_read_all_stats sees of other roles' sessions who they are, and neither their kind nor their state. */
const CLIENTS = `
  select *, query = '<insufficient privilege>' as unseen
  from pg_stat_activity
  where pid <> pg_backend_pid()
    and (backend_type = 'client backend' or (backend_type is null and datid is not null and usesysid is not null))`;

/**
 * Sessions of clients, our own left out, and the oldest transaction among them. More of the query's text
 * than is shown, so that a password is recognised before the cut.
 */
export const activitySql = `
with client as materialized (${CLIENTS}), oldest as (
  select * from client where xact_start is not null order by xact_start limit 1)
select (select count(*) from client)::int4 as connections,
       (select count(*) from client where unseen)::int4 as hidden,
       (select count(*) from client where state in ('active', 'fastpath function call'))::int4 as active,
       (select count(*) from client where state like 'idle in transaction%')::int4 as idle_in_transaction,
       (select count(*) from client where wait_event_type = 'Lock')::int4 as waiting,
       o.pid, o.state, o.application_name as application, left(o.query, 600) as query,
       extract(epoch from clock_timestamp() - o.xact_start)::float8 * 1000 as age
from (select 1) as one left join oldest o on true`;

/**
 * Sessions that wait for a lock, and the longest wait in ms. The start of a wait is known from 14 on;
 * before, the start of the waiting query stands for it, so that the wait is at most that long.
 */
export const locksSql = (major: number): string => `
select count(distinct l.pid)::int4 as blocked,
       coalesce(max(extract(epoch from clock_timestamp() - ${major >= 14 ? 'l.waitstart' : 'a.query_start'})::float8 * 1000), 0) as longest
from pg_locks l join pg_stat_activity a on a.pid = l.pid
where not l.granted and (a.backend_type = 'client backend' or a.backend_type is null)`;

/** Hits and reads since the statistics were reset, and the oldest unfrozen transaction id. */
export const DATABASES = `
select (select sum(blks_hit)::float8 / nullif(sum(blks_hit) + sum(blks_read), 0)::float8 from pg_stat_database) as hit,
       (select max(age(datfrozenxid))::float8 from pg_database) as xid_age`;

/**
 * The size of this database; null above 20,000 relations, because the server asks the file system for every
 * file of every relation.
 */
export const SIZE = `
select case when (select reltuples from pg_class where oid = 'pg_catalog.pg_class'::regclass) < 20000
            then pg_database_size(current_database())::float8 end as size`;

/** Pages as the catalog remembers them. */
export const ESTIMATED_SIZE = `
select sum(relpages)::float8 * current_setting('block_size')::float8 as size from pg_class`;

/**
 * Standbys and subscribers, and how much of the log they have not replayed. On a standby that feeds others
 * its own replay is the measure. A base backup under way is no replica.
 */
export const REPLICAS = `
select application_name as application, state,
       pg_wal_lsn_diff(
         case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end,
         coalesce(replay_lsn, flush_lsn, write_lsn, sent_lsn))::float8 as lag
from pg_stat_replication
where state is distinct from 'backup'
limit 100`;

/**
 * Milliseconds since the last replayed transaction; 0 when everything received is replayed and the
 * receiver runs, because an idle primary sends nothing to replay.
 */
export const REPLICA = `
select case when pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() and exists (select from pg_stat_wal_receiver)
            then 0
            else extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())::float8 * 1000 end as lag`;
