/** Who holds up whom: the sessions at the root of a pile-up, their victims, and what ending a root would free. */
import * as z from 'zod';

import { waitingSessions } from '../checks/database-facts.ts';
import { duration, plural } from '../core/format.ts';
import { type Lock, LOCK_MODES } from '../core/ports/database.ts';
import { queryCommand } from '../core/suggestion.ts';
import { oneLine } from '../core/text.ts';
import { leading, type Status, type Verdict } from '../core/verdict.ts';
import { nameOf } from './activity.ts';
import { type Ending, endingPrepared, endingSession, lookingAt } from './ending.ts';
import { lockTree, type Waiter } from './lock-tree.ts';
import type { Report } from './report.ts';

const rowSchema = z
  .object({
    pid: z.number().describe('0 for a prepared transaction'),
    depth: z.number().describe('0 for a root, which waits for nobody'),
    prepared: z.string().nullable().describe('identifier of the prepared transaction that it is'),
    root: z.number().describe('process id of the root that it is drawn under; 0 for a prepared transaction'),
    rootPrepared: z.string().nullable().describe('identifier of the prepared transaction that is its root'),
    blockedBy: z
      .array(z.number())
      .describe('edges of the tree: all process ids that it waits for; 0 for a prepared transaction that is not known'),
    blockedByPrepared: z.array(z.string()).describe('identifiers of the prepared transactions that it waits for'),
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
  judge: ({ sessions, locks: { locks } }, { limits, server }) => {
    const tree = lockTree(locks, sessions);
    const waiting = locks.filter(({ granted }) => !granted);
    const longest = Math.max(0, ...waiting.map(({ waitMs }) => waitMs ?? 0));
    const roots = tree.filter(({ depth }) => depth === 0);
    const blocked = new Set(waiting.map(({ pid }) => pid)).size;
    const whole = waitingSessions(blocked, longest, limits);
    if (blocked === 0) return { findings: [{ about: '', ...leading(whole, []) }], rows: [] };
    const reason = `${whole.reason}; ${plural(roots.length, 'session')} at the root of it`;
    const judged = roots.map((root) => rootFinding(root, tree, whole.status, server.role));
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
    { title: 'QUERY', flexible: true, least: 32 },
  ],
  cells: (row) => [
    `${row.depth === 0 ? '' : `${'  '.repeat(row.depth - 1)}└ `}${row.pid === 0 ? 'prepared' : row.pid.toString()} ${row.prepared ?? (row.application || row.user || '')}`.trimEnd(),
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

function rootFinding(root: Waiter, tree: readonly Waiter[], status: Status, role: string): Verdict & { about: string } {
  const { session, frees, freesAtOnce, circle } = root;
  const below = tree.filter((one) => one.root === root.id && one !== root);
  const longest = Math.max(0, ...below.map(({ waits }) => waits?.waitMs ?? 0));
  const wanted = wantedOf(root, below);
  const ends =
    frees === below.length
      ? `when it ends, ${freesAtOnce === frees ? (frees === 1 ? 'it goes on' : 'all go on at once') : `${plural(freesAtOnce, 'goes', 'go')} on at once, ${(frees - freesAtOnce).toString()} in turn`}`
      : `when it ends, ${frees.toString()} of them go on; the others wait for somebody else too`;
  const { next, remark } = ending(root, role);
  return {
    about: session === undefined ? otherName(root) : nameOf(session),
    status,
    reason: circle
      ? `waits in a circle with ${plural(below.length, 'session')}: a deadlock, which the server ends by itself`
      : `${doing(root)}${wanted === undefined ? '' : `, holds ${lockText(wanted)}`}; ${plural(below.length, 'session waits', 'sessions wait')}, the longest for ${duration(longest)}; ${ends}${remark}`,
    value: below.length,
    unit: 'sessions',
    next: circle ? [] : next,
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

const strongestFirst = (locks: readonly Lock[]): Lock[] =>
  locks.toSorted((a, b) => LOCK_MODES.indexOf(b.mode) - LOCK_MODES.indexOf(a.mode));

function doing({ pid, session }: Waiter): string {
  if (session === undefined) return pid === 0 ? 'waits for its COMMIT PREPARED or ROLLBACK PREPARED' : 'runs';
  const { state, stateMs, transactionMs } = session;
  if (state === undefined) return 'does what is hidden from this role';
  return state.startsWith('idle in transaction') && stateMs !== undefined
    ? `${state} for ${duration(stateMs)}`
    : `${state}${transactionMs === undefined ? '' : `, transaction open for ${duration(transactionMs)}`}`;
}

const otherName = ({ id, holds }: Waiter): string =>
  typeof id === 'string'
    ? `prepared transaction ${id}`
    : id === 0
      ? 'a prepared transaction that is not known'
      : `${id.toString()} (${holds[0]?.backend ?? 'another process'})`;

/** How it is ended. Of a prepared transaction that is not known none: another one may be what somebody relies on. */
function ending({ id, session }: Waiter, role: string): Ending {
  if (session !== undefined) return endingSession(session, role);
  const next =
    typeof id === 'string'
      ? endingPrepared(id)
      : [id === 0 ? queryCommand('SELECT * FROM pg_prepared_xacts') : lookingAt(id)];
  return { next, remark: '' };
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

function rowOf({ id, pid, depth, root, frees, freesAtOnce, waits, holds, session }: Waiter): BlockingRow {
  return {
    pid,
    depth,
    prepared: typeof id === 'string' ? id : null,
    root: typeof root === 'number' ? root : 0,
    rootPrepared: typeof root === 'string' ? root : null,
    frees,
    freesAtOnce,
    blockedBy: waits?.blockedBy ?? [],
    blockedByPrepared: waits?.blockedByPrepared ?? [],
    database: session?.database ?? null,
    user: session?.user ?? null,
    application: session?.application ?? holds[0]?.backend ?? null,
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
