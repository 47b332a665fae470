/** Which keys, and which kinds of keys, take the memory. */
import * as z from 'zod';

import { bytes, percent, plural } from '../core/format.ts';
import type { Key, KeyGroup, KeyScan } from '../core/ports/cache.ts';
import { against, type Verdict, verdict, worst } from '../core/verdict.ts';
import type { Report, Seat } from './report.ts';
import { type Asks, bytesText, expiryText, goOn, isPart, lacking, lookInto, scanNotes } from './scan.ts';

const rowSchema = z
  .object({
    name: z.string().describe('of the key, or the form of a group: session:*'),
    keys: z.number().describe('1, or how many are in the group'),
    database: z.number().nullable().describe('null for a group'),
    type: z.string().nullable(),
    bytes: z.number().nullable().describe('reckoned from five elements of a collection'),
    elements: z.number().nullable().describe('members, fields or entries; null for a string'),
    expiresMs: z.number().nullable().optional().describe('null: never; absent where it was not asked'),
    expiring: z.number().nullable().describe('of a group: keys that expire'),
  })
  .meta({ id: 'CacheKey' });
export type KeyRow = z.infer<typeof rowSchema>;

export const ORDERS = ['bytes', 'elements', 'prefix'] as const;
export type Order = (typeof ORDERS)[number];

/** What an order needs to know of each key; of the few that are shown the rest is asked at the end. */
export const ASKS: Record<Order, Asks> = {
  bytes: { facts: ['bytes'], groups: false },
  elements: { facts: ['elements'], groups: false },
  prefix: { facts: ['bytes', 'expiry'], groups: true },
};

const SHOWN = 25;

export const keysBy = (by: Order): Report<'scan', KeyRow> => ({
  name: 'keys',
  parts: ['scan'],
  row: rowSchema,
  judge: ({ scan }, seat) => {
    const missing = lacking(scan, by === 'elements' ? 'elements' : 'bytes');
    const notes = scanNotes(scan, seat.server);
    if (missing !== undefined) return { findings: [{ about: '', ...missing }], rows: [], notes };
    const largest = by === 'elements' ? scan.byElements : scan.byBytes;
    const big = largest.flatMap((key) => bigKey(key, seat));
    return {
      findings: [{ about: '', ...summary(scan, by, big) }, ...big],
      rows: by === 'prefix' ? scan.groups.slice(0, SHOWN).map(groupRow) : largest.slice(0, SHOWN).map(keyRow),
      notes:
        by === 'prefix' && scan.groupCount > SHOWN
          ? [`the largest ${SHOWN.toString()} of ${plural(scan.groupCount, 'form')} of names`, ...notes]
          : notes,
    };
  },
  columns:
    by === 'prefix'
      ? [
          { title: 'NAMES', flexible: true },
          { title: 'KEYS', align: 'right' },
          { title: 'BYTES', align: 'right' },
          { title: 'EXPIRING', align: 'right' },
        ]
      : [
          { title: 'KEY', flexible: true },
          { title: 'TYPE' },
          { title: 'BYTES', align: 'right' },
          { title: 'ELEMENTS', align: 'right' },
          { title: 'EXPIRES IN', align: 'right' },
        ],
  cells: (row) =>
    by === 'prefix'
      ? [row.name, row.keys.toString(), bytesText(row.bytes), percent((row.expiring ?? 0) / row.keys)]
      : [
          `${row.database === 0 || row.database === null ? '' : `${row.database.toString()}/`}${row.name}`,
          row.type ?? '-',
          bytesText(row.bytes),
          row.elements?.toString() ?? '-',
          expiryText(row.expiresMs),
        ],
});

export const keys = keysBy('bytes');

function summary(scan: KeyScan, by: Order, big: readonly Verdict[]): Verdict {
  const { scanned, groups, byBytes, byElements } = scan;
  if (scanned === 0) return verdict.ok('there are no keys');
  const found = `${big.length === 0 ? 'no key is' : `${plural(big.length, 'key')} ${big.length === 1 ? 'is' : 'are'}`} too big`;
  const [first, [largest]] = [groups[0], by === 'elements' ? byElements : byBytes];
  const most =
    by === 'prefix' && first !== undefined
      ? `${percent(first.bytes / Math.max(1, scan.bytes))} of the bytes are in ${plural(first.keys, 'key')} ${first.form}`
      : largest === undefined
        ? ''
        : `the largest has ${by === 'elements' ? plural(largest.elements ?? 0, 'element') : bytes(largest.bytes ?? 0)}`;
  return {
    status: worst(big.map(({ status }) => status)),
    reason: `${found}${isPart(scan) ? ' among those looked at' : ''}${most === '' ? '' : `; ${most}`}`,
    value: big.length,
    unit: 'keys',
    next: goOn(scan, by === 'bytes' ? 'opsctl cache keys' : `opsctl cache keys --by ${by}`),
  };
}

/** One key that takes long to send, to free or to save, and on which everything else waits meanwhile. */
function bigKey(key: Key, { limits }: Seat): (Verdict & { about: string })[] {
  const size = against(key.bytes ?? 0, limits.keyBytes);
  const count = against(key.elements ?? 0, limits.keyElements);
  const status = worst([size.status, count.status]);
  if (status === 'ok') return [];
  const bySize = size.status === status;
  return [
    {
      about: key.name,
      status,
      reason: [
        ...(key.type === undefined ? [] : [key.type]),
        ...(key.bytes === undefined ? [] : [bytes(key.bytes)]),
        ...(key.elements === undefined ? [] : [plural(key.elements, 'element')]),
        ...(key.expiresMs === null ? ['never expires'] : []),
      ].join(', '),
      value: bySize ? (key.bytes ?? 0) : (key.elements ?? 0),
      unit: bySize ? 'bytes' : 'elements',
      threshold: bySize ? size.threshold : count.threshold,
      next: lookInto(key),
    },
  ];
}

const keyRow = ({ name, database, type, bytes: size, elements, expiresMs }: Key): KeyRow => ({
  name,
  keys: 1,
  database,
  type: type ?? null,
  bytes: size ?? null,
  elements: elements ?? null,
  ...(expiresMs === undefined ? {} : { expiresMs }),
  expiring: null,
});

const groupRow = ({ form, keys: count, bytes: size, elements, expiring }: KeyGroup): KeyRow => ({
  name: form,
  keys: count,
  database: null,
  type: null,
  bytes: size,
  elements,
  expiring,
});
