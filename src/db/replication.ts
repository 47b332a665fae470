/** Who follows this server and how far behind, what is kept for whom, and how far a replica is itself. */
import * as z from 'zod';

import { bytes, duration, plural } from '../core/format.ts';
import type { Replication, Slot, Standby } from '../core/ports/database.ts';
import { granting, queryCommand, sqlStatement, sqlString } from '../core/suggestion.ts';
import { against, type Status, type Verdict, verdict, worst } from '../core/verdict.ts';
import type { Report, Seat } from './report.ts';

const rowSchema = z
  .object({
    kind: z.enum(['standby', 'slot', 'upstream']),
    name: z.string(),
    state: z.string().nullable().describe('null where it is hidden from the role that asks'),
    mode: z.string().nullable().describe('sync state of a standby; physical or logical for a slot'),
    lagBytes: z.number().nullable().describe('not replayed yet; of a slot, the log that is kept for it'),
    lagMs: z.number().nullable(),
    safeBytes: z.number().nullable().describe('log that can be written before the slot is lost; null without a limit'),
  })
  .meta({ id: 'DatabaseReplication' });
export type ReplicationRow = z.infer<typeof rowSchema>;
type Found = Verdict & { about: string };

export const replication: Report<'replication', ReplicationRow> = {
  name: 'replication',
  parts: ['replication'],
  row: rowSchema,
  judge: ({ replication: found }, seat) => {
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
    return {
      findings: [
        {
          about: '',
          ...(status !== 'ok'
            ? { status, reason, ...measured, next: [] }
            : hidden > 0
              ? verdict.skipped(`${reason}; what they do is hidden from role ${seat.server.role}`, [
                  granting('pg_monitor', seat.server.role),
                ])
              : verdict.ok(reason, measured)),
        },
        ...bad,
      ],
      rows: rowsOf(found),
    };
  },
  columns: [
    { title: 'KIND' },
    { title: 'NAME', flexible: true },
    { title: 'STATE' },
    { title: 'MODE' },
    { title: 'BEHIND OR KEPT', align: 'right' },
    { title: 'LAG', align: 'right' },
  ],
  cells: (row) => [
    row.kind,
    row.name,
    row.state ?? 'hidden',
    row.mode ?? '-',
    row.lagBytes === null ? '-' : bytes(row.lagBytes),
    row.lagMs === null ? '-' : duration(row.lagMs),
  ],
};

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
  return lag === undefined || lag.status === 'ok'
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
  if (status === 'ok') return [];
  const reasons = [
    ...(isOff ? [`in state ${one.state ?? ''}`] : []),
    ...(one.lagBytes === undefined ? [] : [`${bytes(one.lagBytes)} behind`]),
    ...(one.lagMs === undefined ? [] : [`${duration(one.lagMs)} behind`]),
  ];
  return [
    {
      about: `standby ${one.name}`,
      status,
      reason: `${reasons.join(', ')}${one.mode === 'sync' ? '; commits wait for it' : ''}`,
      ...(byBytes !== undefined && { value: one.lagBytes, unit: 'bytes', threshold: byBytes.threshold }),
      next: [queryCommand(`SELECT * FROM pg_stat_replication WHERE application_name = ${sqlString(one.name)}`)],
    },
  ];
}

function slotFinding(slot: Slot, { server, limits }: Seat): Found[] {
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
      inactiveSince === undefined
        ? ''
        : ` for ${duration(Math.max(0, Date.parse(server.at) - Date.parse(inactiveSince)))}`;
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

const rowsOf = ({ standbys, slots, upstream }: Replication): ReplicationRow[] => [
  ...(upstream === undefined
    ? []
    : [
        {
          kind: 'upstream' as const,
          name: upstream.host ?? '',
          state: upstream.isPaused ? 'paused' : upstream.isConnected ? 'receiving' : 'not receiving',
          mode: null,
          lagBytes: upstream.lagBytes ?? null,
          lagMs: upstream.lagMs ?? null,
          safeBytes: null,
        },
      ]),
  ...standbys.map((one) => ({
    kind: 'standby' as const,
    name: one.name,
    state: one.state ?? null,
    mode: one.mode ?? null,
    lagBytes: one.lagBytes ?? null,
    lagMs: one.lagMs ?? null,
    safeBytes: null,
  })),
  ...slots.map((one) => ({
    kind: 'slot' as const,
    name: one.name,
    state: one.isLost ? 'lost' : one.isActive ? 'active' : 'inactive',
    mode: one.kind,
    lagBytes: one.retainedBytes ?? null,
    lagMs: null,
    safeBytes: one.safeBytes ?? null,
  })),
];
