/** How a part of a cache is asked for. */
import type { CacheServer } from '../../../core/ports/cache.ts';
import type { Connection } from '../connect.ts';
import type { Info } from '../info.ts';

/** What a part asks with. */
export interface Seat {
  connection: Connection;
  server: CacheServer;
  /** INFO, read once a look. @throws REJECTED where this user may not */
  info(): Promise<Info>;
}

/** A part, read. @throws REJECTED where the user may not ask for it, or the server does not know it */
export type Part<T> = (seat: Seat) => Promise<T>;
