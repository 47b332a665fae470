/** Ending what sessions do: each is named by process id, connection and query, and nothing else is ever hit. */
import type { Plan, Step } from '../core/change.ts';
import { OpsError } from '../core/errors.ts';
import { duration, plural } from '../core/format.ts';
import { gate, plan, step } from '../core/plan.ts';
import type { Lock, Session } from '../core/ports/database.ts';
import type { RunningQuery } from '../core/ports/database-changes.ts';
import { oneLine } from '../core/text.ts';
import { nameOf } from './activity.ts';
import { preciousness } from './ending.ts';
import { lockTree } from './lock-tree.ts';

/** At most so many sessions in one change: more is a matter of the application that opens them. */
export const MOST_KILLED = 5;

/** How long a cancelled query may take to stop, before its session is ended where that was asked for; in ms. */
const CANCEL_MS = 5000;
/** How long a session may take to end: its transaction is rolled back meanwhile. In ms. */
const TERMINATE_MS = 30_000;
/** How long those that waited may take to go on, in ms. */
const FREED_MS = 5000;

export interface KillRequest {
  database: string;
  pids: number[];
  /** End the session where cancelling its query is not enough, or where it has none. */
  terminate: boolean;
  /** Also what is left alone otherwise: superusers, dumps, indexes that are built concurrently. */
  force: boolean;
}

/** @throws NOT_FOUND for a session that is gone or no client's, UNSAFE for one that is better left alone */
export function planKill({ sessions, locks }: { sessions: Session[]; locks: Lock[] }, request: KillRequest): Plan {
  const { database, pids } = request;
  const [first, ...others] = pids.map((pid) => {
    const session = sessions.find((one) => one.pid === pid);
    if (session === undefined) throw noClient(pid, locks);
    mustBeEndable(session, request);
    return session;
  });
  if (first === undefined) throw new OpsError('BUG', 'no session was named');
  const victims = [first, ...others];
  return plan({
    target: database,
    summary: `end what ${plural(victims.length, 'session')} of database ${database} ${victims.length === 1 ? 'does' : 'do'}`,
    touches: victims.map(
      (one) =>
        `session ${nameOf(one)} of ${one.user} from ${one.client}${queryOf(one)}, connected since ${one.startedAt}`,
    ),
    seen: victims.map((one) => seenOf(one, locks, sessions)),
    steps: [
      ...victims.flatMap((one) => endingOf(one, request)),
      gate({
        id: `database.freed:${pids.join(',')}`,
        describe: 'see that no session waits for them any more',
        why: 'they are ended for the sake of those that wait',
        verify: (r) => r.database.holdUpNobody(database, pids),
        explain: (r) => r.database.sessionState(database, queryIn(first)),
        timeoutMs: FREED_MS,
      }),
    ],
  });
}

const queryIn = ({ pid, startedAt, queryStartedAt }: Session): RunningQuery => ({
  pid,
  startedAt,
  queryStartedAt: queryStartedAt ?? null,
});

/** A transaction that failed: behind a savepoint it still holds what it locked before that. */
const FAILED = 'idle in transaction (aborted)';
/** What ends with a session that runs nothing, by its state. */
const RUNS_NOTHING: Readonly<Record<string, string>> = {
  idle: 'it runs nothing: its connection and its advisory locks, if it has some, are given back',
  [FAILED]: 'its transaction has failed: the connection, and the locks from before a savepoint, are given back',
};

function endingOf(session: Session, { database, terminate }: KillRequest): Step[] {
  const query = queryIn(session);
  const { pid } = session;
  const left = RUNS_NOTHING[session.state ?? ''];
  if (left !== undefined)
    return [
      step({
        id: `database.disconnect:${pid.toString()}`,
        describe: `end session ${nameOf(session)}, unless it has gone on to something else`,
        why: left,
        do: (w) => w.database.disconnect(database, query),
        verify: (r) => r.database.hasMovedOn(database, query),
        explain: (r) => r.database.sessionState(database, query),
        timeoutMs: TERMINATE_MS,
      }),
    ];
  const ending = step({
    id: `database.terminate:${pid.toString()}`,
    describe: `end session ${nameOf(session)}, unless its query and its transaction are over and hold no lock`,
    why: 'its transaction is rolled back, which frees its locks',
    do: (w) => w.database.terminate(database, query),
    verify: (r) => r.database.isOver(database, query),
    explain: (r) => r.database.sessionState(database, query),
    timeoutMs: TERMINATE_MS,
  });
  if (session.state !== 'active') return [ending];
  const cancel = step({
    id: `database.cancel:${pid.toString()}`,
    describe: `cancel the query of ${nameOf(session)}`,
    why: 'the mildest end: the client is told, and its connection stays',
    do: (w) => w.database.cancel(database, query),
    verify: (r) => r.database.isCancelled(database, query),
    explain: (r) => r.database.sessionState(database, query),
    timeoutMs: CANCEL_MS,
    ...(terminate ? { onFailure: 'go on' as const } : {}),
  });
  return terminate ? [cancel, ending] : [cancel];
}

function noClient(pid: number, locks: readonly Lock[]): OpsError {
  const backend = locks.find((one) => one.pid === pid)?.backend;
  return backend === undefined
    ? new OpsError('NOT_FOUND', `there is no session ${pid.toString()} of a client: it is gone`, {
        hint: 'See who is there: opsctl db activity',
      })
    : new OpsError('UNSAFE', `${pid.toString()} is no client but ${backend}`, {
        hint: 'The server starts and ends its own processes. See who holds up whom: opsctl db blocking',
      });
}

function mustBeEndable(session: Session, { terminate, force, pids }: KillRequest): void {
  const { pid, state } = session;
  const refuse = (why: string, hint: string): never => {
    throw new OpsError('UNSAFE', `session ${nameOf(session)} ${why}`, { hint });
  };
  const again = (flag: string): string => `opsctl db kill ${pids.join(' ')} ${flag}`;
  if (state === undefined)
    return refuse(
      'hides from this role what it does',
      'GRANT pg_read_all_stats and pg_signal_backend to the role that opsctl uses, then look again: opsctl db activity',
    );
  if (state !== 'active' && !terminate)
    return refuse(
      `is ${state}: it runs no query that could be cancelled`,
      `End the session instead${state === 'idle' ? '' : ', whose transaction is then rolled back'}: ${again('--terminate')}`,
    );
  const precious = preciousness(session);
  if (precious !== undefined && !force)
    refuse(
      precious,
      `If you mean it: ${again(terminate ? '--terminate --force' : '--force')} (session ${pid.toString()})`,
    );
}

/** The query without what was written into it: a plan is kept in the journal. */
const queryOf = ({ query }: Session): string =>
  query === undefined || query === ''
    ? ''
    : `: ${oneLine(query.replaceAll(/'(?:[^']|'')*(?:'|$)/g, "'…'")).slice(0, 120)}`;

function seenOf(session: Session, locks: readonly Lock[], sessions: readonly Session[]): string {
  const { pid, state = '', transactionMs, stateMs } = session;
  const root = lockTree(locks, sessions).find((one) => one.pid === pid && one.depth === 0);
  const below = locks.filter((one) => !one.granted && one.blockedBy.includes(pid)).length;
  return [
    `${nameOf(session)}: ${state}${stateMs === undefined ? '' : ` for ${duration(stateMs)}`}`,
    transactionMs === undefined ? 'no transaction' : `its transaction of ${duration(transactionMs)} is rolled back`,
    below === 0
      ? 'nobody waits for it'
      : `${plural(below, 'session waits', 'sessions wait')} for it${root === undefined ? '' : `, ${root.frees.toString()} in all ${root.frees === 1 ? 'goes' : 'go'} on when it ends`}`,
  ].join('; ');
}
