/** Databases and caches, asked directly. */
import type { CacheChecks } from './cache-changes.ts';
import type { DatabaseChecks } from './database-changes.ts';
import type { CacheLook, CachePart, CacheServer, ScanRequest } from './cache.ts';
import type { DatabaseUse } from './database-storage.ts';
import type { DatabaseLook, PartName, QueryAnswer, QueryBounds, Replication } from './database.ts';

export interface DatabaseReady {
  latencyMs: number;
  version: string;
  inRecovery: boolean;
}

/** A part of the vitals that could not be had, or not wholly. */
export interface HiddenPart {
  part: 'activity' | 'locks' | 'databases' | 'size' | 'replication';
  reason: string;
  /** Whether a privilege is missing: the operator may grant it. Else a lock, a deadline, an old server. */
  forbidden: boolean;
}

/** A transaction that is open. */
export interface OpenTransaction {
  pid: number;
  application: string;
  /** `active`, `idle in transaction`, …; for so long, in ms. */
  state: string;
  stateMs: number;
  ageMs: number;
}

/**
 * How long things have waited and how full things are, in one read-only transaction. A figure that could not be
 * observed is absent, never 0; `hidden` says why.
 */
export interface DatabaseVitals extends DatabaseReady {
  startedAt: string;
  /** The server's clock, ISO. */
  at: string;
  /** The role that asks. */
  role: string;
  /** Slots usable by ordinary roles: max_connections less the reserved ones. */
  connectionLimit: number;
  connections?: number | undefined;
  activeSessions?: number | undefined;
  idleInTransaction?: number | undefined;
  /** The longest that this role may see; null when none is open. */
  longestTransaction?: OpenTransaction | null | undefined;
  /** The one that idles longest; null when none does. */
  longestIdle?: OpenTransaction | null | undefined;
  blockedSessions?: number | undefined;
  longestWaitMs?: number | undefined;
  /** Of the database that is connected to. */
  blocks?: Pick<DatabaseUse, 'name' | 'hits' | 'reads'> | undefined;
  size?: number | undefined;
  /** Age of the oldest unfrozen transaction and multixact id over all databases; wraparound stops writes near 2^31. */
  xidAge?: number | undefined;
  multixactAge?: number | undefined;
  replication?: Replication | undefined;
  hidden: HiddenPart[];
}

export interface DatabaseReader extends DatabaseChecks {
  /** How a connection to the configured database is reached, for people ("tunnel through ecommerce-postgres-prod"). */
  route(name: string): Promise<string>;
  /** @throws UNREACHABLE, TIMED_OUT, AUTH_FAILED, NOT_READY (starting, or no connection slots) */
  ready(name: string): Promise<DatabaseReady>;
  vitals(name: string): Promise<DatabaseVitals>;
  /**
   * Some parts, in one read-only transaction over one connection. A part that cannot be had, or not in time, holds up no
   * other: it says why. No question waits in the queue of a lock on a user's table.
   * @throws as `ready`
   */
  look<P extends PartName>(name: string, parts: readonly P[]): Promise<DatabaseLook<P>>;
  /**
   * One statement, in a read-only transaction that is rolled back.
   * @throws UNSAFE where it writes, USAGE where the server does not understand it, TIMED_OUT; else as `ready`
   */
  query(name: string, sql: string, bounds: QueryBounds): Promise<QueryAnswer>;
}

/** What INFO tells. A field that this server hides or does not have is absent, never 0. */
export interface CacheVitals {
  latencyMs: number;
  product: 'redis' | 'valkey';
  version: string;
  role: string;
  uptimeSeconds?: number | undefined;
  memory?: number | undefined;
  /** Null without a limit. */
  maxMemory?: number | null | undefined;
  evictionPolicy?: string | undefined;
  evictedKeys?: number | undefined;
  /** Commands that were refused since the start, for want of memory and because saves fail; absent before 6.2. */
  refused?: { forMemory: number; forDisk: number } | undefined;
  clients?: number | undefined;
  maxClients?: number | undefined;
  blockedClients?: number | undefined;
  hits?: number | undefined;
  misses?: number | undefined;
  /** INFO leaves out empty databases, so that none told is 0. */
  keys: number;
  /** Of which expire. */
  expiring: number;
  persistence: {
    loading: boolean;
    rdbLastSaveOk?: boolean | undefined;
    rdbLastSaveAt?: string | undefined;
    rdbChanges?: number | undefined;
    aofEnabled?: boolean | undefined;
    aofLastWriteOk?: boolean | undefined;
    aofLastRewriteOk?: boolean | undefined;
  };
}

export interface CacheReader extends CacheChecks {
  route(name: string): Promise<string>;
  /** Round trip in ms. @throws UNREACHABLE, TIMED_OUT, AUTH_FAILED, NOT_READY (loading) */
  ping(name: string): Promise<number>;
  vitals(name: string): Promise<CacheVitals>;
  /** Whether keys of the cache's database are there, in their order; neither their values nor when they were last used is touched. @throws as `ping` */
  exist(name: string, keys: readonly string[]): Promise<boolean[]>;
  /** What answers there. @throws as `ping` */
  server(name: string): Promise<CacheServer>;
  /**
   * Some parts, one after the other over one connection. One that this user or server cannot tell says why and hides no
   * other. `scan` is how keys are looked at, for the part of that name; a signal that is aborted ends it where it is.
   * @throws as `ping`
   */
  look<P extends CachePart>(
    name: string,
    parts: readonly P[],
    scan?: ScanRequest,
    signal?: AbortSignal,
  ): Promise<CacheLook<P>>;
}
