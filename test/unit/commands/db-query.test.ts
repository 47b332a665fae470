import { describe, expect, test } from 'vitest';

import query from '../../../src/commands/db/query.ts';
import { fakeDatabase } from '../../support/fakes/database.ts';
import { contextOf, plain } from '../inspect/platform.ts';

describe('db query', () => {
  const asked = async (sql: string, answer: object, more: object = {}): Promise<string> => {
    const reader = fakeDatabase({ main: { answer: answer as never } });
    const input = query.input.parse({ sql, ...more });
    const data = query.output.parse(await query.run(input, contextOf({ database: reader })));
    return `\n${query.text(data, plain, input)}\n`;
  };

  test('must show rows as a table, and say where there are more', async () => {
    const rows = [
      [1, 'first\nline', null],
      [20, 'second', true],
      [300, 'third', false],
    ];
    const answer = { columns: ['id', 'note', 'paid'], rows };
    expect(await asked('table orders', answer, { limit: 2 })).toMatchInlineSnapshot(`
      "
      id  note        paid
       1  first line  null
      20  second      true
      the first 2 rows, more with --limit, 1 ms
      "
    `);
  });

  test('must leave one column as it is', async () => {
    const answer = { columns: ['QUERY PLAN'], rows: [['Limit'], ['  ->  Seq Scan on orders']] };
    expect(await asked('explain table orders', answer)).toMatchInlineSnapshot(`
      "
      QUERY PLAN
      Limit
        ->  Seq Scan on orders
      2 rows, 1 ms
      "
    `);
  });

  test('must show one wide row as a list', async () => {
    const columns = ['a', 'b', 'c', 'd', 'e', 'longer'];
    expect(await asked('select 1', { columns, rows: [[1, 2, 3, 4, 5, null]] })).toMatchInlineSnapshot(`
      "
      a       1
      b       2
      c       3
      d       4
      e       5
      longer  null
      1 row, 1 ms
      "
    `);
  });

  test('must refuse what writes, whoever finds out', async () => {
    await expect(asked('delete from orders', {})).rejects.toMatchObject({ code: 'UNSAFE' });
    await expect(asked('drop table orders', {})).rejects.toMatchObject({
      code: 'UNSAFE',
      hint: 'Nothing was sent. Run other statements with psql.',
    });
  });

  test('must say that it was asked as a superuser, whom nothing keeps back', () => {
    const answer = { database: 'main', columns: ['one'], rows: [[1]], more: false, ms: 1, superuser: true };
    expect(query.text(answer, plain, query.input.parse({ sql: 'select 1' }))).toMatch(/1 row, 1 ms, as a superuser$/);
  });

  test('must be bounded', () => {
    const parses = (more: object): boolean => query.input.safeParse({ sql: 'select 1', ...more }).success;
    expect([parses({ limit: 10_000 }), parses({ limit: 10_001 }), parses({ limit: 0 })]).toEqual([true, false, false]);
    expect([parses({ timeout: '5m' }), parses({ timeout: '6m' })]).toEqual([true, false]);
  });
});
