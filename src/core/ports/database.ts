/** What a PostgreSQL server tells of itself, part by part: what the `db` commands are made of. */
import type {
  DatabaseUse,
  Fill,
  ForeignKey,
  Indexes,
  OldestXmin,
  Sequence,
  Tables,
  Vacuum,
} from './database-storage.ts';
import type { Had } from './had.ts';

/** Sessions in a look at most: those with the oldest transactions, then those that have been idle the longest. */
export const MOST_SESSIONS = 2000;

/** A session of a client. What this role may not see is absent, never empty. */
export interface Session {
  pid: number;
  /** When it connected, ISO, to the microsecond: with the pid it is this very session, for process ids are used again. */
  startedAt: string;
  database: string;
  user: string;
  application: string;
  /** Address of the client; `local` for a unix socket. */
  client: string;
  /** `active`, `idle`, `idle in transaction`, …; absent where it is hidden from this role. */
  state?: string;
  /** What it waits for, such as `Lock: transactionid`; absent when it waits for nothing. */
  wait?: string;
  /** How long its transaction is open, in ms; absent without one. */
  transactionMs?: number;
  /** How long its query has run, or took when it does not run any more, in ms. */
  queryMs?: number;
  /** How long it is in its state, in ms. */
  stateMs?: number;
  /** When its query began, ISO, to the microsecond: names that very query. */
  queryStartedAt?: string;
  /** Cut to 500 characters, passwords masked. */
  query?: string;
  /** Sessions that it waits for, 0 for prepared transactions; empty when it waits for none. */
  blockedBy: number[];
  /** It may do what ordinary roles may not: superuser or replication. */
  privileged: boolean;
}

/** Connections of one application and role to one database. */
export interface ConnectionGroup {
  database: string;
  user: string;
  application: string;
  connections: number;
  active: number;
  idle: number;
  idleInTransaction: number;
  /** Of which this role cannot see what they do. */
  hidden: number;
  /** The session that has been idle the longest, and for how long, in ms; absent where none is seen to be. */
  longestIdle?: { pid: number; ms: number };
}

/** Connections of clients, by whose they are, the most first; `count` is of all. */
export interface Connections {
  groups: ConnectionGroup[];
  count: number;
}

/** Modes of a lock on a relation, the weakest first. */
export const LOCK_MODES = [
  'AccessShareLock',
  'RowShareLock',
  'RowExclusiveLock',
  'ShareUpdateExclusiveLock',
  'ShareLock',
  'ShareRowExclusiveLock',
  'ExclusiveLock',
  'AccessExclusiveLock',
];

/** A lock that is waited for, that a blocker holds, or that keeps others out of a whole relation. */
export interface Lock {
  /** 0 for a prepared transaction, which has no session. */
  pid: number;
  /** Identifier of the prepared transaction that holds it. */
  prepared?: string;
  /** Kind of process where it is no client: `autovacuum worker`, … */
  backend?: string;
  /** `relation`, `transactionid`, `tuple`, `advisory`, … as in pg_locks. */
  kind: string;
  /** What is locked, for people: `public.orders`, `row of public.orders`, `transaction 741`. */
  target: string;
  /** Such as `AccessExclusiveLock`. */
  mode: string;
  granted: boolean;
  /** How long it is waited for, in ms; before PostgreSQL 14 at most that long. Absent where it is granted or hidden. */
  waitMs?: number;
  /**
   * Sessions that have to end their transactions first; empty where it is granted. 0 is a prepared transaction whose
   * identifier could not be told.
   */
  blockedBy: number[];
  /** Identifiers of prepared transactions that have to end first; absent without any. */
  blockedByPrepared?: string[];
}

export interface Locks {
  locks: Lock[];
  /** Entries of the shared lock table that are taken, and how many it has. */
  taken: number;
  capacity: number;
}

/** What pg_stat_statements counted of one statement, constants left out, of one role in one database. */
export interface Statement {
  /** `queryid`, which is a 64 bit number. */
  id: string;
  database: string;
  user: string;
  /** False where it ran inside a function. */
  topLevel: boolean;
  calls: number;
  rows: number;
  totalMs: number;
  meanMs: number;
  maxMs: number;
  /** Time spent reading and writing blocks; 0 without track_io_timing. */
  ioMs: number;
  /** Blocks found in shared buffers, read from outside of them, and written to or read from temporary files. */
  hitBlocks: number;
  readBlocks: number;
  tempBlocks: number;
  /** Cut to 300 characters, passwords masked. */
  query: string;
}

export interface Statements {
  /** Those with the most time in all; other roles' statements only where this role may see them. */
  statements: Statement[];
  /** How many there are, their time together, and the time of those that are hidden from this role. */
  count: number;
  totalMs: number;
  hiddenMs: number;
  /** Since when they are counted, ISO; absent where the server does not tell (before 14). */
  since?: string;
  /** How often room was made by forgetting statements since then. */
  evictions?: number;
  ioTimed: boolean;
}

/** A server or program that reads the log of this one. */
export interface Standby {
  name: string;
  client: string;
  /** `streaming`, `catchup`, …; absent where it is hidden from this role. */
  state?: string;
  /** `async`, `sync`, `quorum`, `potential`. */
  mode?: string;
  /** What it has not replayed yet. */
  lagBytes?: number;
  lagMs?: number;
}

/** A slot, for which the server keeps its log. */
export interface Slot {
  name: string;
  /** Of a logical slot. */
  database?: string;
  kind: 'logical' | 'physical';
  isActive: boolean;
  /** What it needs was removed: it cannot be used any more. */
  isLost: boolean;
  isTemporary: boolean;
  /** Log that is kept for it. */
  retainedBytes?: number;
  /** Log that can still be written before it is lost; absent without max_slot_wal_keep_size. */
  safeBytes?: number;
  /** ISO; from 17 on. */
  inactiveSince?: string;
}

export interface Replication {
  standbys: Standby[];
  slots: Slot[];
  /** Of a replica: how it stands to the server that feeds it. */
  upstream?: { isConnected: boolean; isPaused: boolean; host?: string; lagBytes?: number; lagMs?: number };
}

/** By name: what each part is. A look asks for some of them, in one read-only transaction. */
export interface DatabaseParts {
  sessions: Session[];
  connections: Connections;
  locks: Locks;
  statements: Statements;
  tables: Tables;
  indexes: Indexes;
  /** Those that lack an index. */
  foreignKeys: ForeignKey[];
  databases: DatabaseUse[];
  vacuums: Vacuum[];
  horizon: OldestXmin[];
  fill: Fill[];
  sequences: Sequence[];
  replication: Replication;
}
export type PartName = keyof DatabaseParts;

/** How much one statement may take. */
export interface QueryBounds {
  rows: number;
  ms: number;
}

/** What one statement answers. */
export interface QueryAnswer {
  columns: string[];
  /** Numbers and booleans as such, where a number is exact; all else as the server writes it. */
  rows: (string | number | boolean | null)[][];
  /** There are more rows than were asked for. */
  more: boolean;
  ms: number;
  /** Asked as a superuser, whom nothing keeps from functions with effects. */
  superuser: boolean;
}

/** The server as it was when it was asked. */
export interface DatabaseServer {
  version: string;
  /** Such as 17. */
  major: number;
  inRecovery: boolean;
  startedAt: string;
  /** The server's clock at the beginning of the look, ISO. */
  at: string;
  /** Slots usable by ordinary roles: max_connections less the reserved ones. */
  connectionLimit: number;
  /** The role that asks, and the database that it is connected to. */
  role: string;
  database: string;
  /** pg_stat_statements where it is created in this database. */
  statements?: {
    schema: string;
    version: string;
    /** It was preloaded, so that it counts. */
    isLoaded: boolean;
    /** The role may use its schema. */
    isUsable: boolean;
  };
}

/** What a look found. */
export interface DatabaseLook<P extends PartName = PartName> {
  server: DatabaseServer;
  parts: { [K in P]: Had<DatabaseParts[K]> };
  latencyMs: number;
}
