import { bytes, duration, percent, plural } from '../core/format.ts';
import type { Thresholds } from '../core/thresholds.ts';
import type { DatabaseVitals, HiddenPart } from '../core/ports/data.ts';
import { against, type Verdict, verdict } from '../core/verdict.ts';

/** Verdicts on a PostgreSQL server, by the last part of their check id. `logs`: commands that show its log. */
export function database(vitals: DatabaseVitals, limits: Thresholds, logs: string[]): Record<string, Verdict> {
  const forbidden = vitals.hidden.filter((one) => one.forbidden);
  return {
    direct: verdict.ok(
      `PostgreSQL ${vitals.version}${vitals.inRecovery ? ', a replica,' : ''} answers in ${duration(vitals.latencyMs)}`,
      { value: round(vitals.latencyMs), unit: 'ms' },
    ),
    connections: connections(vitals, limits, logs),
    transactions: transactions(vitals, limits, logs),
    locks: locks(vitals, limits, logs),
    replication: replication(vitals, limits, logs),
    'cache-hit': cacheHit(vitals, limits),
    size: size(vitals),
    'xid-age': xidAge(vitals, limits),
    ...(forbidden.length === 0
      ? {}
      : {
          privileges: verdict.skipped(
            `not visible to this role: ${forbidden.map(({ part, reason }) => `${part}: ${reason}`).join('; ')}`,
            GRANT,
          ),
        }),
  };
}

const GRANT = ['GRANT pg_monitor TO <role>'];

/** A figure that is not there: skipped where a right is missing, which is a choice; else not observed. */
function unseen({ hidden }: DatabaseVitals, parts: HiddenPart['part'][], what: string): Verdict {
  const causes = hidden.filter(({ part }) => parts.includes(part));
  const reason = causes.map((one) => one.reason).join('; ') || 'the server does not tell';
  return causes.length > 0 && causes.every(({ forbidden }) => forbidden)
    ? verdict.skipped(`${what} cannot be seen by this role: ${reason}`, GRANT)
    : verdict.unknown(`${what} could not be observed: ${reason}`, []);
}

function connections(vitals: DatabaseVitals, limits: Thresholds, logs: string[]): Verdict {
  if (vitals.connections === undefined) return unseen(vitals, ['activity'], 'the number of connections');
  const share = vitals.connections / vitals.connectionLimit;
  const { status, threshold } = against(share, limits.databaseConnections);
  const doing =
    vitals.activeSessions === undefined || vitals.idleInTransaction === undefined
      ? ', what they do is hidden'
      : `, ${vitals.activeSessions.toString()} active, ${vitals.idleInTransaction.toString()} idle in transaction`;
  const reason = `${vitals.connections.toString()} of ${vitals.connectionLimit.toString()} usable connections (${percent(share)})${doing}`;
  const measured = {
    value: vitals.connections,
    unit: 'connections',
    threshold: Math.ceil(threshold * vitals.connectionLimit),
  };
  return status === 'ok'
    ? verdict.ok(reason, measured)
    : { status, reason, ...measured, next: ['opsctl stats', ...logs] };
}

function transactions(vitals: DatabaseVitals, limits: Thresholds, logs: string[]): Verdict {
  const longest = vitals.longestTransaction;
  const hidden = unseen(vitals, ['activity'], 'the longest transaction');
  if (longest === undefined) return hidden;
  if (longest === null) return verdict.ok('no open transaction');
  const { status, threshold } = against(longest.ageMs, limits.longestTransactionMs);
  const measured = { value: round(longest.ageMs), unit: 'ms', threshold };
  const reason = `longest transaction ${duration(longest.ageMs)}: pid ${longest.pid.toString()}, ${longest.state}${longest.application === '' ? '' : `, ${longest.application}`}`;
  if (status !== 'ok') return { status, reason, ...measured, next: logs };
  // The longest that this role sees need not be the longest there is.
  return vitals.hidden.some(({ part }) => part === 'activity') ? hidden : verdict.ok(reason, measured);
}

function locks(vitals: DatabaseVitals, limits: Thresholds, logs: string[]): Verdict {
  if (vitals.blockedSessions === undefined) return unseen(vitals, ['locks', 'activity'], 'who waits for a lock');
  const { status, threshold } = against(vitals.blockedSessions, limits.blockedSessions);
  const measured = { value: vitals.blockedSessions, unit: 'sessions', threshold };
  if (vitals.blockedSessions === 0) return verdict.ok('no session waits for a lock', measured);
  const reason = `${plural(vitals.blockedSessions, 'session')} ${vitals.blockedSessions === 1 ? 'waits' : 'wait'} for a lock, the longest for ${vitals.longestWaitMs === undefined ? 'a time not known' : duration(vitals.longestWaitMs)}`;
  return status === 'ok' ? verdict.ok(reason, measured) : { status, reason, ...measured, next: logs };
}

function replication(vitals: DatabaseVitals, limits: Thresholds, logs: string[]): Verdict {
  if (vitals.replayLagMs !== undefined)
    return verdict.ok(`a replica, last replayed ${duration(vitals.replayLagMs)} ago`, {
      value: round(vitals.replayLagMs),
      unit: 'ms',
    });
  if (vitals.inRecovery) return unseen(vitals, ['replay'], 'how far this replica is behind');
  if (vitals.replicas === undefined) return unseen(vitals, ['replication'], 'replicas');
  if (vitals.replicas.length === 0) return verdict.ok('no replicas are connected');
  const known = vitals.replicas.flatMap(({ lagBytes }) => lagBytes ?? []);
  const lag = Math.max(...known);
  const { status, threshold } = against(lag, limits.replicationLagBytes);
  const measured = { value: lag, unit: 'bytes', threshold };
  const dark = vitals.replicas.length - known.length;
  const reason = `${plural(vitals.replicas.length, 'replica')}, the farthest ${bytes(lag)} behind`;
  if (known.length > 0 && status !== 'ok') return { status, reason, ...measured, next: logs };
  if (dark > 0) return unseen(vitals, ['replication'], `how far ${plural(dark, 'replica')} is behind`);
  return verdict.ok(reason, measured);
}

function cacheHit(vitals: DatabaseVitals, limits: Thresholds): Verdict {
  if (vitals.cacheHit === undefined) return unseen(vitals, ['databases'], 'the share of reads found in shared buffers');
  if (vitals.cacheHit === null) return verdict.ok('nothing was read since the statistics were reset');
  const { status, threshold } = against(vitals.cacheHit, limits.databaseCacheHit, 'less');
  const measured = { value: round(vitals.cacheHit), unit: 'share', threshold };
  const reason = `${percent(vitals.cacheHit)} of the reads found in shared buffers`;
  // A low ratio is slow, not broken: it never counts as critical by itself.
  return status === 'ok' ? verdict.ok(reason, measured) : verdict.warn(reason, ['opsctl stats'], measured);
}

function size(vitals: DatabaseVitals): Verdict {
  if (vitals.size === undefined) return unseen(vitals, ['size'], 'its size');
  const note = vitals.hidden.find(({ part }) => part === 'size');
  return verdict.ok(`${bytes(vitals.size)} on disk${note === undefined ? '' : ` (${note.reason})`}`, {
    value: vitals.size,
    unit: 'bytes',
  });
}

function xidAge(vitals: DatabaseVitals, limits: Thresholds): Verdict {
  if (vitals.xidAge === undefined) return unseen(vitals, ['databases'], 'the age of the oldest transaction id');
  const { status, threshold } = against(vitals.xidAge, limits.xidAge);
  const measured = { value: vitals.xidAge, unit: 'transactions', threshold };
  const reason = `oldest unfrozen transaction id is ${(vitals.xidAge / 1e6).toFixed(1)} million old (writes stop near 2,147 million)`;
  return status === 'ok'
    ? verdict.ok(reason, measured)
    : { status, reason, ...measured, next: ['VACUUM (FREEZE) the oldest tables of the database'] };
}

const round = (value: number): number => Math.round(value * 1000) / 1000;
