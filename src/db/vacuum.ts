/** Whether VACUUM keeps up: dead rows, wraparound, what runs, and who holds it back. */
import * as z from 'zod';

import { idAge, unfrozen } from '../checks/database-facts.ts';
import { droppingSlot } from '../checks/replication.ts';
import { duration, percent, plural } from '../core/format.ts';
import type { DatabaseUse, OldestXmin, Table, Vacuum } from '../core/ports/database-storage.ts';
import type { Session } from '../core/ports/database.ts';
import { shellWord } from '../core/shell.ts';
import { queryCommand, sqlStatement } from '../core/suggestion.ts';
import { against, leading, type Status, type Verdict, worst } from '../core/verdict.ts';
import type { Report, Seat } from './report.ts';
import { type Ending, endingPrepared, endingSession, lookingAt } from './ending.ts';

const rowSchema = z
  .object({
    table: z.string(),
    liveRows: z.number(),
    deadRows: z.number(),
    deadShare: z.number(),
    threshold: z.number().describe('dead rows from which on autovacuum comes'),
    autovacuum: z.boolean(),
    vacuumedAt: z.string().nullable().describe('null where it was not since the statistics began'),
    analyzedAt: z.string().nullable(),
    xidAge: z.number().nullable().describe('of its oldest unfrozen transaction id'),
    running: z.string().nullable().describe('phase of a VACUUM of it that runs'),
  })
  .meta({ id: 'DatabaseVacuum' });
export type VacuumRow = z.infer<typeof rowSchema>;
type Found = Verdict & { about: string };

/** Dead rows that nobody minds, whatever their share. */
const FEW = 1000;
const SHOWN = 25;

export const vacuum: Report<'tables' | 'databases' | 'vacuums' | 'horizon' | 'sessions', VacuumRow> = {
  name: 'vacuum',
  parts: ['tables', 'databases', 'vacuums', 'horizon', 'sessions'],
  row: rowSchema,
  judge: ({ tables: { tables }, databases, vacuums, horizon, sessions }, seat) => {
    const since = databases.find(({ isCurrent }) => isCurrent)?.since;
    const dead = tables.flatMap((table) => deadFinding(table, vacuums, since, seat));
    const bad = [
      ...databases.flatMap((database) => wraparound(database, tables, seat)),
      ...horizon.flatMap((one) => heldBack(one, sessions, seat)),
      ...dead,
    ];
    const oldest = databases.toSorted((a, b) => b.xidAge - a.xidAge)[0];
    const status = worst(bad.map((one) => one.status));
    const reason = `${dead.length === 0 ? 'no table' : plural(dead.length, 'table')} with too many dead rows; oldest transaction id ${oldest === undefined ? 'not known' : idAge(oldest.xidAge)}; ${vacuums.length === 0 ? 'no VACUUM runs' : plural(vacuums.length, 'VACUUM runs', 'VACUUMs run')}`;
    const measured = { value: dead.length, unit: 'tables' };
    return {
      findings: [{ about: '', status, reason, ...measured, next: [] }, ...bad],
      rows: tables
        .filter(({ deadRows }) => deadRows > 0)
        .toSorted((a, b) => b.deadRows - a.deadRows)
        .slice(0, SHOWN)
        .map((table) => rowOf(table, vacuums)),
      notes: [...vacuums.map(runs), ...(horizon[0] === undefined ? [] : [`oldest snapshot: ${holder(horizon[0])}`])],
    };
  },
  columns: [
    { title: 'TABLE', flexible: true },
    { title: 'LIVE', align: 'right' },
    { title: 'DEAD', align: 'right' },
    { title: 'SHARE', align: 'right' },
    { title: 'AUTOVACUUM AT', align: 'right' },
    { title: 'NOW', flexible: true },
  ],
  cells: (row) => [
    row.table,
    row.liveRows.toString(),
    row.deadRows.toString(),
    percent(row.deadShare),
    row.autovacuum ? Math.round(row.threshold).toString() : 'off',
    row.running ?? '-',
  ],
};

const shareOf = ({ liveRows, deadRows }: Table): number => (deadRows === 0 ? 0 : deadRows / (liveRows + deadRows));

function deadFinding(
  table: Table,
  vacuums: readonly Vacuum[],
  since: string | undefined,
  { server, limits }: Seat,
): Found[] {
  const { name, deadRows, vacuumThreshold, isAutovacuumed, vacuumedAt } = table;
  if (deadRows < FEW || deadRows < vacuumThreshold) return [];
  const { status, threshold } = against(shareOf(table), limits.deadRows);
  if (status === 'ok') return [];
  const ago = (at: string): string => `${duration(Math.max(0, Date.parse(server.at) - Date.parse(at)))} ago`;
  const last =
    vacuumedAt === undefined
      ? `never vacuumed since the statistics began${since === undefined ? '' : ` ${ago(since)}`}`
      : `vacuumed ${ago(vacuumedAt)}`;
  const running = vacuums.find((one) => one.table === name);
  return [
    {
      about: name,
      status,
      reason: `${deadRows.toString()} dead rows (${percent(shareOf(table))}), ${isAutovacuumed ? `autovacuum comes at ${Math.round(vacuumThreshold).toString()}` : 'and autovacuum is off for it'}; ${last}${running === undefined ? '' : '; a VACUUM of it runs'}`,
      value: shareOf(table),
      unit: 'share',
      threshold,
      next:
        running === undefined
          ? [
              sqlStatement(`VACUUM (VERBOSE, ANALYZE) ${name}`),
              ...(isAutovacuumed
                ? []
                : [sqlStatement(`ALTER TABLE ${name} RESET (autovacuum_enabled)`), queryCommand('SHOW autovacuum')]),
            ]
          : [],
    },
  ];
}

function wraparound(database: DatabaseUse, tables: readonly Table[], { limits }: Seat): Found[] {
  const judged = [
    { what: 'transaction id', judgement: unfrozen('transaction id', database.xidAge, limits) },
    { what: 'multixact id', judgement: unfrozen('multixact id', database.multixactAge, limits) },
  ];
  return judged
    .filter(({ judgement }) => judgement.status !== 'ok')
    .map(({ what, judgement }) => {
      const oldest = tables.toSorted((a, b) => (b.xidAge ?? 0) - (a.xidAge ?? 0))[0];
      const freezing =
        database.isCurrent && oldest !== undefined && what === 'transaction id'
          ? sqlStatement(`VACUUM (FREEZE, VERBOSE) ${oldest.name}`)
          : `vacuumdb --freeze ${shellWord(`--dbname=${database.name}`)}`;
      return { about: `database ${database.name}`, ...leading(judgement, [freezing]) };
    });
}

function heldBack(one: OldestXmin, sessions: readonly Session[], { server, limits }: Seat): Found[] {
  const { status, threshold } = against(one.xidAge, limits.xminAge);
  if (status === 'ok') return [];
  const { next, remark } = release(one, sessions, server.role, status);
  return [
    {
      about: holder(one),
      status,
      reason: `keeps VACUUM from removing what died in the last ${one.xidAge.toString()} transactions${remark}`,
      value: one.xidAge,
      unit: 'transactions',
      threshold,
      next,
    },
  ];
}

const holder = ({ kind, name, pid, state, xidAge, ms }: OldestXmin): string =>
  `${kind} ${name}${pid === undefined ? '' : ` (pid ${pid.toString()})`}${state === undefined ? '' : `, ${state}`}, ${plural(xidAge, 'transaction')} old${ms === undefined ? '' : `, for ${duration(ms)}`}`;

function release(
  { kind, name, pid = 0, state }: OldestXmin,
  sessions: readonly Session[],
  role: string,
  status: Status,
): Ending {
  const session = sessions.find((one) => one.pid === pid);
  if (session !== undefined) return endingSession(session, role);
  const isUnread = kind === 'slot' && state !== 'active';
  const next =
    kind === 'prepared transaction'
      ? endingPrepared(name)
      : kind === 'session'
        ? [lookingAt(pid)]
        : ['opsctl db replication', ...(isUnread && status === 'crit' ? [droppingSlot(name)] : [])];
  return { next, remark: '' };
}

const runs = ({ pid, table, phase, scanned, isAuto, isForced, ms, indexRounds }: Vacuum): string =>
  `${isAuto ? 'autovacuum' : 'VACUUM'} of ${table} (pid ${pid.toString()})${phase === undefined ? '' : `: ${phase}`}${scanned === undefined ? '' : `, ${percent(scanned)} scanned`}${ms === undefined ? '' : `, for ${duration(ms)}`}${isForced ? '; to prevent wraparound, do not cancel it' : ''}${(indexRounds ?? 0) > 1 ? `; ${(indexRounds ?? 0).toString()} rounds through the indexes: maintenance_work_mem is too small` : ''}`;

function rowOf(table: Table, vacuums: readonly Vacuum[]): VacuumRow {
  const running = vacuums.find((one) => one.table === table.name);
  return {
    table: table.name,
    liveRows: table.liveRows,
    deadRows: table.deadRows,
    deadShare: shareOf(table),
    threshold: table.vacuumThreshold,
    autovacuum: table.isAutovacuumed,
    vacuumedAt: table.vacuumedAt ?? null,
    analyzedAt: table.analyzedAt ?? null,
    xidAge: table.xidAge ?? null,
    running: running === undefined ? null : (running.phase ?? 'vacuum'),
  };
}
