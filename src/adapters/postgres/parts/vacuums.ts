import type { Vacuum } from '../../../core/ports/database-storage.ts';
import { age, figure, type Row, text, told } from '../row.ts';
import type { Part } from './part.ts';
import { qualified } from './tables.ts';

/** Vacuums that run. What they do is hidden from a role without pg_read_all_stats. */
export const vacuums: Part<Vacuum[]> = {
  sql: () => `
select p.pid, p.datname as database, n.nspname as schema, c.relname as name, p.relid::text as relation, p.phase,
       p.heap_blks_total::float8 as total, p.heap_blks_scanned::float8 as scanned, p.index_vacuum_count::float8 as rounds,
       a.backend_type = 'autovacuum worker' as auto, coalesce(a.query like '%(to prevent wraparound)%', false) as wraparound,
       extract(epoch from clock_timestamp() - a.xact_start)::float8 * 1000 as ms
from pg_stat_progress_vacuum p
  left join pg_stat_activity a on a.pid = p.pid
  left join pg_class c on c.oid = p.relid and p.datname = current_database()
  left join pg_namespace n on n.oid = c.relnamespace
order by a.xact_start
limit 100`,
  read: (rows) => rows.map(vacuumOf),
};

function vacuumOf(row: Row): Vacuum {
  const total = figure(row['total']);
  const scanned = figure(row['scanned']);
  const relation = text(row['relation']);
  return told({
    pid: figure(row['pid']) ?? 0,
    table:
      row['name'] === null
        ? `${relation === '' ? 'a relation' : `relation ${relation}`} of database ${text(row['database'])}`
        : qualified(row['schema'], row['name']),
    phase: text(row['phase']) || undefined,
    scanned: total === undefined || scanned === undefined || total === 0 ? undefined : scanned / total,
    indexRounds: figure(row['rounds']),
    isAuto: row['auto'] === true,
    isForced: row['wraparound'] === true,
    ms: age(row['ms']),
  });
}
