import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { shellWord } from '../../../src/core/shell.ts';
import { granting, isSql, queryCommand, sqlStatement } from '../../../src/core/suggestion.ts';

/** What a shell makes of words, an argument each. */
const words = (line: string): string[] => {
  const script = `printf '%s\\0' ${line}`;
  return execFileSync('sh', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1);
};

describe('a word for a shell', () => {
  test.each([
    ['public.orders', 'public.orders'],
    ['SHOW work_mem', '"SHOW work_mem"'],
    ["WHERE slot_name = 'cdc'", `"WHERE slot_name = 'cdc'"`],
    ['public."b$(id)"', `'public."b$(id)"'`],
    ["it's $HOME", String.raw`'it'\''s $HOME'`],
    ['', '""'],
  ])('must be as plain as it can be: %s', (given, expected) => {
    expect(shellWord(given)).toBe(expected);
  });

  test('must be that one word to the shell, whatever is in it', () => {
    const special = fc.string({ unit: fc.constantFrom(...'$`"\'\\!();&|<>*?~#{}[]= \n\tab') });
    const given = fc.array(fc.oneof(special, fc.string()), { minLength: 1, maxLength: 20 });
    const property = fc.property(given, (all) => {
      const printable = all.map((one) => one.replaceAll('\0', ''));
      expect(words(printable.map(shellWord).join(' '))).toEqual(printable);
    });
    fc.assert(property, { numRuns: 50 });
  });

  test('must hold a query with names that would be run', () => {
    expect(words(queryCommand('SELECT query FROM "Stat$(id) X".pg_stat_statements'))).toEqual([
      ...['opsctl', 'db', 'query', 'SELECT query FROM "Stat$(id) X".pg_stat_statements'],
    ]);
  });
});

test('SQL must be known by its semicolon, with a remark or without', () => {
  expect([sqlStatement('DROP INDEX a'), sqlStatement('DROP INDEX a', 'plan it')].map(isSql)).toEqual([true, true]);
  expect([queryCommand('SELECT 1; SELECT 2'), 'opsctl db activity'].map(isSql)).toEqual([false, false]);
  expect(granting('pg_monitor', 'on-call')).toBe('GRANT pg_monitor TO "on-call";');
});
