/** What changes a database, and how it is seen to be done. */
import type { DatabaseReader } from './data.ts';

/** One query of one session, or what it left open: process ids are used again, and a session goes on to its next query. */
export interface RunningQuery {
  pid: number;
  /** Times as `Session` has them, to the microsecond. */
  startedAt: string;
  /** Null for a session that has not asked anything yet. */
  queryStartedAt: string | null;
}

/** A table by its two names, as they are stored: nothing is quoted. */
export interface TableName {
  schema: string;
  name: string;
}

/** Where and how max_connections is set now. */
export interface ConnectionLimit {
  /** What the running server has. */
  running: number;
  /** What its files give it at its next start: what it runs with may be from before they were changed. */
  next: number;
  /** What a command (ALTER SYSTEM) has set for the next start; null for none. */
  set: number | null;
  /** Slots kept for superusers and the like, from the next start on. */
  reserved: number;
  /** Connections of clients now, our own left out. */
  used: number;
  /** `command line` where the server is started with it, which no file outdoes. */
  source: string;
  standbys: number;
  inRecovery: boolean;
  /** In bytes; the latter is what one sort or hash may take. */
  sharedBuffers: number;
  workMemory: number;
  /** The file that ALTER SYSTEM writes; without its directory where this role may not know that. */
  file: string;
}

/** How changes of a database are verified. The `database` is named as configured. */
export interface DatabaseChecks {
  /** True once that very query does not run any more; its transaction may still be open. */
  isCancelled(database: string, query: RunningQuery): Promise<boolean>;
  /** True once that query and its transaction are over and hold no lock any more: the session is gone, idle, or busy with something else. */
  isOver(database: string, query: RunningQuery): Promise<boolean>;
  /** True once no session idles behind that query: it is gone, or has gone on to something else. */
  hasMovedOn(database: string, query: RunningQuery): Promise<boolean>;
  /** What the session does now, for people. */
  sessionState(database: string, query: RunningQuery): Promise<{ state: string }>;
  /** True when no session waits for a lock of any of these. */
  holdUpNobody(database: string, pids: number[]): Promise<boolean>;
  /** True when it accepts connections and answers; false while it does not, whatever the reason. */
  answers(database: string): Promise<boolean>;
  /** True once the table, or all partitions of it, were analyzed by somebody after that time; null: at all. */
  isAnalyzed(database: string, table: TableName, since: string | null): Promise<boolean>;
  /** @throws REJECTED without the right to see what the files say */
  connectionLimit(database: string): Promise<ConnectionLimit>;
  /** True when the server's configuration says so; it holds after the next start. `null`: nothing was set by a command. */
  hasConnectionLimit(database: string, connections: number | null): Promise<boolean>;
}

/** Each call does nothing where what it asks for is already so. */
export interface DatabaseWriter extends DatabaseReader {
  /** Asks the session to cancel that very query, if it still runs. @throws REJECTED without the right to */
  cancel(database: string, query: RunningQuery): Promise<void>;
  /** Ends the session, unless that query and its transaction are over and hold nothing any more. @throws REJECTED without the right to */
  terminate(database: string, query: RunningQuery): Promise<void>;
  /** Ends the session while it idles behind that query; one that has gone on is left alone. @throws REJECTED without the right to */
  disconnect(database: string, query: RunningQuery): Promise<void>;
  /** ANALYZE of one table, in `ms` at most. @throws REJECTED without the right to; TIMED_OUT also where its lock is not had within 2 s */
  analyze(database: string, table: TableName, ms: number): Promise<void>;
  /** Writes all that is dirty to disk, so that a stop is quick. */
  checkpoint(database: string): Promise<void>;
  /** Sets max_connections for the next start; `null` takes back what a command has set. @throws REJECTED without the right to */
  setConnectionLimit(database: string, connections: number | null): Promise<void>;
}
