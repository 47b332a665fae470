/** How much of what is read is found. */
import * as z from 'zod';

import { readsFound } from '../checks/cache-facts.ts';
import { duration, percent } from '../core/format.ts';
import type { CacheTraffic } from '../core/ports/cache.ts';
import { leading, type Verdict, verdict } from '../core/verdict.ts';
import type { Report, Seat } from './report.ts';

const rowSchema = z
  .object({
    hits: z.number(),
    misses: z.number(),
    hitRatio: z.number().nullable().describe('null before any read'),
    evicted: z.number().describe('keys that had to make room'),
    expired: z.number(),
    commands: z.number(),
    ms: z.number().nullable().describe('over which it is counted; null where that is not told'),
  })
  .meta({ id: 'CacheHits' });
export type HitsRow = z.infer<typeof rowSchema>;

/** The report; `window` in ms where it is about an interval instead of all that was counted. */
export const hitRatioIn = (window?: number): Report<'traffic', HitsRow> => ({
  name: 'hit-ratio',
  parts: ['traffic'],
  row: rowSchema,
  judge: ({ traffic }, seat) => {
    const { hits, misses } = traffic;
    const ms = window ?? seat.server.uptimeMs ?? null;
    const hitRatio = hits + misses === 0 ? null : hits / (hits + misses);
    return {
      findings: [{ about: '', ...ratio(traffic, seat, window) }, ...evictions(traffic, window)],
      rows: [{ ...traffic, hitRatio, ms }],
      notes:
        window === undefined ? ['counted since the start, or since CONFIG RESETSTAT: --interval 10s tells now'] : [],
    };
  },
  columns: ['HITS', 'MISSES', 'RATIO', 'EVICTED', 'EXPIRED', 'COMMANDS', 'IN'].map((title) => ({
    title,
    align: 'right',
  })),
  cells: ({ hits, misses, hitRatio: share, evicted, expired, commands, ms }) => [
    ...[hits, misses].map(String),
    share === null ? '-' : percent(share),
    ...[evicted, expired, commands].map(String),
    ms === null ? '-' : duration(ms),
  ],
});

export const hitRatio = hitRatioIn();

const ratio = (traffic: CacheTraffic, { limits }: Seat, window: number | undefined): Verdict =>
  leading(readsFound(traffic, limits, window === undefined ? undefined : `in ${duration(window)}`), [
    'opsctl cache memory',
    'opsctl cache ttl',
    'opsctl cache keys --by prefix',
  ]);

/** Since the start, that is a matter of memory; now, it is what costs hits. */
function evictions({ evicted }: CacheTraffic, window: number | undefined): (Verdict & { about: string })[] {
  if (window === undefined || evicted === 0) return [];
  return [
    {
      about: 'evictions',
      ...verdict.warn(
        `${(evicted / (window / 1000)).toFixed(1)} keys a second are evicted to make room`,
        ['opsctl cache memory', 'opsctl cache keys --by prefix'],
        { value: evicted, unit: 'keys' },
      ),
    },
  ];
}

/** What was counted between two looks; what went down was reset in between. */
export function between(before: CacheTraffic, after: CacheTraffic): CacheTraffic {
  const less = (name: keyof CacheTraffic): number =>
    after[name] < before[name] ? after[name] : after[name] - before[name];
  return {
    hits: less('hits'),
    misses: less('misses'),
    evicted: less('evicted'),
    expired: less('expired'),
    commands: less('commands'),
  };
}
