/** What a PostgreSQL server tells of itself, part by part: what the `db` commands are made of. */

/** A session of a client. What this role may not see is absent, never empty. */
export interface Session {
  pid: number;
  /** When it connected, ISO: with the pid it is this very session, for process ids are used again. */
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
  /** When its query began, ISO: names that very query. */
  queryStartedAt?: string;
  /** Cut to 500 characters, passwords masked. */
  query?: string;
  /** Sessions that it waits for; empty when it waits for none. */
  blockedBy: number[];
  /** It may do what ordinary roles may not: superuser or replication. */
  privileged: boolean;
}

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
  /** Sessions that have to end their transactions first; empty where it is granted. */
  blockedBy: number[];
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

/** A table, or a materialized view, and what its statistics count. Names are quoted where SQL wants it. */
export interface Table {
  /** `public.orders`. */
  name: string;
  isMaterialized: boolean;
  /** Of the rows themselves, of values kept out of line, of all indexes. */
  bytes: number;
  toastBytes: number;
  indexBytes: number;
  /** A size is the one that the catalog remembers, because to ask for it would have meant to wait for a lock. */
  isEstimated: boolean;
  /** As of the last VACUUM or ANALYZE; absent before. */
  rows?: number;
  liveRows: number;
  deadRows: number;
  /** Since the last ANALYZE. */
  modifiedRows: number;
  sequentialScans: number;
  sequentialRows: number;
  indexScans: number;
  /** Blocks found in shared buffers, and those that were not. */
  hits: number;
  reads: number;
  indexHits: number;
  indexReads: number;
  /** By hand or by autovacuum, ISO; absent where never. */
  vacuumedAt?: string;
  analyzedAt?: string;
  /** Dead rows from which on autovacuum comes. */
  vacuumThreshold: number;
  isAutovacuumed: boolean;
  /** Age of its oldest unfrozen transaction id. */
  xidAge?: number;
}

export interface Tables {
  /** The largest; how many there are, and their bytes together. */
  tables: Table[];
  count: number;
  bytes: number;
}

export interface Index {
  name: string;
  table: string;
  /** `btree`, `gin`, … */
  method: string;
  bytes: number;
  isEstimated: boolean;
  isUnique: boolean;
  isValid: boolean;
  /** It is being built right now. */
  isBuilding: boolean;
  /** A constraint or the replication needs it, whether it is read or not. */
  isNeeded: boolean;
  /** Names of its columns in order. */
  columns: string[];
  /** By key column: operator class, collation and order. */
  kinds: string[];
  /** Its expressions and its predicate, to be compared only. */
  condition: string;
  /** It has neither expressions nor a predicate. */
  isPlain: boolean;
  scans: number;
  /** When it was last used, ISO; from 16 on. */
  usedAt?: string;
}

export interface Indexes {
  /** The largest, and how many there are. */
  indexes: Index[];
  count: number;
  /** Since when scans are counted, ISO; absent where they were never reset. */
  since?: string;
}

/** A database of the server, and what is counted of it. */
export interface DatabaseUse {
  name: string;
  /** The one that the role is connected to. */
  isCurrent: boolean;
  /** Blocks found in shared buffers, and those that were not. */
  hits: number;
  reads: number;
  /** Written by sorts and hashes that found no room in work_mem. */
  tempFiles: number;
  tempBytes: number;
  /** Since when it is counted, ISO; absent where it was never reset. */
  since?: string;
  /** Age of the oldest unfrozen transaction id, and of the oldest multixact id. */
  xidAge: number;
  multixactAge: number;
}

/** A VACUUM that runs. */
export interface Vacuum {
  pid: number;
  table: string;
  /** Such as `scanning heap`; absent where it is hidden from this role. */
  phase?: string;
  /** Share of the table that was scanned. */
  scanned?: number;
  /** How often it went through the indexes; more than once says that its memory is too small. */
  indexRounds?: number;
  isAuto: boolean;
  /** To prevent wraparound: it does not give way to others. */
  isForced: boolean;
  ms?: number;
}

/** Who holds back what VACUUM may remove. */
export interface OldestXmin {
  kind: 'session' | 'replica' | 'slot' | 'prepared transaction';
  /** Application or role, name of the slot, identifier of the prepared transaction. */
  name: string;
  pid?: number;
  state?: string;
  /** How many transactions ago its snapshot was taken. */
  xidAge: number;
  ms?: number;
}

/** How full the pages of a table or index can be, from statistics; of a btree index `table` is whose it is. */
export interface Fill {
  name: string;
  table?: string;
  rows: number;
  pages: number;
  blockSize: number;
  /** Share of a page that is filled by intention. */
  fillFactor: number;
  columns: number;
  /** Columns with statistics; fewer than `columns` where it was never analysed. */
  knownColumns: number;
  /** Mean bytes of a row's values. */
  width: number;
  hasNulls: boolean;
  isReadable: boolean;
}

export interface Sequence {
  name: string;
  /** `smallint`, `integer` or `bigint`; so is `columnType`, the type of the column that takes its values. */
  type: string;
  min: number;
  max: number;
  increment: number;
  cycles: boolean;
  table?: string;
  column?: string;
  columnType?: string;
  isReadable: boolean;
  /** Somebody locks it, so that it was not asked. */
  isLocked: boolean;
  /** Absent before the first use, where it is hidden, and where it was not asked. */
  last?: number;
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
  locks: Locks;
  statements: Statements;
  tables: Tables;
  indexes: Indexes;
  databases: DatabaseUse[];
  vacuums: Vacuum[];
  horizon: OldestXmin[];
  fill: Fill[];
  sequences: Sequence[];
  replication: Replication;
}
export type PartName = keyof DatabaseParts;

/** A part as it was had: whole; left out for a reason that can be mended (`fix` says how); or not observed. */
export type Had<T> =
  { is: 'seen'; value: T } | { is: 'skipped'; reason: string; fix: string[] } | { is: 'unknown'; reason: string };

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
