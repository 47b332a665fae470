/** All reports of a database, in the order in which they are shown: what brings a platform down first. */
import { activity } from './activity.ts';
import { bloat } from './bloat.ts';
import { blocking } from './blocking.ts';
import { cacheHit } from './cache-hit.ts';
import { connections } from './connections.ts';
import { indexes } from './indexes.ts';
import { locks } from './locks.ts';
import { replication } from './replication.ts';
import type { Report } from './report.ts';
import { sequences } from './sequences.ts';
import { sizes } from './sizes.ts';
import { slow } from './slow.ts';
import { vacuum } from './vacuum.ts';

export const REPORTS = [
  connections,
  activity,
  blocking,
  locks,
  slow,
  indexes,
  cacheHit,
  sizes,
  vacuum,
  bloat,
  sequences,
  replication,
] as unknown as readonly Report[];
