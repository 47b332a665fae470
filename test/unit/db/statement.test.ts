import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { firstWord, mustRead } from '../../../src/db/statement.ts';

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
});
