import type { ForeignKey } from '../../../core/ports/database-storage.ts';
import { type Row, text } from '../row.ts';
import type { Part } from './part.ts';
import { qualified } from './tables.ts';

/** Foreign keys at most. */
const LIMIT = 1000;

/**
 * Foreign keys by whose columns no index begins, in whatever order: each row that is deleted from the table that they
 * refer to has all of theirs looked through. A partial index is taken for one, since its condition may say no more than
 * "is not null".
 */
export const foreignKeys: Part<ForeignKey[]> = {
  sql: () => `
select n.nspname as schema, t.relname as name, rn.nspname as target_schema, r.relname as target,
       array(select a.attname::text from unnest(o.conkey) with ordinality k (number, place)
               join pg_attribute a on a.attrelid = o.conrelid and a.attnum = k.number order by k.place) as columns
from pg_constraint o
  join pg_class t on t.oid = o.conrelid and t.relkind = 'r'
  join pg_namespace n on n.oid = t.relnamespace and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
  join pg_class r on r.oid = o.confrelid
  join pg_namespace rn on rn.oid = r.relnamespace
where o.contype = 'f' and not exists (
  select from pg_index x
    join pg_class i on i.oid = x.indexrelid
    join pg_am am on am.oid = i.relam and am.amname in ('btree', 'hash')
  where x.indrelid = o.conrelid and x.indisvalid
    and (select array_agg(key order by key) from unnest(x.indkey::int2[]) with ordinality k (key, place)
         where place <= least(cardinality(o.conkey), x.indnkeyatts))
      = (select array_agg(key order by key) from unnest(o.conkey) key))
order by o.conrelid, o.oid
limit ${LIMIT.toString()}`,
  read: (rows) => rows.map(foreignKeyOf),
};

const foreignKeyOf = (row: Row): ForeignKey => ({
  table: qualified(row['schema'], row['name']),
  columns: Array.isArray(row['columns']) ? row['columns'].map((column) => qualified(text(column))) : [],
  references: qualified(row['target_schema'], row['target']),
});
