import type { Sequence } from '../../../core/ports/database-storage.ts';
import { granting } from '../../../core/suggestion.ts';
import { figure, type Row, text, told } from '../row.ts';
import type { Part, Skipped } from './part.ts';
import { contended } from './relations.ts';
import { qualified } from './tables.ts';

/** Sequences at most. */
const LIMIT = 3000;
/** What the lock of `pg_sequence_last_value` would have to wait for. */
const LOCKED = contended(['ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock']);

/**
 * Sequences, how far they are, and the column that takes their values: owned, or with a default of `nextval`; of several
 * the one with the smallest type. Their state is asked for only where this role may read it and nobody locks it.
 */
export const sequences: Part<Sequence[]> = {
  sql: () => `
with known as materialized (
  select c.oid, n.nspname as schema, c.relname as name, c.relpersistence, s.seqtypid::regtype::text as type,
         s.seqmin::float8 as min, s.seqmax::float8 as max, s.seqincrement::float8 as increment, s.seqcycle as cycles,
         has_sequence_privilege(c.oid, 'usage, select') as readable, c.oid = any (${LOCKED}) as locked
  from pg_sequence s
    join pg_class c on c.oid = s.seqrelid
    join pg_namespace n on n.oid = c.relnamespace and n.nspname !~ '^pg_'
  order by c.oid limit ${LIMIT.toString()})
select k.*, u.schema as table_schema, u.name as table_name, u.attname as column_name, u.type as column_type,
       case when k.readable and not k.locked and not (k.relpersistence = 'u' and pg_is_in_recovery())
         then pg_sequence_last_value(k.oid)::float8 end as last
from known k left join lateral (
  select n.nspname as schema, t.relname as name, a.attname, a.atttypid::regtype::text as type
  from (select d.refobjid as relation, d.refobjsubid as number from pg_depend d
        where d.classid = 'pg_class'::regclass and d.objid = k.oid and d.refclassid = 'pg_class'::regclass
          and d.refobjsubid > 0 and d.deptype in ('a', 'i')
        union
        select f.adrelid, f.adnum from pg_depend d join pg_attrdef f on f.oid = d.objid
        where d.classid = 'pg_attrdef'::regclass and d.refclassid = 'pg_class'::regclass and d.refobjid = k.oid) as used
    join pg_attribute a on a.attrelid = used.relation and a.attnum = used.number
    join pg_class t on t.oid = used.relation
    join pg_namespace n on n.oid = t.relnamespace
  order by a.attlen, t.relname limit 1) as u on true`,
  read: (rows, { role, major }) => {
    if (rows.length > 0 && rows.every((row) => row['readable'] !== true)) return hidden(rows, role, major);
    return rows.map(sequenceOf);
  },
};

const hidden = (rows: readonly Row[], role: string, major: number): Skipped => ({
  skipped: `how far a sequence is may be seen only by who may read it, and role ${role} may read none`,
  fix:
    major >= 14
      ? [granting('pg_read_all_data', role)]
      : [...new Set(rows.map((row) => qualified(row['schema'])))].map((schema) =>
          granting(`SELECT ON ALL SEQUENCES IN SCHEMA ${schema}`, role),
        ),
});

function sequenceOf(row: Row): Sequence {
  const table = text(row['table_name']);
  const number = (name: string): number => figure(row[name]) ?? 0;
  return told({
    name: qualified(row['schema'], row['name']),
    type: text(row['type']),
    min: number('min'),
    max: number('max'),
    increment: number('increment'),
    cycles: row['cycles'] === true,
    table: table === '' ? undefined : qualified(row['table_schema'], table),
    column: table === '' ? undefined : qualified(row['column_name']),
    columnType: text(row['column_type']) || undefined,
    isReadable: row['readable'] === true,
    isLocked: row['locked'] === true,
    last: figure(row['last']),
  });
}
