/** What changes a cache, and how it is seen to be done. */
import type { CacheReader } from './data.ts';

/** Which keys of a cache go: all of one database, or of all of them; with a pattern, those of them that match it. */
export interface Flushed {
  pattern?: string;
  database: number | 'all';
}

/** What changes of a cache go by, and how they are verified. The `cache` is named as configured. */
export interface CacheChecks {
  /** True when it answers and has its data loaded; false while it does not, whatever the reason. */
  answers(cache: string): Promise<boolean>;
  /** True when its limit of memory is that many bytes; 0 is none. */
  hasMemoryLimit(cache: string, bytes: number): Promise<boolean>;
  /**
   * True when `flush` had the answers to all that it asked in this run: what is there again was written since. Else only when
   * nothing of it is there. @throws UNSAFE where keys that match a pattern are left, for nobody removes them any more
   */
  isFlushed(cache: string, what: Flushed): Promise<boolean>;
}

/** Each call does nothing where what it asks for is already so. */
export interface CacheWriter extends CacheReader {
  /** Sets maxmemory of the running server; 0 is no limit. @throws REJECTED without the right to */
  setMemoryLimit(cache: string, bytes: number): Promise<void>;
  /** Writes the settings of the running server into its configuration file. @throws REJECTED where it has none, or may not */
  keepSettings(cache: string): Promise<void>;
  /**
   * Removes keys; their memory is freed in the background. A pattern is scanned for, in small pieces with pauses, for `ms` at
   * most, until a signal is aborted. @returns what was removed, in words @throws TIMED_OUT, INTERRUPTED where that was not
   * all, telling how many are gone; doing it again goes on
   */
  flush(cache: string, what: Flushed, ms: number, signal?: AbortSignal): Promise<string>;
}
