/** How many of their values sequences have used, against their own end and that of the column they fill. */
import * as z from 'zod';

import { percent, plural } from '../core/format.ts';
import type { Sequence } from '../core/ports/database-storage.ts';
import { sqlStatement } from '../core/suggestion.ts';
import { against, type Verdict, worst } from '../core/verdict.ts';
import type { Report, Seat } from './report.ts';

const rowSchema = z
  .object({
    sequence: z.string(),
    column: z.string().nullable().describe('the column that takes its values'),
    type: z.string().describe('of the sequence'),
    columnType: z.string().nullable(),
    last: z.number().nullable().describe('null before the first use, or where it was not asked'),
    limit: z.number().describe('the last value that fits into sequence and column'),
    left: z.number().nullable().describe('values that are left'),
    used: z.number().nullable().describe('share'),
    cycles: z.boolean(),
  })
  .meta({ id: 'DatabaseSequence' });
export type SequenceRow = z.infer<typeof rowSchema>;

const SHOWN = 25;
/** The greatest value of a column, by its type; the least is one less than its negative. */
const GREATEST: Record<string, number> = { smallint: 2 ** 15 - 1, integer: 2 ** 31 - 1, bigint: 2 ** 63 };

export const sequences: Report<'sequences', SequenceRow> = {
  name: 'sequences',
  parts: ['sequences'],
  row: rowSchema,
  judge: ({ sequences: all }, seat) => {
    const rows = all.map(rowOf).toSorted((a, b) => (b.used ?? -1) - (a.used ?? -1));
    const of = new Map(all.map((one) => [one.name, one]));
    const bad = rows.flatMap((row) => usedFinding(row, of.get(row.sequence), seat));
    const status = worst(bad.map((one) => one.status));
    const [first] = rows;
    const fullest =
      first === undefined || first.used === null ? '' : `; ${first.sequence} has used the most, ${percent(first.used)}`;
    const near =
      bad.length > 1
        ? `${bad.length.toString()} of ${plural(all.length, 'sequence')} are near their end`
        : `${bad.length === 0 ? 'none' : '1'} of ${plural(all.length, 'sequence')} is near its end`;
    const names = (which: (one: Sequence) => boolean): string[] => all.filter(which).map(({ name }) => name);
    const hidden = names(({ isReadable }) => !isReadable).length;
    const locked = names(({ isLocked }) => isLocked);
    const reason = `${near}${fullest}${locked.length === 0 ? '' : `; ${locked.length.toString()} locked, and not asked`}`;
    const measured = { value: bad.length, unit: 'sequences' };
    return {
      findings: [{ about: '', status, reason, ...measured, next: [] }, ...bad],
      rows: rows.slice(0, SHOWN),
      notes: [
        ...(hidden === 0 ? [] : [`${plural(hidden, 'sequence')} that ${seat.server.role} may not read left out`]),
        ...(locked.length === 0
          ? []
          : [`not asked, because that would mean to wait for a lock: ${locked.slice(0, 5).join(', ')}`]),
        ...(rows.length > SHOWN ? [`the first ${SHOWN.toString()} of ${rows.length.toString()}`] : []),
      ],
    };
  },
  columns: [
    { title: 'SEQUENCE', flexible: true },
    { title: 'USED', align: 'right' },
    { title: 'LEFT', align: 'right' },
    { title: 'TYPE' },
    { title: 'COLUMN', flexible: true },
  ],
  cells: (row) => [
    row.sequence,
    row.used === null ? '-' : percent(row.used),
    row.left === null ? '-' : approximately(row.left),
    row.type,
    row.column === null ? '-' : `${row.column} ${row.columnType ?? ''}`.trim(),
  ],
};

const approximately = (count: number): string =>
  count >= 1e12 ? count.toExponential(1).replace('e+', 'e') : Math.round(count).toString();

function usedFinding(
  row: SequenceRow,
  sequence: Sequence | undefined,
  { limits }: Seat,
): (Verdict & { about: string })[] {
  if (row.used === null || sequence === undefined) return [];
  // One that begins anew has no end.
  const { status, threshold } = against(row.used, limits.sequenceUsed);
  if (status === 'ok' || (row.cycles && row.limit === (sequence.increment > 0 ? sequence.max : sequence.min)))
    return [];
  const ofColumn = row.limit !== (sequence.increment > 0 ? sequence.max : sequence.min);
  const end = ofColumn
    ? `${row.column ?? ''} is ${row.columnType ?? ''} and takes no greater value`
    : `it ends at ${row.limit.toString()}`;
  return [
    {
      about: row.sequence,
      status,
      reason: `${percent(row.used)} used, ${approximately(row.left ?? 0)} values left: ${end}; then every insert fails`,
      value: row.used,
      unit: 'share',
      threshold,
      next: widen(row, sequence, ofColumn),
    },
  ];
}

/**
 * What gives it room: without a bound of its own it goes on to the end of its type, and a wider type is a matter of the
 * catalog, as wide as its column at most. A wider column rewrites its table under a lock that keeps out everybody.
 */
function widen(
  { sequence: name, type, columnType }: SequenceRow,
  { table, column, min, max, increment }: Sequence,
  ofColumn: boolean,
): string[] {
  const widening = `ALTER TABLE ${table ?? ''} ALTER COLUMN ${column ?? ''} TYPE bigint`;
  const column64 = sqlStatement(widening, 'rewrites the table under ACCESS EXCLUSIVE: plan it');
  if (ofColumn) return [column64];
  const greatest = GREATEST[type] ?? Number.POSITIVE_INFINITY;
  if (increment > 0 ? max < greatest : min > -greatest - 1)
    return [sqlStatement(`ALTER SEQUENCE ${name} NO ${increment > 0 ? 'MAXVALUE' : 'MINVALUE'}`)];
  if (type === 'bigint') return [];
  const ofItsColumn = GREATEST[columnType ?? ''];
  const isWider = ofItsColumn !== undefined && ofItsColumn > greatest;
  return [
    sqlStatement(`ALTER SEQUENCE ${name} AS ${isWider ? (columnType ?? '') : 'bigint'}`),
    ...(ofItsColumn === undefined || isWider ? [] : [column64]),
  ];
}

function rowOf(one: Sequence): SequenceRow {
  const { min, max, increment, last } = one;
  const widest = GREATEST[one.columnType ?? ''] ?? Number.POSITIVE_INFINITY;
  const limit = increment > 0 ? Math.min(max, widest) : Math.max(min, -widest - 1);
  const from = increment > 0 ? min : max;
  const span = Math.abs(limit - from) + 1;
  const done = last === undefined ? undefined : Math.abs(last - from) + 1;
  return {
    sequence: one.name,
    column: one.table === undefined ? null : `${one.table}.${one.column ?? ''}`,
    type: one.type,
    columnType: one.columnType ?? null,
    last: last ?? null,
    limit,
    left: done === undefined ? null : Math.max(0, Math.floor((span - done) / Math.abs(increment))),
    used: done === undefined ? null : Math.min(1, done / span),
    cycles: one.cycles,
  };
}
