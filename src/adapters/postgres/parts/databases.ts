import type { DatabaseUse } from '../../../core/ports/database-storage.ts';
import { figure, isoTime, type Row, text, told } from '../row.ts';
import type { Part } from './part.ts';
import { countedSince } from './relations.ts';

/** Databases at most. */
const LIMIT = 1000;

/** All databases of the server with what is counted of each; those that take no connections count for wraparound, too. */
export const databases: Part<DatabaseUse[]> = {
  sql: () => `
select d.datname as name, d.datname = current_database() as is_current,
       s.blks_hit::float8 as hits, s.blks_read::float8 as reads, s.temp_files::float8 as temp_files, s.temp_bytes::float8 as temp_bytes,
       ${countedSince('s')} as since,
       age(d.datfrozenxid)::float8 as xid_age, mxid_age(d.datminmxid)::float8 as mxid_age
from pg_database d left join pg_stat_database s on s.datid = d.oid
order by is_current desc, age(d.datfrozenxid) desc
limit ${LIMIT.toString()}`,
  read: (rows) => rows.map(databaseOf),
};

const databaseOf = (row: Row): DatabaseUse =>
  told({
    name: text(row['name']),
    isCurrent: row['is_current'] === true,
    hits: figure(row['hits']) ?? 0,
    reads: figure(row['reads']) ?? 0,
    tempFiles: figure(row['temp_files']) ?? 0,
    tempBytes: figure(row['temp_bytes']) ?? 0,
    since: isoTime(row['since']),
    xidAge: figure(row['xid_age']) ?? 0,
    multixactAge: figure(row['mxid_age']) ?? 0,
  });
