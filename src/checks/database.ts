import { bytes, duration } from '../core/format.ts';
import { granting } from '../core/suggestion.ts';
import type { Thresholds } from '../core/thresholds.ts';
import type { DatabaseVitals, HiddenPart, OpenTransaction } from '../core/ports/data.ts';
import { type Judgement, leading, type Verdict, verdict, worstFirst } from '../core/verdict.ts';
import { blocksFound, connectionsInUse, openTransaction, unfrozen, waitingSessions } from './database-facts.ts';
import { replication as judgeReplication } from './replication.ts';

/** Verdicts on a PostgreSQL server, by the last part of their check id. Each leads to the report that tells more. */
export function database(vitals: DatabaseVitals, limits: Thresholds): Record<string, Verdict> {
  const forbidden = vitals.hidden.filter((one) => one.forbidden);
  return {
    direct: verdict.ok(
      `PostgreSQL ${vitals.version}${vitals.inRecovery ? ', a replica,' : ''} answers in ${duration(vitals.latencyMs)}`,
      { value: Math.round(vitals.latencyMs * 1000) / 1000, unit: 'ms' },
    ),
    connections: connections(vitals, limits),
    transactions: transactions(vitals, limits),
    locks: locks(vitals, limits),
    replication: replication(vitals, limits),
    'cache-hit': cacheHit(vitals, limits),
    size: size(vitals),
    'xid-age': idAges(vitals, limits),
    ...(forbidden.length === 0
      ? {}
      : {
          privileges: verdict.skipped(
            `not visible to this role: ${forbidden.map(({ part, reason }) => `${part}: ${reason}`).join('; ')}`,
            grant(vitals),
          ),
        }),
  };
}

const grant = ({ role }: DatabaseVitals): string[] => [granting('pg_monitor', role)];

/** A figure that is not there: skipped where a right is missing, which is a choice; else not observed. */
function unseen(vitals: DatabaseVitals, parts: HiddenPart['part'][], what: string): Verdict {
  const causes = vitals.hidden.filter(({ part }) => parts.includes(part));
  const reason = causes.map((one) => one.reason).join('; ') || 'the server does not tell';
  return causes.length > 0 && causes.every(({ forbidden }) => forbidden)
    ? verdict.skipped(`${what} cannot be seen by this role: ${reason}`, grant(vitals))
    : verdict.unknown(`${what} could not be observed: ${reason}`, []);
}

function connections(vitals: DatabaseVitals, limits: Thresholds): Verdict {
  if (vitals.connections === undefined) return unseen(vitals, ['activity'], 'the number of connections');
  const judged = connectionsInUse(vitals.connections, vitals.connectionLimit, limits);
  const doing =
    vitals.activeSessions === undefined || vitals.idleInTransaction === undefined
      ? ', what they do is hidden'
      : `, ${vitals.activeSessions.toString()} active, ${vitals.idleInTransaction.toString()} idle in transaction`;
  return leading({ ...judged, reason: `${judged.reason}${doing}` }, ['opsctl db connections']);
}

/** The longest transaction, and the one that idles longest: whichever is worse. */
function transactions(vitals: DatabaseVitals, limits: Thresholds): Verdict {
  const { longestTransaction, longestIdle } = vitals;
  const open = [longestTransaction, longestIdle].filter((one) => one !== undefined && one !== null);
  const [bad] = worstFirst(open.map((one) => named(one, limits)));
  if (bad !== undefined && bad.status !== 'ok') return leading(bad, ['opsctl db activity']);
  // The longest that this role sees need not be the longest there is.
  if (longestTransaction === undefined || vitals.hidden.some(({ part }) => part === 'activity'))
    return unseen(vitals, ['activity'], 'the longest transaction');
  return bad === undefined ? verdict.ok('no open transaction') : leading(bad, []);
}

function named({ pid, application, ageMs, state, stateMs }: OpenTransaction, limits: Thresholds): Judgement {
  const judged = openTransaction({ transactionMs: ageMs, state, stateMs }, limits);
  return {
    ...judged,
    reason: `pid ${pid.toString()}${application === '' ? '' : ` (${application})`}: ${judged.reason}`,
  };
}

function locks(vitals: DatabaseVitals, limits: Thresholds): Verdict {
  if (vitals.blockedSessions === undefined) return unseen(vitals, ['locks', 'activity'], 'who waits for a lock');
  return leading(waitingSessions(vitals.blockedSessions, vitals.longestWaitMs, limits), ['opsctl db blocking']);
}

function replication(vitals: DatabaseVitals, limits: Thresholds): Verdict {
  if (vitals.replication === undefined) return unseen(vitals, ['replication'], 'replicas');
  const [whole, ...bad] = judgeReplication(vitals.replication, { at: vitals.at, role: vitals.role, limits });
  const { about, reason, ...rest } = worstFirst(bad)[0] ?? whole;
  return about === ''
    ? { ...rest, reason }
    : { ...rest, reason: `${about}: ${reason}`, next: ['opsctl db replication'] };
}

function cacheHit(vitals: DatabaseVitals, limits: Thresholds): Verdict {
  if (vitals.blocks === undefined) return unseen(vitals, ['databases'], 'the share of reads found in shared buffers');
  return leading(blocksFound(vitals.blocks, limits), ['opsctl db cache-hit']);
}

function size(vitals: DatabaseVitals): Verdict {
  if (vitals.size === undefined) return unseen(vitals, ['size'], 'its size');
  const note = vitals.hidden.find(({ part }) => part === 'size');
  return verdict.ok(`${bytes(vitals.size)} on disk${note === undefined ? '' : ` (${note.reason})`}`, {
    value: vitals.size,
    unit: 'bytes',
  });
}

function idAges(vitals: DatabaseVitals, limits: Thresholds): Verdict {
  const { xidAge, multixactAge } = vitals;
  if (xidAge === undefined || multixactAge === undefined)
    return unseen(vitals, ['databases'], 'the age of the oldest transaction id');
  const judged = [unfrozen('transaction id', xidAge, limits), unfrozen('multixact id', multixactAge, limits)] as const;
  return leading(worstFirst(judged)[0] ?? judged[0], ['opsctl db vacuum']);
}
