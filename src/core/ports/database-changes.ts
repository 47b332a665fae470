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

/** How changes of a database are verified. The `database` is named as configured. */
export interface DatabaseChecks {
  /** True once that very query does not run any more; its transaction may still be open. */
  isCancelled(database: string, query: RunningQuery): Promise<boolean>;
  /** True once that query and its transaction are over or have failed: the session is gone, idle, or busy with something else. */
  isOver(database: string, query: RunningQuery): Promise<boolean>;
  /** True once the session is gone. */
  isGone(database: string, query: RunningQuery): Promise<boolean>;
  /** What the session does now, for people. */
  sessionState(database: string, query: RunningQuery): Promise<{ state: string }>;
  /** True when no session waits for a lock of any of these. */
  holdUpNobody(database: string, pids: number[]): Promise<boolean>;
  /** True when it accepts connections and answers; false while it does not, whatever the reason. */
  answers(database: string): Promise<boolean>;
  /** True when the server's configuration says so; it holds after the next start. `null`: nothing was set by a command. */
  hasConnectionLimit(database: string, connections: number | null): Promise<boolean>;
}

/** Each call does nothing where what it asks for is already so. */
export interface DatabaseWriter extends DatabaseReader {
  /** Asks the session to cancel that very query, if it still runs. @throws REJECTED without the right to */
  cancel(database: string, query: RunningQuery): Promise<void>;
  /** Ends the session, unless that query and its transaction are over. @throws REJECTED without the right to */
  terminate(database: string, query: RunningQuery): Promise<void>;
  /** Ends the session, whatever it does now. @throws REJECTED without the right to */
  disconnect(database: string, query: RunningQuery): Promise<void>;
  /** ANALYZE of one table, in `ms` at most. @throws NOT_FOUND; TIMED_OUT also where its lock is not had within 2 s */
  analyze(database: string, table: { schema: string; name: string }, ms: number): Promise<void>;
  /** Writes all that is dirty to disk, so that a stop is quick. */
  checkpoint(database: string): Promise<void>;
  /** Sets max_connections for the next start; `null` takes back what a command has set. @throws REJECTED without the right to */
  setConnectionLimit(database: string, connections: number | null): Promise<void>;
}
