/** How much larger tables and indexes are than their rows need: an estimate from statistics, which reads no page. */
import * as z from 'zod';

import { bytes, localTime, percent, plural } from '../core/format.ts';
import type { Fill } from '../core/ports/database-storage.ts';
import { shellWord } from '../core/shell.ts';
import { sqlStatement } from '../core/suggestion.ts';
import { against, type Verdict, worst } from '../core/verdict.ts';
import type { Report, Seat } from './report.ts';

const rowSchema = z
  .object({
    name: z.string(),
    table: z.string().nullable().describe('whose index it is; null for a table'),
    bytes: z.number().describe('of a locked one, as of the last VACUUM or ANALYZE'),
    expectedBytes: z.number().describe('what its rows need: an estimate'),
    bloatBytes: z.number(),
    ratio: z.number().describe('times the size that its rows need'),
  })
  .meta({ id: 'DatabaseBloat' });
export type BloatRow = z.infer<typeof rowSchema>;

/** Less is not worth the work, whatever the ratio. */
const WORTH = 10 * 1024 * 1024;
const SHOWN = 25;

export const bloat: Report<'fill', BloatRow> = {
  name: 'bloat',
  parts: ['fill'],
  row: rowSchema,
  judge: ({ fill }, seat) => {
    const known = fill.filter(isKnown);
    const left = fill.filter((one) => !isKnown(one));
    const rows = known.map(rowOf).toSorted((a, b) => b.bloatBytes - a.bloatBytes);
    const bad = rows.flatMap((row) => bloatFinding(row, seat));
    const all = rows.reduce((sum, one) => sum + one.bytes, 0);
    const wasted = rows.reduce((sum, one) => sum + one.bloatBytes, 0);
    const status = worst(bad.map((one) => one.status));
    const reason = `about ${bytes(wasted)} of ${bytes(all)} (${percent(all === 0 ? 0 : wasted / all)}) may be bloat; ${bad.length === 0 ? 'nothing' : plural(bad.length, 'table or index', 'tables or indexes')} ${seat.limits.bloat.warn.toString()} times as large as its rows need`;
    const measured = { value: wasted, unit: 'bytes' };
    const unreadable = left.filter(({ isReadable, table }) => !isReadable && table === undefined).length;
    const unanalysed = left.filter(({ isReadable }) => isReadable).length;
    return {
      findings: [{ about: '', status, reason, ...measured, next: [] }, ...bad],
      rows: rows.filter(({ bloatBytes }) => bloatBytes > 0).slice(0, SHOWN),
      notes: [
        `an estimate from column widths, as good as the last ANALYZE${analysed(known)}; pgstattuple measures, and reads every page`,
        ...(unreadable === 0
          ? []
          : [
              `${plural(unreadable, 'table')} that ${seat.server.role} may not read ${unreadable === 1 ? 'is' : 'are'} left out`,
            ]),
        ...(unanalysed === 0
          ? []
          : [`${plural(unanalysed, 'table or index', 'tables or indexes')} without statistics left out: ANALYZE`]),
      ],
    };
  },
  columns: [
    { title: 'TABLE OR INDEX', flexible: true },
    { title: 'SIZE', align: 'right' },
    { title: 'NEEDED', align: 'right' },
    { title: 'BLOAT', align: 'right' },
    { title: 'TIMES', align: 'right' },
  ],
  cells: (row) => [
    row.name,
    bytes(row.bytes),
    `~${bytes(row.expectedBytes)}`,
    `~${bytes(row.bloatBytes)}`,
    row.ratio.toFixed(1),
  ],
};

/** What has no rows needs no widths: a table that was emptied is known, though ANALYZE had nothing to look at. */
const isKnown = ({ rows, columns, knownColumns }: Fill): boolean =>
  rows === 0 || (rows !== undefined && columns > 0 && knownColumns === columns);

/** When ANALYZE came to the tables: the first and the last of them. */
function analysed(known: readonly Fill[]): string {
  const times = known.flatMap(({ analyzedAt }) => analyzedAt ?? []).toSorted();
  const [first, last] = [times[0], times.at(-1)];
  if (first === undefined || last === undefined) return '';
  return first === last ? `, ${localTime(last)}` : `, from ${localTime(first)} to ${localTime(last)}`;
}

function bloatFinding(row: BloatRow, { limits }: Seat): (Verdict & { about: string })[] {
  if (row.bloatBytes < WORTH) return [];
  const { status, threshold } = against(row.ratio, limits.bloat);
  if (status === 'ok') return [];
  return [
    {
      about: row.name,
      status,
      reason: `about ${bytes(row.bloatBytes)} of ${bytes(row.bytes)} is empty; its rows need ~${bytes(row.expectedBytes)}${row.table === null ? '. VACUUM lets it be used again; only a rewrite gives it back, and VACUUM FULL locks the table meanwhile' : ''}`,
      value: Math.round(row.ratio * 10) / 10,
      unit: 'times',
      threshold,
      next:
        row.table === null
          ? ['opsctl db vacuum', `pg_repack ${shellWord(`--table=${row.name}`)}`]
          : [sqlStatement(`REINDEX INDEX CONCURRENTLY ${row.name}`)],
    },
  ];
}

/* Sizes of PostgreSQL's page layout (documentation, "Database Page Layout"), in bytes. */
const PAGE_HEADER = 24;
const LINE_POINTER = 4;
const TUPLE_HEADER = 23;
const INDEX_TUPLE_HEADER = 8;
const BTREE_SPECIAL = 16;
const aligned = (size: number): number => Math.ceil(size / 8) * 8;

/** Pages that the rows of a table, or the entries of a btree index, need when they are packed as intended. */
export function pagesNeeded({ table, rows = 0, width, columns, hasNulls, blockSize, fillFactor }: Fill): number {
  const header =
    table === undefined ? aligned(TUPLE_HEADER + (hasNulls ? Math.ceil(columns / 8) : 0)) : INDEX_TUPLE_HEADER;
  const row = header + aligned(width) + LINE_POINTER;
  const room = (blockSize - PAGE_HEADER - (table === undefined ? 0 : BTREE_SPECIAL)) * fillFactor;
  // A btree has a page of its own data besides.
  return Math.ceil(rows / Math.max(1, Math.floor(room / row))) + (table === undefined ? 0 : 1);
}

function rowOf(one: Fill): BloatRow {
  const needed = Math.max(1, pagesNeeded(one));
  return {
    name: one.name,
    table: one.table ?? null,
    bytes: one.pages * one.blockSize,
    expectedBytes: needed * one.blockSize,
    // Values that repeat are kept once in an index, so that it may be smaller than it seems to need.
    bloatBytes: Math.max(0, one.pages - needed) * one.blockSize,
    ratio: one.pages / needed,
  };
}
