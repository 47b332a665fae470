import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { QueryAnswer } from '../../../src/core/ports/database.ts';
import type { PostgresServer } from '../../support/postgres.ts';
import { databaseReader } from '../../support/readers.ts';

export function queries(at: () => PostgresServer): void {
  describe('query', () => {
    beforeAll(async () => {
      for (const sql of [
        'create table coin (id int primary key, name text)',
        "insert into coin values (1, 'one'), (2, null)",
        "create function mint() returns int language sql volatile as $$ insert into coin values (9, 'nine') returning id $$",
        'grant select on coin to watcher',
      ])
        await at().query(sql);
    });

    const run = async (
      sql: string,
      bounds: { rows?: number; ms?: number } = {},
      role = 'postgres',
    ): Promise<QueryAnswer> => {
      const url = role === 'postgres' ? at().url() : at().url(role, role === 'plain' ? 'plain-secret' : 'watch-secret');
      const reader = databaseReader({ main: url });
      try {
        return await reader.query('main', sql, { rows: 10, ms: 5000, ...bounds });
      } finally {
        await reader.close();
      }
    };

    test('values must keep their kinds, and the path of the role its tables', async () => {
      expect(await run('select * from coin order by id', {}, 'watcher')).toMatchObject({
        columns: ['id', 'name'],
        rows: [
          [1, 'one'],
          [2, null],
        ],
        more: false,
      });
      const all =
        "select 9007199254740993::int8 as a, 2::int8 as a, 1.50::numeric as n, 0.5::float8 as f, 'NaN'::float8 as x, true as b, '{1,2}'::int[] as l, now() is null as o";
      expect((await run(all)).rows).toEqual([['9007199254740993', 2, '1.50', 0.5, 'NaN', true, '{1,2}', false]]);
      expect(await run('select from coin where false')).toMatchObject({ columns: [], rows: [] });
      expect((await run('show server_version')).rows).toHaveLength(1);
      expect((await run('explain select 1')).rows[0]?.[0]).toContain('Result');
    });

    test('rows must be bounded by the server, however many there are', async () => {
      const started = performance.now();
      const answer = await run('select generate_series(1, 1000000000)', { rows: 3, ms: 20_000 });
      expect(answer).toMatchObject({ rows: [[1], [2], [3]], more: true });
      expect(performance.now() - started).toBeLessThan(20_000);
      expect(await run('select n from generate_series(1, 3) n', { rows: 3 })).toMatchObject({ more: false });
    });

    test.each([
      'delete from coin',
      "insert into coin values (3, 'three')",
      'truncate coin',
      'with gone as (delete from coin returning *) select * from gone',
      'select * from coin for update',
      'select mint()',
      'explain analyze delete from coin',
      "select set_config('transaction_read_only', 'off', false)",
    ])('what writes must be refused by the transaction: %s', async (sql) => {
      await expect(run(sql)).rejects.toMatchObject({
        code: 'UNSAFE',
        message: expect.stringMatching(/^the statement writes, and postgres main refused it: /),
        hint: expect.stringContaining('Nothing was changed'),
      });
      expect(await at().query('select count(*)::int4 as n from coin')).toEqual([{ n: 2 }]);
    });

    test('two statements must be refused before either runs', async () => {
      await expect(run('select 1; delete from coin')).rejects.toMatchObject({
        code: 'USAGE',
        hint: 'Give one statement.',
      });
      await expect(run('commit; delete from coin')).rejects.toMatchObject({ code: 'USAGE' });
      expect(await at().query('select count(*)::int4 as n from coin')).toEqual([{ n: 2 }]);
    });

    test('what is wrong with a statement must be told, and where', async () => {
      await expect(run('select * form coin')).rejects.toMatchObject({
        code: 'USAGE',
        message: 'syntax error at or near "form" (at character 10)',
        details: { position: 10, sqlstate: '42601' },
      });
      await expect(run('select * from nowhere')).rejects.toMatchObject({ code: 'USAGE' });
      await expect(run('select $1::int')).rejects.toMatchObject({ details: { sqlstate: expect.any(String) } });
      await expect(run('table coin', {}, 'plain')).rejects.toMatchObject({
        code: 'REJECTED',
        hint: expect.stringContaining('GRANT SELECT'),
      });
      await expect(run('select * from pg_ls_waldir()', {}, 'plain')).rejects.toMatchObject({
        code: 'REJECTED',
        hint: expect.stringContaining('GRANT EXECUTE ON FUNCTION'),
      });
    });

    test('whether it was asked as a superuser must be told', async () => {
      expect((await run('select 1')).superuser).toBe(true);
      expect((await run('select 1', {}, 'watcher')).superuser).toBe(false);
    });

    test('one that takes too long must be ended, and the connection stay of use', async () => {
      const reader = databaseReader({ main: at().url() });
      await expect(reader.query('main', 'select pg_sleep(30)', { rows: 1, ms: 200 })).rejects.toMatchObject({
        code: 'TIMED_OUT',
        message: 'postgres main ended the statement after 200 ms',
      });
      expect((await reader.query('main', 'select 1', { rows: 1, ms: 5000 })).rows).toEqual([[1]]);
      expect((await reader.look('main', ['sessions'])).parts.sessions.is).toBe('seen');
      const left = await at().query("select state from pg_stat_activity where application_name like 'opsctl/%'");
      expect(left).toEqual([{ state: 'idle' }]);
    });

    test('a table that is locked must not be waited for', async () => {
      const holder = await at().client();
      onTestFinished(() => holder.end());
      await holder.query('begin; lock table coin in access exclusive mode');
      const started = performance.now();
      await expect(run('table coin', { ms: 20_000 })).rejects.toMatchObject({
        code: 'TIMED_OUT',
        hint: expect.stringContaining('opsctl db blocking'),
      });
      expect(performance.now() - started).toBeLessThan(10_000);
    });

    test('an answer that is too large must end, not fill the memory', async () => {
      await expect(
        run("select repeat('x', 1000000) from generate_series(1, 100)", { rows: 100, ms: 20_000 }),
      ).rejects.toMatchObject({ code: 'BAD_ANSWER', hint: expect.stringContaining('left(<column>, 200)') });
    });
  });
}
