/** What takes the room: tables with their indexes and out-of-line values. */
import * as z from 'zod';

import { bytes, percent, plural } from '../core/format.ts';
import type { Table } from '../core/ports/database-storage.ts';
import { verdict } from '../core/verdict.ts';
import type { Report } from './report.ts';

const rowSchema = z
  .object({
    table: z.string(),
    materialized: z.boolean(),
    bytes: z.number().describe('rows, out-of-line values and indexes together'),
    share: z.number().describe('of all tables of the database'),
    rowBytes: z.number(),
    toastBytes: z.number().describe('values kept out of line'),
    indexBytes: z.number(),
    rows: z.number().nullable().describe('as of the last VACUUM or ANALYZE; null before'),
    sequentialScans: z.number().describe('of the whole table, since the statistics began'),
    indexScans: z.number(),
    estimated: z.boolean().describe('a size is that of the last VACUUM or ANALYZE, because the table is locked'),
  })
  .meta({ id: 'DatabaseSize' });
export type SizeRow = z.infer<typeof rowSchema>;

const SHOWN = 25;

export const sizes: Report<'tables', SizeRow> = {
  name: 'sizes',
  parts: ['tables'],
  row: rowSchema,
  judge: ({ tables: { tables, count, bytes: all } }, { server }) => {
    const [largest] = tables;
    const estimated = tables.filter(({ isEstimated }) => isEstimated);
    const reason =
      largest === undefined
        ? `no tables in database ${server.database}`
        : `${bytes(all)} in ${plural(count, 'table')} of database ${server.database}; the largest is ${largest.name} with ${bytes(sum(largest))} (${percent(share(largest, all))})${estimated.length === 0 ? '' : `; ${plural(estimated.length, 'table')} estimated`}`;
    return {
      findings: [{ about: '', ...verdict.ok(reason, { value: all, unit: 'bytes' }) }],
      rows: tables.slice(0, SHOWN).map((table) => rowOf(table, all)),
      notes: [
        ...(count > SHOWN ? [`the ${SHOWN.toString()} largest of ${count.toString()}`] : []),
        ...(estimated.length === 0
          ? []
          : [
              `estimated by the pages that the catalog remembers (~): ${estimated.length > 5 ? plural(estimated.length, 'table') : estimated.map(({ name }) => name).join(', ')}; to ask would mean to wait for a lock`,
            ]),
      ],
    };
  },
  columns: [
    { title: 'TABLE', flexible: true },
    { title: 'ALL', align: 'right' },
    { title: 'SHARE', align: 'right' },
    { title: 'HEAP', align: 'right' },
    { title: 'TOAST', align: 'right' },
    { title: 'INDEXES', align: 'right' },
    { title: 'ROWS', align: 'right' },
  ],
  cells: (row) => [
    row.table,
    `${row.estimated ? '~' : ''}${bytes(row.bytes)}`,
    percent(row.share),
    bytes(row.rowBytes),
    bytes(row.toastBytes),
    bytes(row.indexBytes),
    row.rows === null ? '-' : Math.round(row.rows).toString(),
  ],
};

const sum = ({ bytes: own, toastBytes, indexBytes }: Table): number => own + toastBytes + indexBytes;
const share = (table: Table, all: number): number => (all === 0 ? 0 : sum(table) / all);

const rowOf = (table: Table, all: number): SizeRow => ({
  table: table.name,
  materialized: table.isMaterialized,
  bytes: sum(table),
  share: share(table, all),
  rowBytes: table.bytes,
  toastBytes: table.toastBytes,
  indexBytes: table.indexBytes,
  rows: table.rows ?? null,
  sequentialScans: table.sequentialScans,
  indexScans: table.indexScans,
  estimated: table.isEstimated,
});
