/** How a part of a database is asked for, and what its rows are. */
import type { DatabaseServer } from '../../../core/ports/database.ts';
import type { Row } from '../row.ts';

/** A part that this server or role cannot tell, and what would mend that. */
export interface Skipped {
  skipped: string;
  fix: string[];
}

export interface Part<T> {
  /**
   * One statement, by the server's version. It touches no user's table, so that no lock on one is waited for; numbers
   * are cast to float8 or int4, which the driver gives as numbers.
   */
  sql: (server: DatabaseServer) => string | Skipped;
  /** What its rows are. */
  read: (rows: readonly Row[], server: DatabaseServer) => T | Skipped;
}

export const isSkipped = (found: unknown): found is Skipped =>
  typeof found === 'object' && found !== null && 'skipped' in found;
