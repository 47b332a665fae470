import { describe, expect, test } from 'vitest';

import analyze from '../../../src/commands/db/analyze.ts';
import kill from '../../../src/commands/db/kill.ts';
import restart from '../../../src/commands/db/restart.ts';
import setLimit from '../../../src/commands/db/set-limit.ts';
import type { ConnectionLimit } from '../../../src/core/ports/database-changes.ts';
import type { Context } from '../../../src/core/command.ts';
import { fakeDatabase } from '../../support/fakes/database.ts';
import { contextOf, of, plain, shop, shopEngine } from '../inspect/platform.ts';

type State = Parameters<typeof fakeDatabase>[0][string];

/** A platform of api and postgres, whose database is like this. */
function context(state: State, parts: object = {}, more: object = {}): Context {
  const engine = shopEngine();
  for (const service of ['api', 'postgres']) engine.add({ ...of(service), state: 'running', stopSeconds: 60, ...more });
  return contextOf({ engine, database: fakeDatabase({ main: state }) }, shop({ services: { api: {} }, ...parts }));
}
describe('db set-limit', () => {
  const now = (limit: Partial<ConnectionLimit> = {}): State => ({ limit });
  const planned = (connections: number, state: State, more: object = {}) =>
    setLimit.plan(setLimit.input.parse({ connections, ...more }), context(state));

  test('must set it for the next start, take back exactly what was set before, and restart only when asked', async () => {
    const plan = await planned(200, now({ set: 150, next: 150 }));
    expect(plan.steps.map(({ id }) => id)).toEqual(['database.limit:main']);
    expect(plan.steps[0]).toMatchObject({ do: { args: ['main', 200] }, undo: { args: ['main', 150] } });
    expect(plan.seen).toEqual([
      '40 connections of clients are open; 3 slots are kept for superusers',
      '200 connections take about 439 MiB when all are open and idle, beside 128 MiB of shared buffers, and each sort or hash of a busy one up to 4.00 MiB more',
      'were the server not to start with it: take the line of max_connections out of /data/postgresql.auto.conf, and start it again',
    ]);
    const now200 = await planned(200, now(), { restart: true });
    expect(now200.steps.map(({ id }) => id)).toEqual([
      'database.limit:main',
      'database.checkpoint:main',
      'engine.stop:shop-postgres-prod',
      'engine.start:shop-postgres-prod',
      'engine.serving:shop-postgres-prod',
      'database.answers:main',
      'engine.serving:shop-api-prod',
    ]);
  });

  test('must need nothing where it is so already, and say that standbys come first', async () => {
    expect((await planned(100, now())).steps).toEqual([]);
    // Its file was changed since it started: at the next start it would not be so any more.
    expect((await planned(80, now({ running: 80 }))).steps).toHaveLength(1);
    expect((await planned(200, now({ standbys: 1 }))).seen).toContainEqual(
      expect.stringContaining('raise it there first'),
    );
    expect((await planned(90, now({ standbys: 1 }))).seen).toContainEqual(
      expect.stringContaining('lower it there only once'),
    );
  });

  test('must say when the container has not the memory for so many', async () => {
    const memory = async (connections: number) =>
      (await setLimit.plan(setLimit.input.parse({ connections }), context(now(), {}, { memoryLimit: 536_870_912 })))
        .seen?.[1];
    expect(await memory(10_000)).toMatch(
      /about 21.4 GiB .*; its container may use 512 MiB, which is less: .* the kernel ends it$/,
    );
    expect(await memory(120)).toMatch(/; its container may use 512 MiB$/);
  });

  test.each<[string, number, State, string]>([
    ['fewer than are in use', 42, now(), 'opsctl db connections'],
    ['as many as are reserved', 13, now({ used: 0, reserved: 13 }), 'superuser_reserved_connections'],
    ['fewer on a standby, whose primary may have more', 90, now({ inRecovery: true }), 'on the primary first'],
    ['what its command line outdoes', 200, now({ source: 'command line' }), 'compose'],
  ])('must refuse %s', async (_what, connections, state, hint) => {
    await expect(planned(connections, state)).rejects.toMatchObject({
      code: 'UNSAFE',
      hint: expect.stringContaining(hint) as unknown,
    });
  });
});

describe('db restart', () => {
  test('must show whose transactions are cut, and wait for the services afterwards', async () => {
    const session = {
      ...{ pid: 7, startedAt: 'x', database: 'shop', user: 'app', application: 'api', client: 'local' },
      ...{ state: 'active', transactionMs: 5000, blockedBy: [], privileged: false },
    };
    const state: State = { parts: { sessions: { is: 'seen', value: [session, { ...session, pid: 8 }] } } };
    const plan = await restart.plan(restart.input.parse({}), context(state));
    expect(plan.seen).toEqual([
      '2 connections of clients are cut, 2 open transactions rolled back',
      '7 (api): active, transaction open for 5 s',
      '8 (api): active, transaction open for 5 s',
    ]);
    expect(plan.steps.at(-1)?.id).toBe('engine.serving:shop-api-prod');
    expect(plan.steps[0]).toMatchObject({ id: 'database.checkpoint:main', onFailure: 'go on' });
  });

  test('must be refused for a database that is elsewhere', async () => {
    const elsewhere = context({}, { databases: { main: { url: { env: 'URL' } } } });
    await expect(restart.plan(restart.input.parse({}), elsewhere)).rejects.toMatchObject({ code: 'NOT_CONFIGURED' });
  });
});

test('db analyze must name tables as the server does, once each, and be seen done after what was before', async () => {
  const at = '2026-03-01T11:00:00.000001Z';
  const known = [
    ['orders', 'public', 'orders', 'public.orders', at],
    ['public.orders', 'public', 'orders', 'public.orders', at],
    ['public."Weird.Name"', 'public', 'Weird.Name', 'public."Weird.Name"', null],
  ];
  const state: State = { answer: { columns: ['typed'], rows: known } };
  const planned = (...tables: string[]) => analyze.plan(analyze.input.parse({ tables }), context(state));
  const { steps } = await planned('orders', 'public.orders', 'public."Weird.Name"');
  expect(steps.map(({ id, do: call, verify }) => [id, call?.args[1], verify?.args[2]])).toEqual([
    ['database.analyze:public.orders', { schema: 'public', name: 'orders' }, at],
    ['database.analyze:public."Weird.Name"', { schema: 'public', name: 'Weird.Name' }, null],
  ]);
  await expect(planned('nowhere')).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: expect.stringContaining('nowhere') as unknown,
  });
});

test('db kill must end nothing that it cannot see, and tell who still waits', async () => {
  const hidden: State = { parts: { locks: { is: 'unknown', reason: 'the server did not answer in time' } } };
  await expect(kill.plan(kill.input.parse({ pids: ['7'] }), context(hidden))).rejects.toMatchObject({ code: 'UNSAFE' });
  const data = await kill.report(kill.input.parse({ pids: [7] }), context({}), {});
  expect(data).toEqual({ database: 'main', sessions: [{ pid: 7, state: 'gone' }], waiting: 0 });
  expect(kill.text(data, plain, kill.input.parse({ pids: [7] }))).toContain('nobody waits for it any more');
});
