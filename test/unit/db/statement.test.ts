import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { calledIn, firstWord, mustRead } from '../../../src/db/statement.ts';

describe('a statement', () => {
  test.each([
    'select 1',
    '  -- why\n SELECT 1',
    '/* a /* b */ c */ with x as (select 1) table x',
    '((select 1) union (select 2))',
    'values (1)',
    'table orders',
    'show work_mem',
    'explain analyze select 1',
  ])('that reads must be sent: %s', (sql) => {
    expect(() => mustRead(sql)).not.toThrow();
  });

  test.each(['insert into a values (1)', 'update a set b = 1', 'delete from a', 'merge into a', 'truncate a'])(
    'that the transaction refuses for certain must be sent, for the server to say so: %s',
    (sql) => {
      expect(() => mustRead(sql)).not.toThrow();
    },
  );

  test.each([
    'commit',
    'rollback; delete from a',
    "copy a to program 'sh'",
    'do $$ begin end $$',
    'call work()',
    "alter system set work_mem = '1GB'",
    'create table a ()',
    'vacuum',
    'set role admin',
    "load 'x'",
    'lock table a',
    '/* select */ commit',
    '-- select\ncommit',
    '"select" 1',
  ])('of another kind must not be sent: %s', (sql) => {
    expect(() => mustRead(sql)).toThrow(expect.objectContaining({ code: 'UNSAFE' }));
  });

  test.each(['', '  ', '-- nothing', '/* never closed', '(('])('must be there: %j', (sql) => {
    expect(() => mustRead(sql)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });

  test('must be found behind any spaces, comments and parentheses', () => {
    const before = fc.array(fc.constantFrom(' ', '\n', '(', '-- x select\n', '/* commit */', '/* /* */ */'));
    fc.assert(fc.property(before, (parts) => firstWord(`${parts.join('')}drop table a`) === 'DROP'));
  });

  test.each<[string, string]>([
    ['select pg_terminate_backend(1)', 'opsctl db kill <pid>'],
    ['select pg_catalog . PG_Cancel_Backend /* so */ (1)', 'opsctl db kill <pid>'],
    ['select "pg_terminate_backend"(1)', 'opsctl db kill <pid>'],
    ["select 'a', $$ b $$, pg_stat_reset()", 'opsctl db slow'],
    ['select pg_stat_reset_single_table_counters(1)', 'psql'],
    ['select pg_stat_statements_reset()', 'psql'],
    ["select dblink_exec('x', 'delete from a')", 'psql'],
    ["select * from pg_create_physical_replication_slot('s')", 'opsctl db replication'],
    ["select pg_drop_replication_slot('s')", 'opsctl db replication'],
    ["select * from pg_logical_slot_get_changes('s', null, null)", 'opsctl db replication'],
    ['select pg_switch_wal()', 'psql'],
    ['select pg_wal_replay_pause()', 'psql'],
    ['select pg_promote()', 'psql'],
    ['explain analyze select pg_reload_conf()', 'psql'],
    ['select pg_rotate_logfile()', 'psql'],
    ['select pg_log_backend_memory_contexts(1)', 'psql'],
    ["select lo_export(1, '/tmp/x')", 'psql'],
    ["select pg_file_write('x', 'y', false)", 'psql'],
    ['select pg_try_advisory_lock(1)', 'opsctl db locks'],
    ['select pg_advisory_xact_lock_shared(1, 2)', 'opsctl db locks'],
  ])('that calls what a read-only transaction permits, and yet has an effect, must not be sent: %s', (sql, hint) => {
    expect(() => mustRead(sql)).toThrow(
      expect.objectContaining({ code: 'UNSAFE', hint: expect.stringMatching(/^Nothing was sent\. /) as unknown }),
    );
    expect(() => mustRead(sql)).toThrow(expect.objectContaining({ hint: expect.stringContaining(hint) as unknown }));
  });

  test.each([
    "select * from pg_stat_activity where query like '%pg_terminate_backend(%'",
    "select E'it\\'s', 'pg_switch_wal()'",
    'select 1 -- pg_switch_wal()',
    'select 1 /* pg_switch_wal() /* */ pg_switch_wal() */',
    'select $a$ pg_switch_wal() $$ pg_switch_wal() $a$',
    'select pg_switch_wal from a',
    'select "PG_Switch_WAL"(1)',
    'select pg_stat_get_db_stat_reset_time(1), pg_advisory_unlock(1), pg_blocking_pids(1)',
  ])('that only names or writes of such a function must be sent: %s', (sql) => {
    expect(() => mustRead(sql)).not.toThrow();
  });

  test('the functions that it calls must be found behind anything that is none', () => {
    const before = fc.array(
      fc.constantFrom(' ', '\n', "'f('", "E'\\'f('", '$$ f( $$', '-- f(\n', '/* f( /* */ f( */', '"f("', '1 + ', 'a.'),
    );
    fc.assert(fc.property(before, (parts) => calledIn(`select ${parts.join(' ')} g(1)`).join() === 'g'));
    // Whatever it is, it comes to its end.
    fc.assert(fc.property(fc.string(), (text) => Array.isArray(calledIn(text))));
  });
});
