/** When keys expire, and which never do. */
import * as z from 'zod';

import { duration, percent, plural } from '../core/format.ts';
import type { KeyGroup, KeyScan } from '../core/ports/cache.ts';
import { against, type Verdict, verdict } from '../core/verdict.ts';
import type { Report, Seat } from './report.ts';
import { goOn, isPart, lacking, scanNotes } from './scan.ts';

const rowSchema = z
  .object({
    fromMs: z.number().nullable().describe('null: never'),
    withinMs: z.number().nullable().describe('null: later than fromMs, or never'),
    keys: z.number(),
    share: z.number().describe('of the keys looked at'),
  })
  .meta({ id: 'CacheExpiry' });
export type ExpiryRow = z.infer<typeof rowSchema>;

/** Groups that are named: with this share of the keys that never expire. */
const MUCH = 0.1;

export const ttl: Report<'scan', ExpiryRow> = {
  name: 'ttl',
  parts: ['scan'],
  row: rowSchema,
  judge: ({ scan }, seat) => {
    const missing = lacking(scan, 'expiry');
    if (missing !== undefined) return { findings: [{ about: '', ...missing }], rows: [] };
    const summed = summary(scan, seat);
    return {
      findings: [
        { about: '', ...summed },
        ...(summed.status === 'ok' ? [] : scan.groups.flatMap((group) => lasting(group, scan))),
      ],
      rows: rowsOf(scan),
      notes: scanNotes(scan, seat.server),
    };
  },
  columns: [{ title: 'EXPIRES IN' }, { title: 'KEYS', align: 'right' }, { title: 'SHARE', align: 'right' }],
  cells: ({ fromMs, withinMs, keys, share }) => [
    fromMs === null
      ? 'never'
      : withinMs === null
        ? `${duration(fromMs)} or more`
        : fromMs === 0
          ? `less than ${duration(withinMs)}`
          : `${duration(fromMs)} to ${duration(withinMs)}`,
    keys.toString(),
    percent(share),
  ],
};

function summary(scan: KeyScan, { server: { policy }, limits }: Seat): Verdict {
  if (scan.scanned === 0) return verdict.ok('there are no keys');
  const share = scan.lasting / scan.scanned;
  const { status, threshold } = against(share, limits.keysWithoutExpiry);
  const reason = `${percent(share)} of ${plural(scan.scanned, 'key')}${isPart(scan) ? ' looked at' : ''} never expire`;
  const measured = { value: Math.round(share * 10_000) / 10_000, unit: 'share', threshold };
  const evicts = policy?.startsWith('allkeys-') === true;
  const next = goOn(scan, 'opsctl cache ttl');
  if (status === 'ok' || evicts)
    return {
      ...verdict.ok(
        evicts && status !== 'ok' ? `${reason}; ${policy} evicts them when room is needed` : reason,
        measured,
      ),
      next,
    };
  // Some caches are databases and mean it: never critical by itself.
  return verdict.warn(
    `${reason}, and ${policy === undefined ? 'whether they are evicted is not told' : `${policy} never evicts them`}: they stay until somebody deletes them`,
    ['opsctl cache keys --by prefix', 'opsctl cache memory', ...next],
    measured,
  );
}

function lasting({ form, keys, expiring }: KeyGroup, scan: KeyScan): (Verdict & { about: string })[] {
  const count = keys - expiring;
  if (count / Math.max(1, scan.lasting) < MUCH) return [];
  return [
    {
      about: form,
      ...verdict.warn(
        expiring === 0
          ? `none of ${plural(keys, 'key')} expires`
          : `${count.toString()} of ${plural(keys, 'key')} do not expire`,
        [],
        { value: count, unit: 'keys' },
      ),
    },
  ];
}

function rowsOf({ expiring, lasting: never, scanned }: KeyScan): ExpiryRow[] {
  const share = (keys: number): number => (scanned === 0 ? 0 : keys / scanned);
  return [
    ...expiring.map(({ withinMs, keys }, index) => ({
      fromMs: expiring[index - 1]?.withinMs ?? 0,
      withinMs,
      keys,
      share: share(keys),
    })),
    { fromMs: null, withinMs: null, keys: never, share: share(never) },
  ];
}
