import type { OldestXmin } from '../../../core/ports/database-storage.ts';
import { age, figure, type Row, text, told } from '../row.ts';
import type { Part } from './part.ts';

/**
 * Who keeps VACUUM from removing dead rows, the oldest first: sessions by their snapshots, replicas by their feedback,
 * slots, prepared transactions. A VACUUM itself keeps nobody from it.
 */
export const horizon: Part<OldestXmin[]> = {
  sql: () => `
select * from (
  select case when a.backend_type = 'walsender' then 'replica' else 'session' end as kind,
         coalesce(nullif(a.application_name, ''), a.usename::text, a.backend_type) as name, a.pid, a.state,
         age(a.backend_xmin)::float8 as xids, extract(epoch from clock_timestamp() - a.xact_start)::float8 * 1000 as ms
  from pg_stat_activity a
  where a.backend_xmin is not null and a.pid <> pg_backend_pid()
    and not exists (select from pg_stat_progress_vacuum p where p.pid = a.pid)
  union all
  select 'slot', slot_name::text, active_pid, case when active then 'active' else 'inactive' end,
         coalesce(age(xmin), age(catalog_xmin))::float8, null
  from pg_replication_slots where xmin is not null or catalog_xmin is not null
  union all
  select 'prepared transaction', gid, null, null, age(transaction)::float8,
         extract(epoch from clock_timestamp() - prepared)::float8 * 1000
  from pg_prepared_xacts) as held
order by xids desc, ms desc nulls last
limit 50`,
  read: (rows) => rows.map(oldestOf),
};

const KINDS = ['session', 'replica', 'slot', 'prepared transaction'] as const;

const oldestOf = (row: Row): OldestXmin =>
  told({
    kind: KINDS.find((kind) => kind === row['kind']) ?? 'session',
    name: text(row['name']),
    pid: figure(row['pid']),
    state: text(row['state']) || undefined,
    xidAge: figure(row['xids']) ?? 0,
    ms: age(row['ms']),
  });
