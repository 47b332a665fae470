/** The commands of the cache. */
import type { Entry } from '../index.ts';

export const cache: readonly Entry[] = [
  {
    name: 'cache report',
    summary: 'All that can be told of the cache at once: a verdict for each report, findings by severity',
    group: 'look',
    load: () => import('./report.ts'),
  },
  {
    name: 'cache ping',
    summary: 'Does the cache answer? If not, which of the reasons is it',
    group: 'look',
    load: () => import('./ping.ts'),
  },
  {
    name: 'cache memory',
    summary: 'What the memory of the cache is used for, how near its limit it is, what is wasted',
    group: 'look',
    load: () => import('./memory.ts'),
  },
  {
    name: 'cache clients',
    summary: 'Who is connected to the cache, from where, and who holds memory or slows it',
    group: 'look',
    load: () => import('./clients.ts'),
  },
  {
    name: 'cache latency',
    summary: 'How long the cache takes to answer, what stopped it, which commands take its time',
    group: 'look',
    load: () => import('./latency.ts'),
  },
  {
    name: 'cache slowlog',
    summary: 'Commands of the cache that took long: all others waited meanwhile',
    group: 'look',
    load: () => import('./slowlog.ts'),
  },
  {
    name: 'cache persistence',
    summary: 'Does what the cache holds get to disk, and what do saves cost',
    group: 'look',
    load: () => import('./persistence.ts'),
  },
  {
    name: 'cache hit-ratio',
    summary: 'How much of what is read from the cache is found there',
    group: 'look',
    load: () => import('./hit-ratio.ts'),
  },
  {
    name: 'cache keys',
    summary: 'Which keys of the cache take the memory, alone or by the form of their names',
    group: 'look',
    load: () => import('./keys.ts'),
  },
  {
    name: 'cache ttl',
    summary: 'When the keys of the cache expire, and which never do',
    group: 'look',
    load: () => import('./ttl.ts'),
  },
  {
    name: 'cache hot',
    summary: 'Which keys of the cache are used most, as far as it counts that',
    group: 'look',
    load: () => import('./hot.ts'),
  },
  {
    name: 'cache flush',
    summary: 'Remove keys from the cache: by pattern, one database, or all',
    group: 'change',
    load: () => import('./flush.ts'),
  },
  {
    name: 'cache warm',
    summary: 'Fill the cache by asking for the configured URLs',
    group: 'change',
    load: () => import('./warm.ts'),
  },
  {
    name: 'cache set-memory',
    summary: 'Set how much memory the cache may use for its keys (maxmemory)',
    group: 'change',
    load: () => import('./set-memory.ts'),
  },
  {
    name: 'cache restart',
    summary: 'Restart the cache, and wait until it has its data and the services are healthy again',
    group: 'change',
    load: () => import('./restart.ts'),
  },
];
