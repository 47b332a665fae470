/** Who holds up whom: the sessions at the root of a pile-up, their victims, and what ending a root would free. */
import * as z from 'zod';

import { waitingSessions } from '../checks/database-facts.ts';
import { duration, plural } from '../core/format.ts';
import type { Lock } from '../core/ports/database.ts';
import { oneLine } from '../core/text.ts';
import { leading, type Status, type Verdict } from '../core/verdict.ts';
import { killing, nameOf } from './activity.ts';
import { lockTree, type Waiter } from './lock-tree.ts';
import type { Report } from './report.ts';

const rowSchema = z
  .object({
    pid: z.number().describe('0 for a prepared transaction'),
    depth: z.number().describe('0 for a root, which waits for nobody'),
    root: z.number().describe('process id of the root that it is drawn under'),
    blockedBy: z.array(z.number()).describe('edges of the tree: all process ids that it waits for'),
    frees: z.number().describe('of a root: sessions that go on, one after the other, when it ends'),
    freesAtOnce: z.number(),
    database: z.string().nullable(),
    user: z.string().nullable(),
    application: z.string().nullable(),
    state: z.string().nullable(),
    startedAt: z.string().nullable(),
    queryStartedAt: z.string().nullable(),
    transactionMs: z.number().nullable(),
    stateMs: z.number().nullable(),
    waitMs: z.number().nullable(),
    waitsFor: z.object({ kind: z.string(), target: z.string(), mode: z.string() }).nullable(),
    holds: z.array(z.object({ kind: z.string(), target: z.string(), mode: z.string() })),
    query: z.string().nullable(),
  })
  .meta({ id: 'DatabaseBlocking' });
export type BlockingRow = z.infer<typeof rowSchema>;

export const blocking: Report<'sessions' | 'locks', BlockingRow> = {
  name: 'blocking',
  parts: ['sessions', 'locks'],
  row: rowSchema,
  judge: ({ sessions, locks: { locks } }, { limits }) => {
    const tree = lockTree(locks, sessions);
    const waiting = locks.filter(({ granted }) => !granted);
    const longest = Math.max(0, ...waiting.map(({ waitMs }) => waitMs ?? 0));
    const roots = tree.filter(({ depth }) => depth === 0);
    const blocked = new Set(waiting.map(({ pid }) => pid)).size;
    const whole = waitingSessions(blocked, longest, limits);
    if (blocked === 0) return { findings: [{ about: '', ...leading(whole, []) }], rows: [] };
    const reason = `${whole.reason}; ${plural(roots.length, 'session')} at the root of it`;
    const judged = roots.map((root) => rootFinding(root, tree, whole.status));
    return {
      // What frees the most is what to do about the whole.
      findings: [{ about: '', ...whole, reason, next: judged[0]?.next ?? [] }, ...judged],
      rows: tree.map(rowOf),
    };
  },
  columns: [
    { title: 'SESSION' },
    { title: 'STATE' },
    { title: 'FOR', align: 'right' },
    { title: 'FREES', align: 'right' },
    { title: 'LOCK', flexible: true },
    { title: 'QUERY', flexible: true },
  ],
  cells: (row) => [
    `${row.depth === 0 ? '' : `${'  '.repeat(row.depth - 1)}└ `}${row.pid === 0 ? 'prepared' : row.pid.toString()} ${row.application || row.user || ''}`.trimEnd(),
    row.waitsFor === null ? (row.state ?? 'hidden') : 'waits',
    durationOrDash(row.waitMs ?? row.transactionMs),
    row.frees === 0 ? '-' : row.frees.toString(),
    row.waitsFor === null ? (row.holds[0] === undefined ? '-' : lockText(row.holds[0])) : lockText(row.waitsFor),
    oneLine(row.query ?? '-'),
  ],
};

const durationOrDash = (ms: number | null): string => (ms === null ? '-' : duration(ms));

/** `AccessExclusive on public.orders`. */
export const lockText = ({ mode, target }: Pick<Lock, 'mode' | 'target'>): string =>
  `${mode.replace(/Lock$/, '')} on ${target}`;

function rootFinding(root: Waiter, tree: readonly Waiter[], status: Status): Verdict & { about: string } {
  const { session, frees, freesAtOnce, circle } = root;
  const below = tree.filter((one) => one.root === root.pid && one !== root);
  const longest = Math.max(0, ...below.map(({ waits }) => waits?.waitMs ?? 0));
  const wanted = wantedOf(root, below);
  const ends =
    frees === below.length
      ? `when it ends, ${freesAtOnce === frees ? (frees === 1 ? 'it goes on' : 'all go on at once') : `${plural(freesAtOnce, 'goes', 'go')} on at once, ${(frees - freesAtOnce).toString()} in turn`}`
      : `when it ends, ${frees.toString()} of them go on; the others wait for somebody else too`;
  return {
    about: session === undefined ? otherName(root) : nameOf(session),
    status,
    reason: circle
      ? `waits in a circle with ${plural(below.length, 'session')}: a deadlock, which the server ends by itself`
      : `${doing(root)}${wanted === undefined ? '' : `, holds ${lockText(wanted)}`}; ${plural(below.length, 'session waits', 'sessions wait')}, the longest for ${duration(longest)}; ${ends}`,
    value: below.length,
    unit: 'sessions',
    next: circle ? [] : [ending(root)],
  };
}

/** The lock of the root that its victims want, as far as it can be told; else the strongest on a relation. */
function wantedOf(root: Waiter, below: readonly Waiter[]): Lock | undefined {
  const targets = new Set(below.map(({ waits }) => waits?.target));
  const tables = new Set(below.flatMap(({ holds }) => holds.filter(({ kind }) => kind === 'tuple').map(tableOf)));
  const relations = strongestFirst(root.holds.filter(({ kind }) => kind === 'relation'));
  return (
    strongestFirst(root.holds).find(({ target }) => targets.has(target)) ??
    relations.find(({ target }) => tables.has(target)) ??
    relations[0]
  );
}

const tableOf = ({ target }: Lock): string => target.replace(/^row of /, '');

/** Modes of a lock on a relation, the weakest first. */
const STRENGTH = [
  'AccessShareLock',
  'RowShareLock',
  'RowExclusiveLock',
  'ShareUpdateExclusiveLock',
  'ShareLock',
  'ShareRowExclusiveLock',
  'ExclusiveLock',
  'AccessExclusiveLock',
];
const strongestFirst = (locks: readonly Lock[]): Lock[] =>
  locks.toSorted((a, b) => STRENGTH.indexOf(b.mode) - STRENGTH.indexOf(a.mode));

function doing({ session, holds }: Waiter): string {
  if (session === undefined) return holds[0]?.prepared === undefined ? 'runs' : 'a prepared transaction';
  const { state, stateMs, transactionMs } = session;
  if (state === undefined) return 'does what is hidden from this role';
  return state.startsWith('idle in transaction') && stateMs !== undefined
    ? `${state} for ${duration(stateMs)}`
    : `${state}${transactionMs === undefined ? '' : `, transaction open for ${duration(transactionMs)}`}`;
}

const otherName = ({ pid, holds }: Waiter): string =>
  pid === 0
    ? `prepared transaction ${holds[0]?.prepared ?? ''}`.trim()
    : `${pid.toString()} (${holds[0]?.backend ?? 'another process'})`;

/** A session that is idle has no query that could be cancelled. */
function ending({ pid, session, holds }: Waiter): string {
  if (pid === 0) return `ROLLBACK PREPARED '${(holds[0]?.prepared ?? '').replaceAll("'", "''")}'`;
  return killing(pid, session?.state?.startsWith('idle') === true);
}

/** Locks named of one session. */
const HELD = 20;

const plainLock = ({ kind, target, mode }: Lock): { kind: string; target: string; mode: string } => ({
  kind,
  target,
  mode,
});

/** Who waits for the end of another transaction wants a row, whose lock it holds meanwhile. */
export const wantedTarget = (waits: Lock, holds: readonly Lock[]): string =>
  waits.kind === 'transactionid' ? (holds.find(({ kind }) => kind === 'tuple')?.target ?? waits.target) : waits.target;

function rowOf({ pid, depth, root, frees, freesAtOnce, waits, holds, session }: Waiter): BlockingRow {
  return {
    pid,
    depth,
    root,
    frees,
    freesAtOnce,
    blockedBy: waits?.blockedBy ?? [],
    database: session?.database ?? null,
    user: session?.user ?? null,
    application: session?.application ?? holds[0]?.prepared ?? holds[0]?.backend ?? null,
    state: session?.state ?? null,
    startedAt: session?.startedAt ?? null,
    queryStartedAt: session?.queryStartedAt ?? null,
    transactionMs: session?.transactionMs ?? null,
    stateMs: session?.stateMs ?? null,
    waitMs: waits?.waitMs ?? null,
    waitsFor: waits === undefined ? null : plainLock({ ...waits, target: wantedTarget(waits, holds) }),
    holds: strongestFirst(holds).slice(0, HELD).map(plainLock),
    query: session?.query ?? null,
  };
}
