import type { DatabaseReady, DatabaseVitals, HiddenPart, OpenTransaction } from '../../core/ports/data.ts';
import type { DatabaseServer } from '../../core/ports/database.ts';
import type { Connection } from './connect.ts';
import { readPart, serverOf } from './look.ts';
import { replication } from './parts/replication.ts';
import { age, figure, type Row, shortVersion, text } from './row.ts';
import { inTransaction, type Ask } from './transaction.ts';
import { activitySql, DATABASES, ESTIMATED_SIZE, locksSql, SERVER, SIZE } from './sql.ts';

/** One small read-only transaction; the latency is its round trip. */
export async function readReady(connection: Connection): Promise<DatabaseReady> {
  return inTransaction(connection, async ({ server, latencyMs }) => ready(server, latencyMs), SERVER);
}

/**
 * Everything in one read-only transaction. A part that this role may not read, that is locked, or that
 * this server does not have is named in `hidden`, and its figures are absent.
 */
export async function readVitals(connection: Connection): Promise<DatabaseVitals> {
  return inTransaction(
    connection,
    async ({ server: row, latencyMs, ask }) => {
      const hidden: HiddenPart[] = [];
      const server = serverOf(row);
      const activity = await readActivity(ask, hidden, server.major, connection.asked.user);
      const databases = await part(ask, hidden, 'databases', DATABASES);
      const size = await part(ask, hidden, 'size', SIZE);
      const [hits, reads] = [figure(databases?.['hits']), figure(databases?.['reads'])];
      return {
        ...ready(row, latencyMs),
        startedAt: server.startedAt,
        at: server.at,
        role: server.role,
        connectionLimit: server.connectionLimit,
        ...activity,
        blocks: hits === undefined || reads === undefined ? undefined : { name: server.database, hits, reads },
        size: figure(size?.['size'] ?? (size && (await estimatedSize(ask, hidden)))),
        xidAge: figure(databases?.['xid_age']),
        multixactAge: figure(databases?.['mxid_age']),
        replication: await readReplication(ask, hidden, server),
        hidden,
      };
    },
    SERVER,
  );
}

const ready = (server: Row, latencyMs: number): DatabaseReady => ({
  latencyMs,
  version: shortVersion(server['version']),
  inRecovery: server['recovery'] === true,
});

/** One row of a part, or undefined when the part cannot be had, which `hidden` then says. */
async function part(ask: Ask, hidden: HiddenPart[], name: HiddenPart['part'], sql: string): Promise<Row | undefined> {
  const answer = await ask(sql);
  if ('rows' in answer) return answer.rows[0];
  hidden.push({ part: name, reason: answer.refused, forbidden: answer.forbidden });
  return undefined;
}

const unseen = (part: HiddenPart['part'], count: number, what: string, user: string): HiddenPart => ({
  part,
  reason: `${count} ${what} of other roles hide their state from role ${user} (GRANT pg_monitor TO ${user})`,
  forbidden: true,
});

async function readActivity(
  ask: Ask,
  hidden: HiddenPart[],
  major: number,
  user: string,
): Promise<
  Pick<
    DatabaseVitals,
    | 'connections'
    | 'activeSessions'
    | 'idleInTransaction'
    | 'blockedSessions'
    | 'longestWaitMs'
    | 'longestTransaction'
    | 'longestIdle'
  >
> {
  const row = await part(ask, hidden, 'activity', activitySql);
  const hiddenSessions = figure(row?.['hidden']) ?? 0;
  if (hiddenSessions > 0) hidden.push(unseen('activity', hiddenSessions, 'sessions', user));
  // pg_locks is read only when somebody waits, or when that cannot be seen: reading it stops the lock table for a moment.
  const asksLocks = row === undefined || hiddenSessions > 0 || figure(row['waiting']) !== 0;
  const locks = asksLocks ? await part(ask, hidden, 'locks', locksSql(major)) : { blocked: 0, longest: 0 };
  const longest = figure(locks?.['longest']);
  // With sessions unseen, what is counted and found is less than there is.
  const whole = hiddenSessions === 0 ? row : undefined;
  return {
    connections: figure(row?.['connections']),
    activeSessions: figure(whole?.['active']),
    idleInTransaction: figure(whole?.['idle_in_transaction']),
    blockedSessions: figure(locks?.['blocked']),
    longestWaitMs: longest === undefined ? undefined : Math.max(0, longest),
    longestTransaction: row && (transactionOf(row, 'oldest') ?? (whole && null)),
    longestIdle: row && (transactionOf(row, 'idlest') ?? (whole && null)),
  };
}

function transactionOf(row: Row, from: 'oldest' | 'idlest'): OpenTransaction | undefined {
  const pid = figure(row[`${from}_pid`]);
  if (pid === undefined) return undefined;
  return {
    pid,
    application: text(row[`${from}_application`]),
    state: text(row[`${from}_state`]),
    stateMs: age(row[`${from}_state_ms`]) ?? Number.NaN,
    ageMs: age(row[`${from}_age`]) ?? Number.NaN,
  };
}

async function estimatedSize(ask: Ask, hidden: HiddenPart[]): Promise<unknown> {
  const row = await part(ask, hidden, 'size', ESTIMATED_SIZE);
  if (row)
    hidden.push({
      part: 'size',
      reason: 'estimated from the last VACUUM and ANALYZE, since asking for every file of so many relations is costly',
      forbidden: false,
    });
  return row?.['size'];
}

/** As `opsctl db replication` asks for it: one question, one answer. */
async function readReplication(
  ask: Ask,
  hidden: HiddenPart[],
  server: DatabaseServer,
): Promise<DatabaseVitals['replication']> {
  const had = await readPart(replication, server, ask, server.role);
  if (had.is === 'seen') return had.value;
  hidden.push({ part: 'replication', reason: had.reason, forbidden: had.is === 'skipped' });
  return undefined;
}
