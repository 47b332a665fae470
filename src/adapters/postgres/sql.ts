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

/** Columns `<from>_pid` and so on; ages in ms. */
const transactionOf = (from: string): string => `
       ${from}.pid as ${from}_pid, ${from}.state as ${from}_state, ${from}.application_name as ${from}_application,
       extract(epoch from clock_timestamp() - ${from}.xact_start)::float8 * 1000 as ${from}_age,
       extract(epoch from clock_timestamp() - ${from}.state_change)::float8 * 1000 as ${from}_state_ms`;

/** Sessions of clients, our own left out; the oldest transaction among them, and the one that idles longest. */
export const activitySql = `
with client as materialized (${CLIENTS}), oldest as (
  select * from client where xact_start is not null order by xact_start limit 1), idlest as (
  select * from client where state like 'idle in transaction%' order by state_change limit 1)
select (select count(*) from client)::int4 as connections,
       (select count(*) from client where unseen)::int4 as hidden,
       (select count(*) from client where state in ('active', 'fastpath function call'))::int4 as active,
       (select count(*) from client where state like 'idle in transaction%')::int4 as idle_in_transaction,
       (select count(*) from client where wait_event_type = 'Lock')::int4 as waiting,
       ${['oldest', 'idlest'].map(transactionOf).join()}
from (select 1) as one left join oldest on true left join idlest on true`;

/**
 * Sessions that wait for a lock, and the longest wait in ms. The start of a wait is known from 14 on;
 * before, the start of the waiting query stands for it, so that the wait is at most that long.
 */
export const locksSql = (major: number): string => `
select count(distinct l.pid)::int4 as blocked,
       coalesce(max(extract(epoch from clock_timestamp() - ${major >= 14 ? 'l.waitstart' : 'a.query_start'})::float8 * 1000), 0) as longest
from pg_locks l join pg_stat_activity a on a.pid = l.pid
where not l.granted and (a.backend_type = 'client backend' or a.backend_type is null)`;

/** Blocks of this database since the statistics were reset, and the oldest unfrozen ids of all. */
export const DATABASES = `
select s.blks_hit::float8 as hits, s.blks_read::float8 as reads,
       (select max(age(datfrozenxid))::float8 from pg_database) as xid_age,
       (select max(mxid_age(datminmxid))::float8 from pg_database) as mxid_age
from (select 1) as one left join pg_stat_database s on s.datname = current_database()`;

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
