/** Replication of a database, judged the same by `health` and by `opsctl db replication`. */
import { bytes, duration, plural } from '../core/format.ts';
import type { Replication, Slot, Standby } from '../core/ports/database.ts';
import { sqlString } from '../core/sql.ts';
import { granting, queryCommand, sqlStatement } from '../core/suggestion.ts';
import type { Thresholds } from '../core/thresholds.ts';
import { against, type Status, type Verdict, verdict, worst } from '../core/verdict.ts';

type Found = Verdict & { about: string };

/** Who asks, when, and the limits. */
interface Seat {
  /** The server's clock, ISO. */
  at: string;
  role: string;
  limits: Thresholds;
}

/** The first one sums up; the others are what is bad. */
export function replication(found: Replication, seat: Seat): [Found, ...Found[]] {
  const { standbys, slots, upstream } = found;
  const bad = [
    ...(upstream === undefined ? [] : upstreamFinding(upstream, seat)),
    ...standbys.flatMap((one) => standbyFinding(one, seat)),
    ...slots.flatMap((one) => slotFinding(one, seat)),
  ];
  const status = worst(bad.map((one) => one.status));
  const reason = told(found);
  const hidden = standbys.filter(({ state }) => state === undefined).length;
  const measured = { value: standbys.length, unit: 'standbys' };
  const sum =
    status !== 'ok'
      ? { status, reason, ...measured, next: [] }
      : hidden > 0
        ? verdict.skipped(`${reason}; what they do is hidden from role ${seat.role}`, [
            granting('pg_monitor', seat.role),
          ])
        : verdict.ok(reason, measured);
  return [{ about: '', ...sum }, ...bad];
}

function told({ standbys, slots, upstream }: Replication): string {
  const known = standbys.flatMap(({ lagBytes }) => lagBytes ?? []);
  const follow =
    standbys.length === 0
      ? 'no standby follows'
      : `${plural(standbys.length, 'standby follows', 'standbys follow')}${known.length === 0 ? '' : `, the farthest ${bytes(Math.max(...known))} behind`}`;
  const kept = Math.max(0, ...slots.map(({ retainedBytes }) => retainedBytes ?? 0));
  const keep = slots.length === 0 ? 'no slots' : `${plural(slots.length, 'slot')}, up to ${bytes(kept)} kept for one`;
  const self =
    upstream === undefined
      ? ''
      : `a replica${upstream.lagMs === undefined ? '' : `, ${upstream.lagMs < 1000 ? 'not behind' : `${duration(upstream.lagMs)} behind`}`}; `;
  return `${self}${follow}; ${keep}`;
}

function upstreamFinding(upstream: NonNullable<Replication['upstream']>, { limits }: Seat): Found[] {
  const { isConnected, isPaused, lagMs } = upstream;
  const lag = lagMs === undefined ? undefined : against(lagMs, limits.replicationLagMs);
  const about = `upstream ${upstream.host ?? ''}`.trim();
  const measured =
    lag === undefined || lagMs === undefined ? {} : { value: Math.round(lagMs), unit: 'ms', threshold: lag.threshold };
  const behind = lagMs === undefined ? '' : `; the last replayed transaction is ${duration(lagMs)} old`;
  if (isPaused)
    return [
      {
        about,
        ...verdict.warn(`replay is paused${behind}`, [sqlStatement('SELECT pg_wal_replay_resume()')], measured),
      },
    ];
  if (!isConnected)
    return [
      {
        about,
        status: lag?.status === 'crit' ? 'crit' : 'warn',
        reason: `no receiver runs: this replica has lost its primary, or restores from an archive${behind}`,
        ...measured,
        next: ['opsctl db query "SHOW primary_conninfo"'],
      },
    ];
  if (lag === undefined)
    return [{ about, ...verdict.unknown('how far this replica is behind is not told', ['opsctl db replication']) }];
  return lag.status === 'ok'
    ? []
    : [
        {
          about,
          status: lag.status,
          reason: `received, and not replayed yet${behind}`,
          ...measured,
          next: ['opsctl db activity', 'opsctl db blocking'],
        },
      ];
}

function standbyFinding(one: Standby, { limits }: Seat): Found[] {
  const byBytes = one.lagBytes === undefined ? undefined : against(one.lagBytes, limits.replicationLagBytes);
  const byTime = one.lagMs === undefined ? undefined : against(one.lagMs, limits.replicationLagMs);
  const isOff = one.state !== undefined && one.state !== 'streaming';
  const status = worst([
    ...(byBytes === undefined ? [] : [byBytes.status]),
    ...(byTime === undefined ? [] : [byTime.status]),
    ...(isOff ? (['warn'] satisfies Status[]) : []),
  ]);
  const about = `standby ${one.name}`;
  const next = [queryCommand(`SELECT * FROM pg_stat_replication WHERE application_name = ${sqlString(one.name)}`)];
  // One that streams and tells no lag is not known to follow; of one that is hidden the whole says so.
  if (one.state === 'streaming' && byBytes === undefined && byTime === undefined)
    return [{ about, ...verdict.unknown('how far it is behind is not told', next) }];
  if (status === 'ok') return [];
  const reasons = [
    ...(isOff ? [`in state ${one.state ?? ''}`] : []),
    ...(one.lagBytes === undefined ? [] : [`${bytes(one.lagBytes)} behind`]),
    ...(one.lagMs === undefined ? [] : [`${duration(one.lagMs)} behind`]),
  ];
  return [
    {
      about,
      status,
      reason: `${reasons.join(', ')}${one.mode === 'sync' ? '; commits wait for it' : ''}`,
      ...(byBytes !== undefined && { value: one.lagBytes, unit: 'bytes', threshold: byBytes.threshold }),
      next,
    },
  ];
}

function slotFinding(slot: Slot, { at, limits }: Seat): Found[] {
  const { name, isActive, isLost, isTemporary, retainedBytes = 0, safeBytes, inactiveSince } = slot;
  const { status, threshold } = against(retainedBytes, limits.retainedWalBytes);
  const about = `slot ${name}`;
  const look = queryCommand(`SELECT * FROM pg_replication_slots WHERE slot_name = ${sqlString(name)}`);
  const measured = { value: retainedBytes, unit: 'bytes', threshold };
  const safe = safeBytes === undefined ? '' : `, lost after ${bytes(Math.max(0, safeBytes))} more`;
  if (isLost)
    return [
      {
        about,
        ...verdict.crit('lost: the log that it needs was removed, and its reader has to begin anew', [
          look,
          droppingSlot(name),
        ]),
      },
    ];
  if (!isActive && !isTemporary) {
    const since =
      inactiveSince === undefined ? '' : ` for ${duration(Math.max(0, Date.parse(at) - Date.parse(inactiveSince)))}`;
    return [
      {
        about,
        status: status === 'crit' ? 'crit' : 'warn',
        reason: `nobody reads it${since}, and ${bytes(retainedBytes)} of the log are kept for it${safe}: see why its reader is away`,
        ...measured,
        // A standby that restarts is away for a moment: without its slot it may have to be copied anew.
        next: status === 'crit' ? [look, droppingSlot(name)] : [look],
      },
    ];
  }
  if (status === 'ok') return [];
  return [
    {
      about,
      status,
      reason: `its reader is behind, and ${bytes(retainedBytes)} of the log are kept for it${safe}`,
      ...measured,
      next: [look],
    },
  ];
}

/** What is lost with a slot is told beside it. */
export const droppingSlot = (name: string): string =>
  sqlStatement(
    `SELECT pg_drop_replication_slot(${sqlString(name)})`,
    'the last resort: whoever reads it has to begin anew',
  );
