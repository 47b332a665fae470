import { describe, expect, test } from 'vitest';

import activity from '../../../src/commands/db/activity.ts';
import ready from '../../../src/commands/db/ready.ts';
import report from '../../../src/commands/db/report.ts';
import { databaseNamed } from '../../../src/commands/db/shared.ts';
import type { ReadCommand } from '../../../src/core/command.ts';
import type { Session } from '../../../src/core/ports/database.ts';
import { contextOf, plain, shop } from '../inspect/platform.ts';
import { fakeDatabase } from '../../support/fakes/database.ts';

const holder: Session = {
  pid: 4711,
  startedAt: '2026-03-01T10:00:00.000Z',
  database: 'shop',
  user: 'app',
  application: 'worker',
  client: 'local',
  state: 'idle in transaction',
  transactionMs: 185_000,
  stateMs: 180_000,
  query: 'update orders\n   set paid = true',
  blockedBy: [],
  privileged: false,
};
const waiter: Session = {
  ...holder,
  pid: 4712,
  application: 'api',
  state: 'active',
  wait: 'Lock: transactionid',
  transactionMs: 12_000,
  stateMs: 12_000,
  query: 'update orders set sent = true',
  blockedBy: [4711],
};
const database = (sessions: Session[]): ReturnType<typeof fakeDatabase> =>
  fakeDatabase({ main: { parts: { sessions: { is: 'seen', value: sessions } } } });

async function shown(command: ReadCommand, sessions: Session[]): Promise<string> {
  const input = command.input.parse({});
  const data = command.output.parse(await command.run(input, contextOf({ database: database(sessions) })));
  return `\n${command.text(data, plain, input)}\n`;
}

test('db activity must show who holds what for how long, at 80 columns', async () => {
  expect(await shown(activity, [holder, waiter])).toMatchInlineSnapshot(`
    "
    ✗ 2 sessions: 1 active, 1 idle in transaction, 1 waiting for a lock; 1
      transaction open for too long
    ✗ 4711 (worker): transaction open for 3 min 5 s, idle in transaction for 3 min
    next: SELECT pg_cancel_backend(4711)

     PID  USER  APPLICATION  STATE                       TX  WAITS FOR     QUERY
    4711  app   worker       idle in transaction  3 min 5 s  -             update o…
    4712  app   api          active                    12 s  lock of 4711  update o…
    "
  `);
});

test('db report must give each report a line, then what is bad, the worst first', async () => {
  expect(await shown(report, [holder, waiter])).toMatchInlineSnapshot(`
    "
    ✓ connections  2 of 97 usable connections (2.1 %)
    ✗ activity     2 sessions: 1 active, 1 idle in transaction, 1
                   waiting for a lock; 1 transaction open for too long

    ✗ 4711 (worker): transaction open for 3 min 5 s, idle in transaction for 3 min
    next: SELECT pg_cancel_backend(4711)

    ✗ crit: PostgreSQL 17.5 (main)
    "
  `);
});

test('db ready must say how the database is reached', async () => {
  expect(await shown(ready, [])).toBe('\n✓ PostgreSQL 17.5 answers in 1 ms, reached by memory\n');
});

test('the exit code must tell what the worst finding is', async () => {
  const data = await report.run(report.input.parse({}), contextOf({ database: database([holder]) }));
  expect(report.exit?.(data, report.input.parse({}))).toBe(1);
});

describe('the database that is meant', () => {
  const two = shop({ databases: { main: { service: 'a' }, archive: { service: 'b' } } });
  test('must be the only one, or the one that is named', () => {
    expect(databaseNamed(shop(), undefined)).toBe('main');
    expect(databaseNamed(two, 'archive')).toBe('archive');
  });
  test('must be named where there are several', () => {
    expect(() => databaseNamed(two, undefined)).toThrow('there are several databases');
    expect(() => databaseNamed(two, 'other')).toThrow('no database other is configured');
    expect(() => databaseNamed(shop({ databases: {} }), undefined)).toThrow('has no database');
  });
});
