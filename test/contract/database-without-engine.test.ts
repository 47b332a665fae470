/** Changes of a database given by URL while no docker engine answers (ADR 11). */
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';

import { machineOf, NO_ENGINE } from '../support/db-command.ts';
import { startPostgres, type PostgresServer } from '../support/postgres.ts';

describe('without an engine', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres(17);
    await server.query('create table orders as select generate_series(1, 100) as id');
  });
  afterAll(() => server.stop());

  /** A session that idles in a transaction. */
  async function idler(): Promise<number> {
    const client = await server.client();
    client.on('error', () => undefined);
    onTestFinished(() => client.end().catch(() => undefined));
    await client.query('begin; lock table orders');
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    return rows[0]?.pid ?? 0;
  }
  const lives = async (pid: number): Promise<boolean> =>
    (await server.query(`select from pg_stat_activity where pid = ${pid.toString()}`)).length === 1;

  test('a dry run must show its plan, and say what it could not see', async () => {
    const { text } = await machineOf(server.url());
    const pid = await idler();
    const { exit, out, err } = await text('db', 'kill', pid.toString(), '--terminate', '--force', '--dry-run');
    expect([exit, err]).toEqual([
      0,
      `warning: whether another change runs could not be seen: the docker engine at ${NO_ENGINE} is not there: no such socket\n`,
    ]);
    expect(out).toContain(pid.toString());
    expect(await lives(pid)).toBe(true);
  });

  test('a change must be refused, with the way to make it all the same', async () => {
    const { json } = await machineOf(server.url());
    const pid = (await idler()).toString();
    const refused = await json('db', 'kill', pid, '--terminate', '--force', '--confirm', 'main', '--yes');
    expect(refused).toMatchObject({
      exit: 6,
      error: {
        code: 'UNREACHABLE',
        message: `the docker engine at ${NO_ENGINE} is not there: no such socket, and it holds the lock that keeps others out`,
        hint: expect.stringContaining('--without-engine') as unknown,
      },
    });
    expect(await lives(Number(pid))).toBe(true);
  });

  test('a change that is wanted all the same must be made, told and journalled here', async () => {
    const { text, json } = await machineOf(server.url());
    const pid = (await idler()).toString();
    const { exit, err } = await text(
      'db',
      'kill',
      pid,
      '--terminate',
      '--force',
      '--confirm',
      'main',
      '--without-engine',
    );
    expect([exit, await lives(Number(pid))]).toEqual([0, false]);
    expect(err).toContain('no such socket: nobody else is kept out of main meanwhile');
    expect(err).toContain('where other machines do not see it');
    const { exit: seen, data } = await json('history');
    expect([seen, data]).toMatchObject([
      0,
      {
        changes: [{ command: 'db kill', outcome: 'done' }],
        journal: { shared: false },
        unseen: expect.stringContaining('no such socket') as unknown,
      },
    ]);
  });
});
