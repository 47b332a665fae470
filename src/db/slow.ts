/** Which statements take the time, and why, as far as pg_stat_statements tells. */
import * as z from 'zod';

import { duration, localTime, percent, plural } from '../core/format.ts';
import type { Statement, Statements } from '../core/ports/database.ts';
import { granting, queryCommand } from '../core/suggestion.ts';
import { oneLine } from '../core/text.ts';
import { against, type Verdict, verdict, worst } from '../core/verdict.ts';
import type { Report, Seat } from './report.ts';

const rowSchema = z
  .object({
    id: z.string().describe('queryid of pg_stat_statements, a 64 bit number'),
    database: z.string(),
    user: z.string(),
    topLevel: z.boolean().describe('false where it ran inside a function'),
    calls: z.number(),
    rows: z.number(),
    totalMs: z.number(),
    share: z.number().describe('of the time of all statements'),
    meanMs: z.number(),
    maxMs: z.number().nullable().describe('null for an interval'),
    ioMs: z.number().nullable().describe('null without track_io_timing'),
    hitBlocks: z.number(),
    readBlocks: z.number().describe('from outside of shared buffers'),
    tempBlocks: z.number().describe('read from or written to temporary files'),
    query: z.string(),
  })
  .meta({ id: 'DatabaseStatement' });
export type StatementRow = z.infer<typeof rowSchema>;

export const ORDERS = ['mean', 'total', 'calls', 'io'] as const;
export type Order = (typeof ORDERS)[number];

/** Fewer calls than this are no habit: PgHero judges from 100 on, where its 20 ms for a slow query come from, too. */
const OFTEN = 100;
/** Rows shown, and findings. */
const SHOWN = 25;

/** What there is of a statement to put it in order by. */
const MEASURES: Record<Order, (one: Statement) => number> = {
  mean: (one) => one.meanMs,
  total: (one) => one.totalMs,
  calls: (one) => one.calls,
  // Blocks, because times are there only where the server takes them.
  io: (one) => one.readBlocks + one.tempBlocks,
};

/** The report in an order; `window` in ms where it is about an interval instead of all that was counted. */
export const slowBy = (by: Order, window?: number): Report<'statements', StatementRow> => ({
  name: 'slow',
  parts: ['statements'],
  row: rowSchema,
  judge: ({ statements }, seat) => {
    const all = statements.statements;
    if (statements.hiddenMs > statements.totalMs / 2) return hidden(statements, seat);
    const ordered = all.toSorted((a, b) => MEASURES[by](b) - MEASURES[by](a));
    const often = window === undefined ? OFTEN : 1;
    const bad = ordered.filter(({ calls }) => calls >= often).flatMap((one) => slowFinding(one, statements, seat));
    const measured = { value: bad.length, unit: 'statements' };
    const status = worst(bad.map((one) => one.status));
    const counted =
      window === undefined
        ? statements.since === undefined
          ? ''
          : `, counted since ${localTime(statements.since)}`
        : ` in ${duration(window)}`;
    const limit = `${duration(seat.limits.slowQueryMs.warn)} or more on average${often > 1 ? ` in ${often.toString()} calls or more` : ''}`;
    const reason = `${bad.length === 0 ? 'none' : bad.length.toString()} of ${plural(window === undefined ? statements.count : all.length, 'statement')} ${bad.length > 1 ? 'take' : 'takes'} ${limit}${counted}`;
    return {
      findings: [{ about: '', status, reason, ...measured, next: [] }, ...bad.slice(0, SHOWN)],
      rows: ordered.slice(0, SHOWN).map((one) => rowOf(one, statements, window)),
      notes: notesOf(statements, seat, window),
    };
  },
  columns: [
    { title: 'TOTAL', align: 'right' },
    { title: 'SHARE', align: 'right' },
    { title: 'CALLS', align: 'right' },
    { title: 'MEAN', align: 'right' },
    { title: 'READ', align: 'right' },
    { title: 'QUERY', flexible: true, least: 32 },
  ],
  cells: (row) => [
    duration(row.totalMs),
    percent(row.share),
    row.calls.toString(),
    duration(row.meanMs),
    percent(row.readBlocks / Math.max(1, row.readBlocks + row.hitBlocks)),
    oneLine(row.query),
  ],
});

export const slow = slowBy('total');

/** What was counted between two looks. A count that went down was reset in between. */
export function between(before: Statements, after: Statements): Statements {
  const key = (one: Statement): string => JSON.stringify([one.id, one.database, one.user, one.topLevel]);
  const known = new Map(before.statements.map((one) => [key(one), one]));
  const statements = after.statements.flatMap((one) => {
    const old = known.get(key(one));
    const less = (of: (statement: Statement) => number): number =>
      old === undefined || old.calls > one.calls ? of(one) : Math.max(0, of(one) - of(old));
    const calls = less((each) => each.calls);
    if (calls === 0) return [];
    const totalMs = less((each) => each.totalMs);
    return [
      {
        ...one,
        calls,
        totalMs,
        meanMs: totalMs / calls,
        rows: less((each) => each.rows),
        ioMs: less((each) => each.ioMs),
        hitBlocks: less((each) => each.hitBlocks),
        readBlocks: less((each) => each.readBlocks),
        tempBlocks: less((each) => each.tempBlocks),
      },
    ];
  });
  return {
    ...after,
    statements,
    totalMs: statements.reduce((sum, { totalMs }) => sum + totalMs, 0),
    hiddenMs: Math.max(0, after.hiddenMs - before.hiddenMs),
  };
}

const hidden = (
  { hiddenMs, totalMs }: Statements,
  { server: { role } }: Seat,
): ReturnType<Report['judge']> & { rows: [] } => ({
  findings: [
    {
      about: '',
      ...verdict.skipped(
        `${percent(hiddenMs / totalMs)} of the time is of statements that are hidden from role ${role}`,
        [granting('pg_read_all_stats', role)],
      ),
    },
  ],
  rows: [],
});

function slowFinding(
  one: Statement,
  { totalMs }: Statements,
  { server, limits }: Seat,
): (Verdict & { about: string })[] {
  const { status, threshold } = against(one.meanMs, limits.slowQueryMs);
  if (status === 'ok') return [];
  const cause = causeOf(one);
  const schema = server.statements?.schema ?? 'public';
  return [
    {
      about: short(one.query),
      status,
      reason: `${duration(one.meanMs)} on average in ${plural(one.calls, 'call')}, ${percent(one.totalMs / Math.max(1, totalMs))} of all time${cause === undefined ? '' : `; ${cause.why}`}`,
      value: one.meanMs,
      unit: 'ms',
      threshold,
      next: [
        ...(cause?.next ?? []),
        queryCommand(`SELECT query FROM ${schema}.pg_stat_statements WHERE queryid = ${one.id}`),
      ],
    },
  ];
}

/** Blocks looked at for each row that came back, from which on an index seems to be missing. */
const BLOCKS_FOR_A_ROW = 500;

/** What the counters say of why it takes long. */
function causeOf({
  calls,
  rows,
  hitBlocks,
  readBlocks,
  tempBlocks,
}: Statement): { why: string; next: string[] } | undefined {
  const blocks = hitBlocks + readBlocks;
  if (tempBlocks / calls >= 1)
    return {
      why: `it sorts or hashes in temporary files, ${Math.round(tempBlocks / calls).toString()} blocks a call: work_mem is too small for it`,
      next: [queryCommand('SHOW work_mem')],
    };
  if (blocks / Math.max(rows, calls) >= BLOCKS_FOR_A_ROW)
    return {
      why: `it looks at ${Math.round(blocks / Math.max(rows, calls)).toString()} blocks for each row: an index may be missing`,
      next: ['opsctl db indexes'],
    };
  if (blocks > 0 && readBlocks / blocks >= 0.1)
    return {
      why: `${percent(readBlocks / blocks)} of its blocks are not in shared buffers`,
      next: ['opsctl db cache-hit'],
    };
  return undefined;
}

/** Characters of a query that stand for it in a line. */
const NAME_LENGTH = 60;
const short = (query: string): string => {
  const line = oneLine(query).trim();
  return line.length > NAME_LENGTH ? `${line.slice(0, NAME_LENGTH - 1)}…` : line;
};

const rowOf = (one: Statement, { totalMs, ioTimed }: Statements, window: number | undefined): StatementRow => ({
  ...one,
  share: totalMs === 0 ? 0 : one.totalMs / totalMs,
  maxMs: window === undefined ? one.maxMs : null,
  ioMs: ioTimed ? one.ioMs : null,
});

function notesOf(
  { statements, count, since, evictions, hiddenMs, totalMs, ioTimed }: Statements,
  { server }: Seat,
  window: number | undefined,
): string[] {
  return [
    `what opsctl asks ${window === undefined ? 'is' : 'meanwhile is'} among them`,
    ...(window === undefined && statements.length > SHOWN
      ? [`the first ${SHOWN.toString()} of ${count.toString()}`]
      : []),
    ...(window === undefined && since === undefined
      ? ['since when they are counted is told from PostgreSQL 14 on']
      : []),
    ...((evictions ?? 0) > 0
      ? [`statements were forgotten ${plural(evictions ?? 0, 'time')} to make room: raise pg_stat_statements.max`]
      : []),
    ...(hiddenMs > 0
      ? [
          `${percent(hiddenMs / Math.max(totalMs, hiddenMs))} of the time is of statements hidden from ${server.role}: ${granting('pg_read_all_stats', server.role)}`,
        ]
      : []),
    ...(ioTimed ? [] : ['the time of reading and writing is not taken: track_io_timing is off']),
  ];
}
