import type { DatabaseServer, Statement, Statements } from '../../../core/ports/database.ts';
import { granting, sqlStatement } from '../../../core/suggestion.ts';
import { figure, isoTime, type Row, text, told, withoutPasswords } from '../row.ts';
import type { Part, Skipped } from './part.ts';

/** Characters of a query that are kept. */
const QUERY_LENGTH = 300;
/** Statements at most; the server keeps 5,000 by default, and some of them hardly took any time. */
const LIMIT = 4000;

/** Columns by the version of the extension, which need not be the newest that the server has. */
const columnsOf = (version: string): { total: string; mean: string; max: string; io: string; top: string } => {
  const minor = Number(version.split('.')[1]);
  const shared = minor >= 11 ? 'shared_blk' : 'blk';
  return {
    total: minor >= 8 ? 'total_exec_time' : 'total_time',
    mean: minor >= 8 ? 'mean_exec_time' : 'mean_time',
    max: minor >= 8 ? 'max_exec_time' : 'max_time',
    io: `${shared}_read_time + ${shared}_write_time${minor >= 10 ? ' + temp_blk_read_time + temp_blk_write_time' : ''}`,
    top: minor >= 9 ? 'toplevel' : 'true',
  };
};

export const statements: Part<Statements> = {
  sql: ({ statements: extension, role }) => {
    if (extension === undefined || !extension.isLoaded) return WHY;
    const { schema, version, isUsable } = extension;
    if (!isUsable)
      return {
        skipped: `pg_stat_statements is in schema ${schema}, which role ${role} may not use`,
        fix: [granting(`USAGE ON SCHEMA ${schema}`, role)],
      };
    const { total, mean, max, io, top } = columnsOf(version);
    const info = Number(version.split('.')[1]) >= 9 ? `${schema}.pg_stat_statements_info` : '';
    return `
with counted as materialized (select *, ${total} as total, ${mean} as mean, ${max} as longest, ${top} as top, ${io} as io
                              from ${schema}.pg_stat_statements)
select c.queryid::text as id, d.datname as database, pg_get_userbyid(c.userid)::text as user, c.top, c.calls::float8 as calls,
       c.rows::float8 as rows, c.total::float8 as total_ms, c.mean::float8 as mean_ms, c.longest::float8 as max_ms, c.io::float8 as io_ms,
       (c.shared_blks_hit + c.local_blks_hit)::float8 as hit, (c.shared_blks_read + c.local_blks_read)::float8 as read,
       (c.temp_blks_read + c.temp_blks_written)::float8 as temp, left(c.query, ${QUERY_LENGTH.toString()}) as query, s.*
from (select count(*)::int4 as count, coalesce(sum(total), 0)::float8 as all_ms,
             coalesce(sum(total) filter (where queryid is null), 0)::float8 as hidden_ms,
             current_setting('track_io_timing')::bool as io_timed,
             ${info === '' ? 'null::float8' : `(select extract(epoch from stats_reset)::float8 * 1000 from ${info})`} as since,
             ${info === '' ? 'null::float8' : `(select dealloc::float8 from ${info})`} as evictions
      from counted) as s
  left join (select * from counted where queryid is not null order by total desc limit ${LIMIT.toString()}) as c on true
  left join pg_database d on d.oid = c.dbid`;
  },
  read: (rows, server) => {
    const [first] = rows;
    if (first?.['count'] === undefined) return missing(first, server);
    return told({
      statements: rows.filter(({ id }) => id !== null).map(statementOf),
      count: figure(first['count']) ?? 0,
      totalMs: figure(first['all_ms']) ?? 0,
      hiddenMs: figure(first['hidden_ms']) ?? 0,
      since: isoTime(first['since']),
      evictions: figure(first['evictions']),
      ioTimed: first['io_timed'] === true,
    });
  },
};

/** What is known where it does not count. The setting is hidden from roles without pg_read_all_settings. */
const WHY = `
select exists (select from pg_available_extensions where name = 'pg_stat_statements') as available,
       current_setting('pg_stat_statements.max', true) is not null as loaded,
       (select setting from pg_settings where name = 'shared_preload_libraries') as preloaded`;

function missing(row: Row | undefined, { statements: extension, database }: DatabaseServer): Skipped {
  const create = extension === undefined ? [sqlStatement('CREATE EXTENSION pg_stat_statements')] : [];
  if (row?.['available'] !== true && extension === undefined)
    return {
      skipped: 'pg_stat_statements is not installed on the server',
      fix: [
        'install the contrib package of this PostgreSQL version (such as postgresql-contrib)',
        ...preload(row),
        ...create,
      ],
    };
  if (row?.['loaded'] !== true)
    return {
      skipped: `pg_stat_statements is not loaded${extension === undefined ? `, nor created in database ${database}` : ''}`,
      fix: [...preload(row), ...create],
    };
  return { skipped: `pg_stat_statements is loaded, but not created in database ${database}`, fix: create };
}

/** Each name is quoted by itself: one literal for all would be one library, and the server would not start. */
function preload(row: Row | undefined): string[] {
  const others = text(row?.['preloaded'])
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'pg_stat_statements');
  const list = [...others, 'pg_stat_statements'].map((name) => `'${name.replaceAll(/^"|"$/g, '')}'`).join(', ');
  const keep =
    typeof row?.['preloaded'] === 'string' ? undefined : 'after what SHOW shared_preload_libraries has already';
  return [sqlStatement(`ALTER SYSTEM SET shared_preload_libraries = ${list}`, keep), 'restart PostgreSQL'];
}

const statementOf = (row: Row): Statement => ({
  id: text(row['id']),
  database: text(row['database']),
  user: text(row['user']),
  topLevel: row['top'] !== false,
  calls: figure(row['calls']) ?? 0,
  rows: figure(row['rows']) ?? 0,
  totalMs: figure(row['total_ms']) ?? 0,
  meanMs: figure(row['mean_ms']) ?? 0,
  maxMs: figure(row['max_ms']) ?? 0,
  ioMs: figure(row['io_ms']) ?? 0,
  hitBlocks: figure(row['hit']) ?? 0,
  readBlocks: figure(row['read']) ?? 0,
  tempBlocks: figure(row['temp']) ?? 0,
  query: withoutPasswords(text(row['query'])),
});
