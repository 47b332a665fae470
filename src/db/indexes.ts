/** Indexes that cost and do not pay: invalid, unused, duplicate; and tables that seem to lack one. */
import * as z from 'zod';

import { bytes, duration, localTime, percent, plural } from '../core/format.ts';
import type { ForeignKey, Index, Indexes, Table } from '../core/ports/database-storage.ts';
import { sqlString } from '../core/sql.ts';
import { queryCommand, sqlStatement } from '../core/suggestion.ts';
import { against, type Verdict, worst } from '../core/verdict.ts';
import { duplicatesOf, wholes } from './index-duplicates.ts';
import type { Report, Seat } from './report.ts';

const rowSchema = z
  .object({
    problem: z.enum(['invalid', 'missing', 'foreign key', 'duplicate', 'redundant', 'unused', 'none']),
    table: z.string(),
    index: z.string().nullable().describe('null where one seems to be missing'),
    columns: z.array(z.string()),
    bytes: z.number().describe('of the index; where one seems to be missing, of the table'),
    scans: z.number().describe('of the index; where one seems to be missing, of the whole table'),
    usedAt: z.string().nullable().describe('told from PostgreSQL 16 on'),
    reason: z.string(),
    next: z.array(z.string()),
  })
  .meta({ id: 'DatabaseIndex' });
export type IndexRow = z.infer<typeof rowSchema>;
/** A row with its verdict. */
type Problem = IndexRow & Pick<Verdict, 'status' | 'value' | 'unit' | 'threshold'>;

/** Statistics that are younger say of no index that it is unused: monthly work was not seen yet. PgHero and others judge at once. */
const UNUSED_AFTER_MS = 7 * 86_400_000;
/** A table is worth an index from here on, in rows (supabase looks at tables above 1,000); below, reading all is as quick. */
const LARGE_ROWS = 10_000;
/** Scans of the whole table from which on they are a habit. */
const HABIT = 50;
/** Share of a table's scans from which on it lacks an index rather than has a report read it now and then (supabase). */
const SHARE = 0.1;
const HOUR_MS = 3_600_000;

/** The report; with `all`, rows are of indexes without a problem, too. */
export const indexesWith = (all: boolean): Report<'indexes' | 'tables' | 'foreignKeys', IndexRow> => ({
  name: 'indexes',
  parts: ['indexes', 'tables', 'foreignKeys'],
  row: rowSchema,
  judge: ({ indexes: found, tables: { tables }, foreignKeys }, seat) => {
    const since = found.since ?? seat.server.startedAt;
    const ageMs = Date.parse(seat.server.at) - Date.parse(since);
    const problems = [
      ...found.indexes.flatMap(invalid),
      ...tables.flatMap((table) => missing(table, foreignKeys, ageMs, seat)),
      ...foreignKeys.flatMap((key) => unindexed(key, tables)),
      ...duplicates(found.indexes),
      ...wholes(found.indexes).flatMap((index) => unused(index, ageMs, seat)),
    ];
    const status = worst(problems.map((one) => one.status));
    const reason = `${plural(found.count, 'index', 'indexes')}: ${counted(problems)}; use counted for ${duration(ageMs)}`;
    const measured = { value: problems.length, unit: 'indexes' };
    return {
      findings: [
        { about: '', status, reason, ...measured, next: [] },
        ...problems
          .filter((one) => one.status !== 'ok')
          .map(({ status, value, unit, threshold, reason, next, index, table }) => ({
            about: index ?? table,
            status,
            value,
            unit,
            threshold,
            reason,
            next,
          })),
      ],
      rows: [
        ...problems.map(({ status: _status, value: _value, unit: _unit, threshold: _threshold, ...row }) => row),
        ...(all ? sound(found.indexes, problems) : []),
      ],
      notes: notesOf(found, since, ageMs, seat),
    };
  },
  columns: [
    { title: 'PROBLEM' },
    { title: 'INDEX OR TABLE', flexible: true },
    { title: 'SIZE', align: 'right' },
    { title: 'SCANS', align: 'right' },
    { title: 'COLUMNS', flexible: true },
  ],
  cells: (row) => [
    row.problem === 'none' ? '-' : row.problem,
    row.index ?? row.table,
    bytes(row.bytes),
    row.scans.toString(),
    row.columns.length === 0 ? '-' : `${row.table} (${row.columns.join(', ')})`,
  ],
});

export const indexes = indexesWith(false);

function counted(problems: readonly Problem[]): string {
  const count = (...kinds: IndexRow['problem'][]): number =>
    problems.filter(({ problem }) => kinds.includes(problem)).length;
  return [
    `${count('invalid').toString()} invalid`,
    `${count('unused').toString()} unused`,
    `${count('duplicate', 'redundant').toString()} duplicate`,
    `${plural(count('missing'), 'table')} that may lack one`,
    ...(count('foreign key') === 0 ? [] : [`${plural(count('foreign key'), 'foreign key')} without one`]),
  ].join(', ');
}

const rowOf = (index: Index): Omit<Problem, 'problem' | 'status' | 'reason' | 'next'> => ({
  table: index.table,
  index: index.name,
  columns: index.columns,
  bytes: index.bytes,
  scans: index.scans,
  usedAt: index.usedAt ?? null,
});

function sound(all: readonly Index[], problems: readonly Problem[]): IndexRow[] {
  const named = new Set(problems.map(({ index }) => index));
  return all
    .filter(({ name, partOf }) => !named.has(name) && !named.has(partOf?.name ?? name))
    .map((index) => ({ ...rowOf(index), problem: 'none', reason: '', next: [] }));
}

function invalid(index: Index): Problem[] {
  const { name, table, isValid, isBuilding, mayBeBuilding, isUnique, partOf } = index;
  if (isValid || isBuilding) return [];
  const problem = { ...rowOf(index), problem: 'invalid' as const, status: 'warn' as const };
  if (mayBeBuilding)
    return [
      {
        ...problem,
        reason: 'invalid, or being built now: somebody works on its table, or may. Look again when that is over',
        next: [
          queryCommand(`SELECT pid, mode, granted FROM pg_locks WHERE relation = ${sqlString(table)}::regclass`),
          'opsctl db activity',
        ],
      },
    ];
  return [
    {
      ...problem,
      reason: `invalid, as a CREATE INDEX CONCURRENTLY that failed leaves it: written to, and used by no query${isUnique ? '; uniqueness is not ensured' : ''}`,
      next: [sqlStatement(`REINDEX INDEX CONCURRENTLY ${name}`), ...(partOf === undefined ? [dropping(index)] : [])],
    },
  ];
}

function unused(index: Index, ageMs: number, { limits }: Seat): Problem[] {
  if (index.scans > 0 || index.isUnique || index.isNeeded || !index.isValid) return [];
  const { status, threshold } = against(index.bytes, limits.unusedIndexBytes);
  if (status === 'ok') return [];
  return [
    {
      ...rowOf(index),
      problem: 'unused',
      status: ageMs >= UNUSED_AFTER_MS ? status : 'ok',
      value: index.bytes,
      unit: 'bytes',
      threshold,
      reason: `${bytes(index.bytes)} that no query read in ${duration(ageMs)}, and that every write has to keep up`,
      next: [dropping(index)],
    },
  ];
}

function duplicates(all: readonly Index[]): Problem[] {
  return duplicatesOf(all).map(({ index, other, isSame }) => ({
    ...rowOf(index),
    problem: isSame ? 'duplicate' : 'redundant',
    status: 'warn',
    value: index.bytes,
    unit: 'bytes',
    reason: isSame
      ? `the same as ${other.name}; ${bytes(index.bytes)}`
      : `${other.name} begins with the same columns and can do its work; ${bytes(index.bytes)}`,
    next: [dropping(index)],
  }));
}

/** Parts of a partitioned table's index go with it only, and it cannot go without keeping all out for a moment. */
const dropping = ({ name, partOf }: Index): string =>
  partOf === undefined
    ? sqlStatement(`DROP INDEX CONCURRENTLY ${name}`)
    : sqlStatement(`DROP INDEX ${partOf.name}`, 'locks all partitions under ACCESS EXCLUSIVE: plan it');

const isLarge = ({ liveRows, rows }: Table): boolean => Math.max(liveRows, rows ?? 0) >= LARGE_ROWS;

/**
 * A guess from counters: it warns at most, and by how much is read in a time, since counts alone say only that time has
 * passed. Statistics of less than an hour count as of one.
 */
function missing(table: Table, keys: readonly ForeignKey[], ageMs: number, { limits }: Seat): Problem[] {
  const { sequentialScans: scans, sequentialRows, indexScans } = table;
  const each = scans === 0 ? 0 : sequentialRows / scans;
  if (scans < HABIT || !isLarge(table) || each < LARGE_ROWS / 2) return [];
  const share = scans / (scans + indexScans);
  if (share < SHARE) return [];
  const hourly = sequentialRows / (Math.max(ageMs, HOUR_MS) / HOUR_MS);
  const { status, threshold } = against(hourly, limits.sequentialRows);
  const own = keys.filter((key) => key.table === table.name);
  const told = own.map(({ columns }) => `; its foreign key (${columns.join(', ')}) has no index`);
  return [
    {
      ...wholeOf(table),
      problem: 'missing',
      columns: [],
      status: status === 'ok' ? 'ok' : 'warn',
      value: Math.round(hourly),
      unit: 'rows an hour',
      threshold,
      reason: `${percent(share)} of its ${plural(scans + indexScans, 'scan')} read it from end to end, ${Math.round(each).toString()} rows each, ${(hourly / 1e6).toFixed(1)} million rows an hour: an index may be missing${told.join('')}`,
      next: [...own.map(creating), 'opsctl db slow --by io'],
    },
  ];
}

/** Told and not judged: it costs only where rows are deleted from the other table, which `missing` sees. */
function unindexed(key: ForeignKey, tables: readonly Table[]): Problem[] {
  const table = tables.find(({ name }) => name === key.table);
  if (table === undefined || !isLarge(table)) return [];
  return [
    {
      ...wholeOf(table),
      problem: 'foreign key',
      columns: key.columns,
      status: 'ok',
      reason: `refers to ${key.references}, and no index helps: each row deleted there has all of ${table.name} read`,
      next: [creating(key)],
    },
  ];
}

const wholeOf = (table: Table): Pick<IndexRow, 'table' | 'index' | 'bytes' | 'scans' | 'usedAt'> => ({
  table: table.name,
  index: null,
  bytes: table.bytes,
  scans: table.sequentialScans,
  usedAt: null,
});

const creating = ({ table, columns }: ForeignKey): string =>
  sqlStatement(`CREATE INDEX CONCURRENTLY ON ${table} (${columns.join(', ')})`);

function notesOf({ indexes: all, count, since }: Indexes, from: string, ageMs: number, { server }: Seat): string[] {
  return [
    `use is counted ${since === undefined ? 'since the server started or longer' : `since ${localTime(from)}`}, on this server only: a replica counts its own`,
    ...(ageMs < UNUSED_AFTER_MS
      ? [`counted for less than ${duration(UNUSED_AFTER_MS)}: too young to call an index unused`]
      : []),
    ...(all.length < count ? [`the ${all.length.toString()} largest of ${count.toString()} were looked at`] : []),
    ...(server.inRecovery ? ['a replica: drop indexes on its primary'] : []),
  ];
}
