import type { Index, Indexes } from '../../../core/ports/database-storage.ts';
import { figure, isoTime, type Row, text, told } from '../row.ts';
import type { Part } from './part.ts';
import { contended, countedSince, isEstimated, sizeOf } from './relations.ts';
import { qualified } from './tables.ts';

/** Indexes at most, the largest first. */
const LIMIT = 5000;

/** What a concurrent build holds on the table all the while, as VACUUM and ANALYZE do: everybody may see locks. */
const WORKED_ON = contended(['ShareUpdateExclusiveLock']);
/** Of builds of other roles, a role without pg_read_all_stats sees only that there are some. */
const HIDDEN_BUILDS =
  'exists (select from pg_stat_progress_create_index p where p.relid is null and p.datname = current_database())';

/**
 * Indexes of users' tables, and since when their use is counted. `kinds` of columns are operator class, collation and
 * order: what has to be the same besides the column for one index to do another's work. An index of a partition may belong
 * to the one of the partitioned table, and cannot be dropped by itself then.
 */
export const indexes: Part<Indexes> = {
  sql: ({ major }) => `
with found as materialized (
select n.nspname as schema, t.relname as table, i.relname as name, am.amname as method,
       ${sizeOf('i')} as bytes, ${isEstimated('i.oid')} as estimated,
       x.indisunique as is_unique, x.indisvalid and x.indisready and x.indislive as is_valid,
       exists (select from pg_stat_progress_create_index p where p.index_relid = i.oid) as is_building,
       t.oid = any (${WORKED_ON}) or ${HIDDEN_BUILDS} as may_be_building,
       exists (select from pg_constraint o where o.conindid = i.oid) or x.indisprimary or x.indisreplident as is_needed,
       array(select coalesce(a.attname::text, '(expression)') || case when k.place > x.indnkeyatts then ' (included)' else '' end
             from unnest(x.indkey) with ordinality k (number, place)
               left join pg_attribute a on a.attrelid = x.indrelid and a.attnum = k.number
             order by k.place) as columns,
       array(select concat_ws('/', x.indclass[place - 1], x.indcollation[place - 1], x.indoption[place - 1])
             from generate_series(1, x.indnkeyatts) place order by place) as kinds,
       x.indexprs::text as expressions, x.indpred::text as predicate,
       s.idx_scan::float8 as scans, ${major >= 16 ? 'extract(epoch from s.last_idx_scan)::float8 * 1000' : 'null::float8'} as used,
       (select ${countedSince('d')} from pg_stat_database d where d.datname = current_database()) as since,
       case when i.relispartition then pg_partition_root(i.oid)::oid end as root
from pg_index x
  join pg_class i on i.oid = x.indexrelid and i.relkind = 'i'
  join pg_class t on t.oid = x.indrelid
  join pg_namespace n on n.oid = t.relnamespace and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
  join pg_am am on am.oid = i.relam
  left join pg_stat_all_indexes s on s.indexrelid = i.oid)
select f.*, count(*) over ()::int4 as count, rn.nspname as root_schema, r.relname as root_name,
       tn.nspname as root_table_schema, rt.relname as root_table,
       sum(f.bytes) over part as root_bytes, sum(f.scans) over part as root_scans, max(f.used) over part as root_used
from found f
  left join pg_class r on r.oid = f.root
  left join pg_namespace rn on rn.oid = r.relnamespace
  left join pg_index rx on rx.indexrelid = r.oid
  left join pg_class rt on rt.oid = rx.indrelid
  left join pg_namespace tn on tn.oid = rt.relnamespace
window part as (partition by f.root)
order by f.bytes desc
limit ${LIMIT.toString()}`,
  read: (rows) =>
    told({
      indexes: rows.map(indexOf),
      count: figure(rows[0]?.['count']) ?? 0,
      since: isoTime(rows[0]?.['since']),
    }),
};

const strings = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];

const indexOf = (row: Row): Index =>
  told({
    name: qualified(row['schema'], row['name']),
    table: qualified(row['schema'], row['table']),
    method: text(row['method']),
    bytes: figure(row['bytes']) ?? 0,
    isEstimated: row['estimated'] === true,
    isUnique: row['is_unique'] === true,
    isValid: row['is_valid'] === true,
    isBuilding: row['is_building'] === true,
    mayBeBuilding: row['may_be_building'] === true,
    isNeeded: row['is_needed'] === true,
    columns: strings(row['columns']),
    kinds: strings(row['kinds']),
    condition: [text(row['expressions']), text(row['predicate'])].join('|'),
    isPlain: row['expressions'] === null && row['predicate'] === null,
    scans: figure(row['scans']) ?? 0,
    usedAt: isoTime(row['used']),
    partOf: row['root_name'] === null ? undefined : wholeOf(row),
  });

const wholeOf = (row: Row): NonNullable<Index['partOf']> =>
  told({
    name: qualified(row['root_schema'], row['root_name']),
    table: qualified(row['root_table_schema'], row['root_table']),
    bytes: figure(row['root_bytes']) ?? 0,
    scans: figure(row['root_scans']) ?? 0,
    usedAt: isoTime(row['root_used']),
  });
