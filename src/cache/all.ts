/** All reports of a cache, in the order in which they are shown: what brings a platform down first. */
import { clients } from './clients.ts';
import { hitRatio } from './hit-ratio.ts';
import { hot } from './hot.ts';
import { keys } from './keys.ts';
import { latency } from './latency.ts';
import { memory } from './memory.ts';
import { persistence } from './persistence.ts';
import type { Report } from './report.ts';
import { slowlog } from './slowlog.ts';
import { ttl } from './ttl.ts';

export const REPORTS = [
  memory,
  clients,
  latency,
  slowlog,
  persistence,
  hitRatio,
  keys,
  ttl,
  hot,
] as unknown as readonly Report[];
