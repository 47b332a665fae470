import { OpsError } from '../../../src/core/errors.ts';
import type { DatabaseVitals } from '../../../src/core/ports/data.ts';
import type { ConnectionLimit, DatabaseWriter, RunningQuery } from '../../../src/core/ports/database-changes.ts';
import type { Connections, DatabaseLook, Lock, QueryAnswer, Session } from '../../../src/core/ports/database.ts';

/** A healthy database, idle but for its own service. */
export const calmDatabase: DatabaseVitals = {
  latencyMs: 1,
  version: '17.5',
  inRecovery: false,
  startedAt: '2026-01-01T00:00:00.000Z',
  at: '2026-03-01T12:00:00.000Z',
  role: 'watcher',
  connectionLimit: 97,
  connections: 10,
  activeSessions: 1,
  idleInTransaction: 0,
  longestTransaction: null,
  longestIdle: null,
  blockedSessions: 0,
  longestWaitMs: 0,
  blocks: { name: 'shop', hits: 990_000, reads: 10_000 },
  size: 50_000_000,
  xidAge: 1_000_000,
  multixactAge: 1,
  replication: { standbys: [], slots: [] },
  hidden: [],
};

/** Connections of sessions, as a server counts them. */
export function connectionsOf(sessions: readonly Session[]): Connections {
  const groups = Map.groupBy(sessions, ({ database, user, application }) => `${database} ${user} ${application}`);
  return {
    count: sessions.length,
    groups: [...groups.values()]
      .map((group) => {
        const count = (is: (state: string | undefined) => boolean): number =>
          group.filter(({ state }) => is(state)).length;
        const { database = '', user = '', application = '' } = group[0] ?? {};
        const idle = group.filter(({ state }) => state === 'idle');
        const [longest] = idle.toSorted((a, b) => (b.stateMs ?? 0) - (a.stateMs ?? 0));
        return {
          ...{ database, user, application, connections: group.length, idle: idle.length },
          active: count((state) => state === 'active'),
          idleInTransaction: count((state) => state?.startsWith('idle in transaction') === true),
          hidden: count((state) => state === undefined),
          ...(longest !== undefined && { longestIdle: { pid: longest.pid, ms: longest.stateMs ?? 0 } }),
        };
      })
      .toSorted((a, b) => b.connections - a.connections),
  };
}

/** Parts of a database in which nothing happens. */
const calmParts: DatabaseLook['parts'] = {
  sessions: { is: 'seen', value: [] },
  connections: { is: 'seen', value: { groups: [], count: 0 } },
  locks: { is: 'seen', value: { locks: [], taken: 12, capacity: 6400 } },
  statements: { is: 'seen', value: { statements: [], count: 0, totalMs: 0, hiddenMs: 0, ioTimed: true } },
  tables: { is: 'seen', value: { tables: [], count: 0, bytes: 0 } },
  indexes: { is: 'seen', value: { indexes: [], count: 0 } },
  foreignKeys: { is: 'seen', value: [] },
  databases: { is: 'seen', value: [] },
  vacuums: { is: 'seen', value: [] },
  horizon: { is: 'seen', value: [] },
  fill: { is: 'seen', value: [] },
  sequences: { is: 'seen', value: [] },
  replication: { is: 'seen', value: { standbys: [], slots: [] } },
};

/** What a database in memory answers besides its vitals: parts of a look, and rows to every statement. */
interface Told {
  parts?: Partial<DatabaseLook['parts']>;
  answer?: Pick<QueryAnswer, 'columns' | 'rows'>;
  limit?: Partial<ConnectionLimit>;
}

const calmLimit: ConnectionLimit = {
  ...{ running: 100, next: 100, set: null, reserved: 3, used: 40, source: 'configuration file', standbys: 0 },
  ...{ inRecovery: false, sharedBuffers: 134_217_728, workMemory: 4_194_304, file: '/data/postgresql.auto.conf' },
};

/** Databases in memory: by name what they answer, or the error that they throw. Change `state` as the story goes on. */
export function fakeDatabase(state: Record<string, (Partial<DatabaseVitals> & Told) | OpsError>): DatabaseWriter & {
  state: typeof state;
  limits: Record<string, number | null>;
  analyzed: string[];
  close(): Promise<void>;
} {
  const look = (name: string): DatabaseVitals & Told => {
    const found = state[name];
    if (found === undefined) throw new OpsError('NOT_CONFIGURED', `no database ${name} is configured`);
    if (found instanceof OpsError) throw found;
    return { ...calmDatabase, ...found };
  };
  const sessionsOf = (name: string): Session[] => {
    const part = look(name).parts?.sessions;
    return part?.is === 'seen' ? part.value : [];
  };
  const locksOf = (name: string): Lock[] => {
    const part = look(name).parts?.locks;
    return part?.is === 'seen' ? part.value.locks : [];
  };
  const find = (name: string, { pid, startedAt }: RunningQuery): Session | undefined =>
    sessionsOf(name).find((one) => one.pid === pid && one.startedAt === startedAt);
  const asking = (name: string, query: RunningQuery): Session | undefined => {
    const found = find(name, query);
    return (found?.queryStartedAt ?? null) === query.queryStartedAt ? found : undefined;
  };
  const isIdle = (session: Session | undefined): boolean =>
    session?.state === 'idle' || session?.state === 'idle in transaction (aborted)';
  const isOpen = (name: string, session: Session | undefined): boolean =>
    session !== undefined &&
    (!isIdle(session) || locksOf(name).some(({ pid, granted }) => granted && pid === session.pid));
  const end = (name: string, session: Session | undefined): void => {
    const all = sessionsOf(name);
    if (session !== undefined) all.splice(all.indexOf(session), 1);
    const locks = locksOf(name);
    const left = locks.filter(({ pid }) => pid !== session?.pid);
    for (const lock of left) lock.blockedBy = lock.blockedBy.filter((pid) => pid !== session?.pid);
    locks.splice(0, locks.length, ...left);
  };
  const limits: Record<string, number | null> = {};
  const analyzed: string[] = [];
  return {
    state,
    limits,
    analyzed,
    isCancelled: async (name, query) => asking(name, query)?.state !== 'active',
    isOver: async (name, query) => !isOpen(name, asking(name, query)),
    hasMovedOn: async (name, query) => !isIdle(asking(name, query)),
    sessionState: async (name, query) => ({ state: find(name, query)?.state ?? 'gone' }),
    holdUpNobody: async (name, pids) =>
      !locksOf(name).some(({ blockedBy }) => blockedBy.some((pid) => pids.includes(pid))),
    answers: async (name) => !(state[name] instanceof OpsError),
    hasConnectionLimit: async (name, limit) => (limits[name] ?? null) === limit,
    cancel: async (name, query) => {
      const found = asking(name, query);
      if (found?.state === 'active')
        Object.assign(found, { state: found.transactionMs === undefined ? 'idle' : 'idle in transaction (aborted)' });
    },
    terminate: async (name, query) => {
      const found = asking(name, query);
      if (isOpen(name, found)) end(name, found);
    },
    disconnect: async (name, query) => {
      const found = asking(name, query);
      if (isIdle(found)) end(name, found);
    },
    analyze: async (_name, { schema, name }) => void analyzed.push(`${schema}.${name}`),
    isAnalyzed: async (_name, { schema, name }) => analyzed.includes(`${schema}.${name}`),
    connectionLimit: async (name) => ({ ...calmLimit, ...look(name).limit }),
    checkpoint: async () => undefined,
    setConnectionLimit: async (name, limit) => void (limits[name] = limit),
    route: async (name) => (look(name), 'memory'),
    ready: async (name) => {
      const { latencyMs, version, inRecovery } = look(name);
      return { latencyMs, version, inRecovery };
    },
    vitals: async (name) => {
      const { parts: _parts, answer: _answer, limit: _limit, ...vitals } = look(name);
      return vitals;
    },
    look: async (name, parts) => {
      const { version, inRecovery, startedAt, connectionLimit, latencyMs, parts: known } = look(name);
      const all = { ...calmParts, connections: { is: 'seen', value: connectionsOf(sessionsOf(name)) }, ...known };
      const found = Object.fromEntries(parts.map((part) => [part, all[part]]));
      return {
        server: {
          ...{ version, inRecovery, startedAt, connectionLimit },
          major: Number(version.split('.')[0]),
          at: '2026-01-02T00:00:00.000Z',
          role: 'postgres',
          database: name,
        },
        latencyMs,
        parts: found as never,
      };
    },
    query: async (name, sql, { rows }) => {
      const { answer } = look(name);
      if (/^(insert|update|delete|merge|truncate)\b/i.test(sql)) throw new OpsError('UNSAFE', 'the statement writes');
      const all = answer?.rows ?? [[1]];
      return {
        columns: answer?.columns ?? ['one'],
        rows: all.slice(0, rows),
        more: all.length > rows,
        ms: 1,
        superuser: false,
      };
    },
    close: async () => undefined,
  };
}
