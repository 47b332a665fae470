/** Locks that are waited for, and those that keep others out of a whole table. */
import * as z from 'zod';

import { duration, percent, plural } from '../core/format.ts';
import type { Lock, Session } from '../core/ports/database.ts';
import { against, type Verdict, verdict, worst } from '../core/verdict.ts';
import { nameOf } from './activity.ts';
import { lockText, wantedTarget } from './blocking.ts';
import type { Report, Seat } from './report.ts';

const rowSchema = z
  .object({
    pid: z.number().describe('0 for a prepared transaction'),
    user: z.string().nullable(),
    application: z.string().nullable(),
    kind: z.string(),
    target: z.string(),
    mode: z.string(),
    granted: z.boolean(),
    waitMs: z.number().nullable(),
    transactionMs: z.number().nullable().describe('a lock is held until the end of its transaction'),
    prepared: z.string().nullable().describe('identifier of the prepared transaction that it is of'),
    blockedBy: z.array(z.number()).describe('process ids; 0 for a prepared transaction that is not known'),
    blockedByPrepared: z.array(z.string()).describe('identifiers of prepared transactions'),
    query: z.string().nullable(),
  })
  .meta({ id: 'DatabaseLock' });
export type LockRow = z.infer<typeof rowSchema>;

export const locks: Report<'sessions' | 'locks', LockRow> = {
  name: 'locks',
  parts: ['sessions', 'locks'],
  row: rowSchema,
  judge: ({ sessions, locks: { locks: all, taken, capacity } }, seat) => {
    const session = new Map(sessions.map((one) => [one.pid, one]));
    const shown = all.filter((lock) => !lock.granted || keepsOut(lock));
    const bad = [
      ...all.filter(({ granted }) => !granted).flatMap((lock) => waitFinding(lock, session.get(lock.pid), all, seat)),
      ...shown.filter(({ granted }) => granted).flatMap((lock) => heldFinding(lock, session.get(lock.pid), seat)),
    ];
    const waiting = new Set(all.filter(({ granted }) => !granted).map(({ pid }) => pid)).size;
    const count = against(waiting, seat.limits.blockedSessions);
    const table = against(taken / capacity, seat.limits.lockTable);
    const status = worst([count.status, table.status, ...bad.map((one) => one.status)]);
    const reason = `${waiting === 0 ? 'no session waits' : plural(waiting, 'session waits', 'sessions wait')} for a lock; ${plural(taken, 'lock')} in a table for ${Math.round(capacity).toString()} (${percent(taken / capacity)})`;
    const measured = { value: waiting, unit: 'sessions', threshold: count.threshold };
    return {
      findings: [
        {
          about: '',
          ...(status === 'ok'
            ? verdict.ok(reason, measured)
            : { status, reason, ...measured, next: waiting > 0 ? ['opsctl db blocking'] : [] }),
        },
        ...(table.status === 'ok' || table.status === 'unknown' ? [] : [tableFinding(taken, capacity, table)]),
        ...bad,
      ],
      rows: shown.map((lock) => rowOf(lock, session.get(lock.pid), all)),
    };
  },
  columns: [
    { title: 'PID', align: 'right' },
    { title: 'WHO', flexible: true },
    { title: 'MODE' },
    { title: 'ON', flexible: true },
    { title: 'WAITS', align: 'right' },
    { title: 'TX', align: 'right' },
    { title: 'WAITS FOR' },
  ],
  cells: (row) => [
    row.pid === 0 ? 'prepared' : row.pid.toString(),
    row.prepared ?? (row.application || row.user || '-'),
    row.mode.replace(/Lock$/, ''),
    row.target,
    row.granted ? '-' : row.waitMs === null ? 'yes' : duration(row.waitMs),
    row.transactionMs === null ? '-' : duration(row.transactionMs),
    row.granted ? '-' : blockers(row),
  ],
};

/** The first of many, so that a long queue keeps to its line. */
function blockers({ blockedBy, blockedByPrepared = [] }: Pick<Lock, 'blockedBy' | 'blockedByPrepared'>): string {
  const named = [
    ...blockedByPrepared.map((gid) => `prepared ${gid}`),
    ...blockedBy.map((pid) => (pid === 0 ? 'a prepared transaction' : pid.toString())),
  ];
  const [first = '-', ...others] = named;
  return others.length <= 1 ? named.join(', ') || first : `${first} and ${others.length.toString()} more`;
}

/** Modes that keep writers, or all, out of a table. */
const keepsOut = ({ kind, mode }: Lock): boolean => kind === 'relation' && Object.hasOwn(KEEPS_OUT, mode);
const KEEPS_OUT: Record<string, string> = {
  ShareLock: 'nobody else can write to it',
  ShareRowExclusiveLock: 'nobody else can write to it',
  ExclusiveLock: 'nobody else can write to it',
  AccessExclusiveLock: 'nobody else can read it or write to it',
};

function waitFinding(
  lock: Lock,
  session: Session | undefined,
  all: readonly Lock[],
  { limits }: Seat,
): (Verdict & { about: string })[] {
  const waited = lock.waitMs ?? 0;
  const { status, threshold } = against(waited, limits.lockWaitMs);
  if (status === 'ok') return [];
  const own = all.filter((one) => one.granted && one.pid === lock.pid);
  return [
    {
      about: whose(lock, session),
      status,
      reason: `waits for ${duration(waited)} for ${lockText({ ...lock, target: wantedTarget(lock, own) })}, behind ${blockers(lock)}`,
      value: Math.round(waited),
      unit: 'ms',
      threshold,
      next: ['opsctl db blocking'],
    },
  ];
}

function heldFinding(lock: Lock, session: Session | undefined, { limits }: Seat): (Verdict & { about: string })[] {
  const open = session?.transactionMs;
  if (open === undefined) return [];
  const { status, threshold } = against(open, limits.longestTransactionMs);
  if (status === 'ok') return [];
  return [
    {
      about: whose(lock, session),
      status,
      reason: `holds ${lockText(lock)} in a transaction open for ${duration(open)}: ${KEEPS_OUT[lock.mode] ?? ''}`,
      value: Math.round(open),
      unit: 'ms',
      threshold,
      next: ['opsctl db blocking', 'opsctl db activity'],
    },
  ];
}

const tableFinding = (
  taken: number,
  capacity: number,
  { status, threshold }: { status: Verdict['status']; threshold: number },
): Verdict & { about: string } => ({
  about: 'lock table',
  status,
  reason: `${plural(taken, 'lock')} of ${Math.round(capacity).toString()}: when it is full, queries fail with "out of shared memory"`,
  value: taken,
  unit: 'locks',
  threshold: Math.ceil(threshold * capacity),
  next: ['opsctl db query "SELECT pid, count(*) FROM pg_locks GROUP BY pid ORDER BY 2 DESC"'],
});

const whose = (lock: Lock, session: Session | undefined): string =>
  session === undefined
    ? lock.prepared === undefined
      ? `${lock.pid.toString()} (${lock.backend ?? 'another process'})`
      : `prepared transaction ${lock.prepared}`
    : nameOf(session);

const rowOf = (lock: Lock, session: Session | undefined, all: readonly Lock[]): LockRow => ({
  pid: lock.pid,
  user: session?.user ?? null,
  application: session?.application ?? lock.backend ?? null,
  prepared: lock.prepared ?? null,
  kind: lock.kind,
  target: lock.granted
    ? lock.target
    : wantedTarget(
        lock,
        all.filter((one) => one.granted && one.pid === lock.pid),
      ),
  mode: lock.mode,
  granted: lock.granted,
  waitMs: lock.waitMs ?? null,
  transactionMs: session?.transactionMs ?? null,
  blockedBy: lock.blockedBy,
  blockedByPrepared: lock.blockedByPrepared ?? [],
  query: session?.query ?? null,
});
