/** Which keys are used most, as far as the server counts it. */
import * as z from 'zod';

import { bytes, plural } from '../core/format.ts';
import type { Key } from '../core/ports/cache.ts';
import { against, type Verdict, worst } from '../core/verdict.ts';
import type { Report, Seat } from './report.ts';
import { bytesText, goOn, isPart, lacking, lookInto, scanNotes } from './scan.ts';

const rowSchema = z
  .object({
    name: z.string(),
    database: z.number(),
    type: z.string().nullable(),
    heat: z.number().describe('0 to 255, grows with the logarithm of its use and falls when it is not used'),
    bytes: z.number().nullable(),
    elements: z.number().nullable(),
  })
  .meta({ id: 'CacheHotKey' });
export type HotRow = z.infer<typeof rowSchema>;

/** The counter after some 100,000 uses with the default lfu-log-factor of 10 (redis.conf has the table). */
const HOT = 142;
const SHOWN = 25;

export const hot: Report<'scan', HotRow> = {
  name: 'hot',
  parts: ['scan'],
  row: rowSchema,
  judge: ({ scan }, seat) => {
    const missing = lacking(scan, 'heat');
    if (missing !== undefined) return { findings: [{ about: '', ...missing }], rows: [] };
    const found = scan.byHeat.filter(({ heat = 0 }) => heat >= HOT);
    const large = found.flatMap((key) => hotAndBig(key, seat));
    const reason = `${found.length === 0 ? 'no key' : plural(found.length, 'key')} used 100,000 times or more of late${isPart(scan) ? ', among those looked at' : ''}`;
    const status = worst(large.map((one) => one.status));
    return {
      findings: [
        { about: '', status, reason, value: found.length, unit: 'keys', next: goOn(scan, 'opsctl cache hot') },
        ...large,
      ],
      rows: scan.byHeat.slice(0, SHOWN).map(rowOf),
      notes: scanNotes(scan, seat.server),
    };
  },
  columns: [
    { title: 'KEY', flexible: true },
    { title: 'TYPE' },
    { title: 'HEAT', align: 'right' },
    { title: 'BYTES', align: 'right' },
    { title: 'ELEMENTS', align: 'right' },
  ],
  cells: (row) => [
    `${row.database === 0 ? '' : `${row.database.toString()}/`}${row.name}`,
    row.type ?? '-',
    row.heat.toString(),
    bytesText(row.bytes),
    row.elements?.toString() ?? '-',
  ],
};

/** A key that is large and used all the time fills the network and the server's one thread. */
function hotAndBig(key: Key, { limits }: Seat): (Verdict & { about: string })[] {
  const size = against(key.bytes ?? 0, limits.keyBytes);
  if (size.status === 'ok') return [];
  return [
    {
      about: key.name,
      status: size.status,
      reason: `${key.type ?? 'a key'} of ${bytes(key.bytes ?? 0)}, used all the time: each use may send all of it`,
      value: key.bytes ?? 0,
      unit: 'bytes',
      threshold: size.threshold,
      next: [...lookInto(key), 'opsctl cache slowlog'],
    },
  ];
}

const rowOf = ({ name, database, type, heat, bytes: size, elements }: Key): HotRow => ({
  name,
  database,
  type: type ?? null,
  heat: heat ?? 0,
  bytes: size ?? null,
  elements: elements ?? null,
});
