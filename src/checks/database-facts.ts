/** Single facts of a database, judged the same wherever they are seen: at a glance by `health`, in full by `opsctl db`. */
import { duration, percent, plural } from '../core/format.ts';
import type { DatabaseUse } from '../core/ports/database-storage.ts';
import type { Thresholds } from '../core/thresholds.ts';
import { against, type Judgement, worst } from '../core/verdict.ts';

/** Slots in use against those that ordinary roles can use. */
export function connectionsInUse(count: number, limit: number, limits: Thresholds): Judgement {
  const { status, threshold } = against(count / limit, limits.databaseConnections);
  return {
    status,
    reason: `${count.toString()} of ${limit.toString()} usable connections (${percent(count / limit)})`,
    value: count,
    unit: 'connections',
    threshold: Math.ceil(threshold * limit),
  };
}

/** A transaction that is open, and how long its session is in its state. */
interface OpenTransaction {
  transactionMs: number;
  state?: string | undefined;
  stateMs?: number | undefined;
}

/** A transaction that is open for long holds its locks, and keeps VACUUM from what it may still look at. */
export function openTransaction({ transactionMs, state, stateMs }: OpenTransaction, limits: Thresholds): Judgement {
  const isIdle = state?.startsWith('idle in transaction') === true;
  const open = against(transactionMs, limits.longestTransactionMs);
  const idles = isIdle && stateMs !== undefined ? against(stateMs, limits.idleInTransactionMs) : undefined;
  const status = worst([open.status, ...(idles === undefined ? [] : [idles.status])]);
  const because = idles !== undefined && idles.status === status ? idles : open;
  const doing = isIdle ? `idle in transaction for ${duration(stateMs ?? transactionMs)}` : (state ?? '');
  return {
    status,
    reason: `transaction open for ${duration(transactionMs)}, ${doing}`,
    value: Math.round(because === open ? transactionMs : (stateMs ?? transactionMs)),
    unit: 'ms',
    threshold: because.threshold,
  };
}

/** Sessions that wait for a lock, by how many and for how long; the wait may not be known. */
export function waitingSessions(count: number, longestMs: number | undefined, limits: Thresholds): Judgement {
  const { status, threshold } = against(count, limits.blockedSessions);
  const measured = { value: count, unit: 'sessions', threshold };
  if (count === 0) return { status: 'ok', reason: 'no session waits for a lock', ...measured };
  const waits = longestMs === undefined ? [] : [against(longestMs, limits.lockWaitMs).status];
  return {
    status: worst([status, ...waits]),
    reason: `${plural(count, 'session waits', 'sessions wait')} for a lock, the longest for ${longestMs === undefined ? 'a time not known' : duration(longestMs)}`,
    ...measured,
  };
}

/** Blocks read in all before which a ratio says nothing: that much is read when a server starts. */
const ENOUGH_BLOCKS = 10_000;

type Blocks = Pick<DatabaseUse, 'name' | 'hits' | 'reads'>;

/** How much of what was read in a database was found in shared buffers. A low ratio is slow, not broken: never critical. */
export function blocksFound({ name, hits, reads }: Blocks, limits: Thresholds): Judgement {
  const all = hits + reads;
  if (all === 0) return { status: 'ok', reason: 'nothing was read since the statistics began' };
  const ratio = hits / all;
  const { status, threshold } = against(ratio, limits.databaseCacheHit, 'less');
  const reason = `${percent(ratio)} of the blocks read in database ${name} were found in shared buffers`;
  const measured = { value: Math.round(ratio * 10_000) / 10_000, unit: 'share', threshold };
  if (all < ENOUGH_BLOCKS) return { status: 'ok', reason: `${reason}; too few were read to judge that`, ...measured };
  return { status: status === 'crit' ? 'warn' : status, reason, ...measured };
}

/** Writes stop a little before the ids wrap around. */
const WRAPAROUND = 2 ** 31;

/** Age of the oldest id that is not frozen. */
export function unfrozen(what: 'transaction id' | 'multixact id', age: number, limits: Thresholds): Judgement {
  const { status, threshold } = against(age, limits.xidAge);
  return {
    status,
    reason: `oldest ${what} is ${idAge(age)}${status === 'ok' ? '' : ': at the end the server takes no more writes'}`,
    value: age,
    unit: 'transactions',
    threshold,
  };
}

export const idAge = (age: number): string =>
  `${(age / 1e6).toFixed(1)} million old (${percent(age / WRAPAROUND)} of what there is)`;
