import type { Fill } from '../../../core/ports/database-storage.ts';
import { granting } from '../../../core/suggestion.ts';
import { figure, isoTime, type Row, text, told } from '../row.ts';
import type { Part, Skipped } from './part.ts';
import { sizeOf } from './relations.ts';
import { qualified } from './tables.ts';

/** Relations at most, the largest first. */
const LIMIT = 4000;
/** Pages below which nobody minds what is empty. */
const PAGES = 16;

/**
 * Rows as of the last VACUUM or ANALYZE, or as counted since where that is more: statistics that were lost count anew from 0.
 * So none are believed only where one of the two found pages without rows, and is known to have come: else null.
 */
const rowsOf = (relation: string, table: string): string => `
  case when greatest(${relation}.reltuples, ${liveOf(table)}) > 0 then greatest(${relation}.reltuples, ${liveOf(table)})
       when ${isEmptied(relation, table)} then 0 end`;
const liveOf = (table: string): string => `pg_stat_get_live_tuples(${table}.oid)::float8`;
const isEmptied = (relation: string, table: string): string =>
  `${relation}.reltuples = 0 and ${relation}.relpages > 0
   and coalesce(pg_stat_get_last_vacuum_time(${table}.oid), pg_stat_get_last_autovacuum_time(${table}.oid), ${analyzedAt(table)}) is not null`;
const analyzedAt = (table: string): string =>
  `greatest(pg_stat_get_last_analyze_time(${table}.oid), pg_stat_get_last_autoanalyze_time(${table}.oid))`;
/** Of a partial index nothing is counted but what VACUUM and ANALYZE found. */
const partialRows = `
  case when i.reltuples > 0 then i.reltuples
       when ${isEmptied('i', 't')} and pg_stat_get_mod_since_analyze(t.oid) = 0 then 0 end`;

/**
 * What is needed to estimate how many pages a table or a btree index needs: its rows, the pages that it has, and the mean
 * width of a row from the statistics of its columns. No page is read. What the catalog remembers of the pages may be from
 * before the table was bloated, where autovacuum does not come.
 */
export const fill: Part<Fill[]> = {
  sql: () => `
with relation as materialized (
  select c.oid, c.oid as owner, n.nspname as schema, c.relname as name, null::name as on_table, ${rowsOf('c', 'c')} as rows,
         ${sizeOf('c')} / current_setting('block_size')::float8 as pages,
         coalesce((select option_value::float8 from pg_options_to_table(c.reloptions) where option_name = 'fillfactor'), 100) as fillfactor,
         array(select a.attnum from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'm') and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
  union all
  select i.oid, t.oid, n.nspname, i.relname, t.relname, case when x.indpred is null then ${rowsOf('i', 't')} else ${partialRows} end,
         ${sizeOf('i')} / current_setting('block_size')::float8,
         coalesce((select option_value::float8 from pg_options_to_table(i.reloptions) where option_name = 'fillfactor'), 90),
         array(select k from unnest(x.indkey) k)
  from pg_index x
    join pg_class i on i.oid = x.indexrelid and i.relkind = 'i'
    join pg_am am on am.oid = i.relam and am.amname = 'btree'
    join pg_class t on t.oid = x.indrelid
    join pg_namespace n on n.oid = t.relnamespace and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
  where 0 <> all (x.indkey::int2[])),
largest as (select * from relation where pages >= ${PAGES.toString()} order by pages desc limit ${LIMIT.toString()})
select r.schema, r.name, r.on_table, r.rows::float8 as rows, r.pages, r.fillfactor,
       current_setting('block_size')::float8 as block, cardinality(r.columns) as columns, w.known, w.width, w.nulls,
       has_any_column_privilege(r.owner, 'select') as readable,
       extract(epoch from ${analyzedAt('o')})::float8 * 1000 as analyzed
from largest r
  join pg_class o on o.oid = r.owner
  cross join lateral (
    select count(s.attname)::int4 as known, coalesce(sum(s.avg_width * (1 - s.null_frac)), 0)::float8 as width,
           coalesce(bool_or(s.null_frac > 0), false) as nulls
    from pg_attribute a
      join pg_stats s on s.schemaname = r.schema and s.tablename = o.relname and s.attname = a.attname and not s.inherited
    where a.attrelid = r.owner and a.attnum = any (r.columns)) as w`,
  read: (rows, { role, major }) => {
    const readable = rows.filter((row) => row['readable'] === true);
    if (rows.length > 0 && readable.length === 0) return hidden(rows, role, major);
    return rows.map(fillOf);
  },
};

/** pg_stats shows of a table what one may read of it. */
const hidden = (rows: readonly Row[], role: string, major: number): Skipped => ({
  skipped: `column widths are told only of tables that one may read, and role ${role} may read none`,
  fix:
    major >= 14
      ? [granting('pg_read_all_data', role)]
      : [...new Set(rows.map((row) => qualified(row['schema'])))].map((schema) =>
          granting(`SELECT ON ALL TABLES IN SCHEMA ${schema}`, role),
        ),
});

function fillOf(row: Row): Fill {
  const table = text(row['on_table']);
  const count = (name: string): number => figure(row[name]) ?? 0;
  return told({
    name: qualified(row['schema'], row['name']),
    table: table === '' ? undefined : qualified(row['schema'], table),
    rows: figure(row['rows']),
    pages: count('pages'),
    blockSize: count('block'),
    fillFactor: count('fillfactor') / 100,
    columns: count('columns'),
    knownColumns: count('known'),
    width: count('width'),
    hasNulls: row['nulls'] === true,
    isReadable: row['readable'] === true,
    analyzedAt: isoTime(row['analyzed']),
  });
}
