/** Where and how max_connections is set. */
import type { ConnectionLimit } from '../../core/ports/database-changes.ts';
import { figure, type Row, text } from './row.ts';

/** What it has from its next start on: its command line outdoes its files, and without either it has the default. */
const next = (setting: string): string => `coalesce(
  (select setting::int4 from pg_settings where name = '${setting}' and source = 'command line'),
  (select f.setting::int4 from pg_file_settings f where f.name = '${setting}' order by f.seqno desc limit 1),
  (select boot_val::int4 from pg_settings where name = '${setting}'), 0)`;

/** Needs the right to see what the files say. */
export const CONNECTION_LIMIT = `
select current_setting('max_connections')::int4 as running, ${next('max_connections')} as next,
       (select f.setting::int4 from pg_file_settings f
        where f.name = 'max_connections' and f.sourcefile like '%postgresql.auto.conf' order by f.seqno desc limit 1) as set,
       ${next('superuser_reserved_connections')} + ${next('reserved_connections')} as reserved,
       (select count(*)::int4 from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()) as used,
       (select source from pg_settings where name = 'max_connections') as source,
       (select count(*)::int4 from pg_stat_replication) as standbys,
       pg_is_in_recovery() as recovery,
       pg_size_bytes(current_setting('shared_buffers'))::float8 as buffers,
       pg_size_bytes(current_setting('work_mem'))::float8 as work,
       (select setting from pg_settings where name = 'data_directory') as directory`;

export const limitOf = (row: Row): ConnectionLimit => ({
  running: figure(row['running']) ?? Number.NaN,
  next: figure(row['next']) ?? Number.NaN,
  set: figure(row['set']) ?? null,
  reserved: figure(row['reserved']) ?? Number.NaN,
  used: figure(row['used']) ?? Number.NaN,
  source: text(row['source']),
  standbys: figure(row['standbys']) ?? Number.NaN,
  inRecovery: row['recovery'] === true,
  sharedBuffers: figure(row['buffers']) ?? Number.NaN,
  workMemory: figure(row['work']) ?? Number.NaN,
  // Where the data is, not every role may know.
  file: [text(row['directory']), 'postgresql.auto.conf'].filter((part) => part !== '').join('/'),
});
