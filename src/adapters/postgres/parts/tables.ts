import type { Table, Tables } from '../../../core/ports/database-storage.ts';
import { sqlName } from '../../../core/sql.ts';
import { figure, isoTime, type Row, text, told } from '../row.ts';
import type { Part } from './part.ts';
import { isEstimated, sizeOf } from './relations.ts';

/** Tables at most, the largest first. */
const LIMIT = 3000;

/** What a table sets for itself, or the server for all. */
const setting = (name: string): string =>
  `coalesce((select option_value::float8 from pg_options_to_table(c.reloptions) where option_name = '${name}'), current_setting('${name}')::float8)`;

/** Dead rows from which on autovacuum comes; from 18 on there is a most for large tables. */
const threshold = (major: number): string => {
  const rule = `${setting('autovacuum_vacuum_threshold')} + ${setting('autovacuum_vacuum_scale_factor')} * greatest(c.reltuples, 0)`;
  const most = setting('autovacuum_vacuum_max_threshold');
  return major >= 18 ? `case when ${most} >= 0 then least(${most}, ${rule}) else ${rule} end` : rule;
};

/** Tables of users and their statistics; sizes with those of their indexes and out-of-line values. */
export const tables: Part<Tables> = {
  sql: ({ major }) => `
with sized as materialized (
  select c.oid, ${sizeOf('c')} as bytes, ${isEstimated('c.oid')} as estimated
  from pg_class c where c.relkind in ('r', 'm', 't', 'i')),
indexed as (
  select x.indrelid, sum(s.bytes) as bytes, bool_or(s.estimated) as estimated
  from pg_index x join sized s on s.oid = x.indexrelid group by x.indrelid),
total as (
  select c.oid, s.bytes, coalesce(i.bytes, 0) as index_bytes, coalesce(t.bytes, 0) + coalesce(ti.bytes, 0) as toast_bytes,
         s.estimated or coalesce(i.estimated, false) or coalesce(t.estimated, false) as estimated
  from pg_class c
    join sized s on s.oid = c.oid
    left join indexed i on i.indrelid = c.oid
    left join sized t on t.oid = c.reltoastrelid
    left join indexed ti on ti.indrelid = c.reltoastrelid)
select s.schemaname as schema, s.relname as name, c.relkind = 'm' as materialized,
       t.bytes, t.toast_bytes, t.index_bytes, t.estimated, c.reltuples::float8 as rows,
       s.n_live_tup::float8 as live, s.n_dead_tup::float8 as dead, s.n_mod_since_analyze::float8 as modified,
       s.seq_scan::float8 as seq_scans, s.seq_tup_read::float8 as seq_rows, s.idx_scan::float8 as index_scans,
       (coalesce(io.heap_blks_hit, 0) + coalesce(io.toast_blks_hit, 0) + coalesce(io.tidx_blks_hit, 0))::float8 as hits,
       (coalesce(io.heap_blks_read, 0) + coalesce(io.toast_blks_read, 0) + coalesce(io.tidx_blks_read, 0))::float8 as reads,
       coalesce(io.idx_blks_hit, 0)::float8 as index_hits, coalesce(io.idx_blks_read, 0)::float8 as index_reads,
       extract(epoch from greatest(s.last_vacuum, s.last_autovacuum))::float8 * 1000 as vacuumed,
       extract(epoch from greatest(s.last_analyze, s.last_autoanalyze))::float8 * 1000 as analyzed,
       (${threshold(major)})::float8 as threshold,
       current_setting('autovacuum')::bool and coalesce((select option_value::bool from pg_options_to_table(c.reloptions) where option_name = 'autovacuum_enabled'), true) as autovacuum,
       greatest(age(c.relfrozenxid), age(tc.relfrozenxid))::float8 as xid_age,
       count(*) over ()::int4 as count, sum(t.bytes + t.toast_bytes + t.index_bytes) over () as all_bytes
from pg_stat_user_tables s
  join pg_class c on c.oid = s.relid and c.relkind in ('r', 'm')
  join total t on t.oid = c.oid
  join pg_statio_user_tables io on io.relid = c.oid
  left join pg_class tc on tc.oid = c.reltoastrelid
order by t.bytes + t.toast_bytes + t.index_bytes desc
limit ${LIMIT.toString()}`,
  read: (rows) => ({
    tables: rows.map(tableOf),
    count: figure(rows[0]?.['count']) ?? 0,
    bytes: figure(rows[0]?.['all_bytes']) ?? 0,
  }),
};

function tableOf(row: Row): Table {
  const rows = figure(row['rows']);
  const count = (name: string): number => figure(row[name]) ?? 0;
  return told({
    name: qualified(row['schema'], row['name']),
    isMaterialized: row['materialized'] === true,
    bytes: count('bytes'),
    toastBytes: count('toast_bytes'),
    indexBytes: count('index_bytes'),
    isEstimated: row['estimated'] === true,
    // -1 from 14 on; before, 0 may mean either.
    rows: rows === undefined || rows < 0 ? undefined : rows,
    liveRows: count('live'),
    deadRows: count('dead'),
    modifiedRows: count('modified'),
    sequentialScans: count('seq_scans'),
    sequentialRows: count('seq_rows'),
    indexScans: count('index_scans'),
    hits: count('hits'),
    reads: count('reads'),
    indexHits: count('index_hits'),
    indexReads: count('index_reads'),
    vacuumedAt: isoTime(row['vacuumed']),
    analyzedAt: isoTime(row['analyzed']),
    vacuumThreshold: count('threshold'),
    isAutovacuumed: row['autovacuum'] === true,
    xidAge: figure(row['xid_age']),
  });
}

/** A name with those that it is below, as SQL takes it. */
export const qualified = (...names: unknown[]): string => names.map((name) => sqlName(text(name))).join('.');
