/** What changes a cache, and how it is seen to be done. */
import type { CacheReader } from './data.ts';

/** Which keys of a cache go: those that match a pattern (in one database, or in all), a database whole, or all there are. */
export type Flushed = { pattern: string; database?: number } | { database: number } | { all: true };

/** What changes of a cache go by, and how they are verified. The `cache` is named as configured. */
export interface CacheChecks {
  /** True when it answers and has its data loaded; false while it does not, whatever the reason. */
  answers(cache: string): Promise<boolean>;
  /** True when its keys outlive a restart: by snapshots or the append-only file; undefined where its settings may not be read. */
  keepsKeys(cache: string): Promise<boolean | undefined>;
  /** True when its limit of memory is that many bytes; 0 is none. */
  hasMemoryLimit(cache: string, bytes: number): Promise<boolean>;
}

/** Each call does nothing where what it asks for is already so. */
export interface CacheWriter extends CacheReader {
  /** Sets maxmemory of the running server; 0 is no limit. @throws REJECTED without the right to */
  setMemoryLimit(cache: string, bytes: number): Promise<void>;
  /** Writes the settings of the running server into its configuration file. @throws REJECTED where it has none, or may not */
  keepSettings(cache: string): Promise<void>;
  /**
   * Removes keys; their memory is freed in the background. A pattern is scanned for, in small pieces with pauses, for `ms` at
   * most. @returns what was removed, in words @throws TIMED_OUT where that was not all; doing it again goes on
   */
  flush(cache: string, what: Flushed, ms: number): Promise<string>;
}
