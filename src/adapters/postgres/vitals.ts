import type { DatabaseReady, DatabaseVitals, HiddenPart } from '../../core/ports/data.ts';
import type { Connection } from './connect.ts';
import { figure, type Row, shortVersion, text, withoutPasswords } from './row.ts';
import { inTransaction, type Ask } from './transaction.ts';
import { activitySql, DATABASES, ESTIMATED_SIZE, locksSql, REPLICA, REPLICAS, SERVER, SIZE } from './sql.ts';

const QUERY_LENGTH = 200;

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
    async ({ server, latencyMs, ask }) => {
      const hidden: HiddenPart[] = [];
      const major = Math.floor((figure(server['number']) ?? 0) / 10_000);
      const activity = await readActivity(ask, hidden, major, connection.asked.user);
      const databases = await part(ask, hidden, 'databases', DATABASES);
      const size = await part(ask, hidden, 'size', SIZE);
      const replication = await readReplication(ask, hidden, server['recovery'] === true, connection.asked.user);
      return {
        ...ready(server, latencyMs),
        startedAt: new Date(figure(server['started']) ?? 0).toISOString(),
        connectionLimit: figure(server['slots']) ?? Number.NaN,
        ...activity,
        cacheHit: databases?.['hit'] === null ? null : figure(databases?.['hit']),
        size: figure(size?.['size'] ?? (size && (await estimatedSize(ask, hidden)))),
        xidAge: figure(databases?.['xid_age']),
        ...replication,
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
    'connections' | 'activeSessions' | 'idleInTransaction' | 'blockedSessions' | 'longestWaitMs' | 'longestTransaction'
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
    longestTransaction: row === undefined || row['pid'] === null ? whole && null : transactionOf(row),
  };
}

const transactionOf = (row: Row): NonNullable<DatabaseVitals['longestTransaction']> => ({
  pid: figure(row['pid']) ?? 0,
  ageMs: figure(row['age']) ?? Number.NaN,
  state: text(row['state']),
  application: text(row['application']),
  query: withoutPasswords(text(row['query'])).slice(0, QUERY_LENGTH),
});

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

async function readReplication(
  ask: Ask,
  hidden: HiddenPart[],
  inRecovery: boolean,
  user: string,
): Promise<Pick<DatabaseVitals, 'replicas' | 'replayLagMs'>> {
  const answer = await ask(REPLICAS);
  const rows = 'rows' in answer ? answer.rows : undefined;
  if ('refused' in answer) hidden.push({ part: 'replication', reason: answer.refused, forbidden: answer.forbidden });
  const unseenReplicas = rows?.filter((row) => row['state'] === null).length ?? 0;
  if (unseenReplicas > 0) hidden.push(unseen('replication', unseenReplicas, 'replicas', user));
  const replica = inRecovery ? await part(ask, hidden, 'replay', REPLICA) : undefined;
  const lag = replica?.['lag'];
  return {
    replicas: rows?.map((row) => ({
      application: text(row['application']),
      state: text(row['state']),
      lagBytes: typeof row['lag'] === 'number' ? Math.max(0, row['lag']) : null,
    })),
    replayLagMs: typeof lag === 'number' ? Math.max(0, lag) : undefined,
  };
}
