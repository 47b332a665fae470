import type { Replication, Slot, Standby } from '../../../core/ports/database.ts';
import { age, figure, isoTime, type Row, text, told } from '../row.ts';
import type { Part } from './part.ts';

/**
 * Who reads this server's log, what is kept for whom, and on a replica how far it is. On a replica that feeds others its
 * own replay is the measure. A base backup under way is no replica. When everything received is replayed and the receiver
 * runs, a replica is not behind: an idle primary sends nothing to replay.
 */
export const replication: Part<Replication> = {
  sql: ({ major }) => `
with here as materialized (
  select case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end as lsn)
select 'standby' as kind, s.application_name as name, coalesce(host(s.client_addr), 'local') as detail, s.state, s.sync_state as mode,
       pg_wal_lsn_diff(here.lsn, coalesce(s.replay_lsn, s.flush_lsn, s.write_lsn, s.sent_lsn))::float8 as bytes,
       extract(epoch from s.replay_lag)::float8 * 1000 as ms, s.state is not null as told, null::float8 as at, null::float8 as safe, false as temporary
from pg_stat_replication s cross join here
where s.state is distinct from 'backup'
union all
select 'slot', l.slot_name::text, coalesce(l.database::text, ''), case when l.active then 'active' else 'inactive' end, l.slot_type,
       pg_wal_lsn_diff(here.lsn, l.restart_lsn)::float8, null, l.wal_status is distinct from 'lost',
       ${major >= 17 ? 'extract(epoch from l.inactive_since)::float8 * 1000' : 'null'}, l.safe_wal_size::float8, l.temporary
from pg_replication_slots l cross join here
union all
select 'upstream', coalesce(r.sender_host, ''), coalesce(r.status, ''), case when pg_is_wal_replay_paused() then 'paused' else 'replaying' end, null,
       pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())::float8,
       case when pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() and r.pid is not null then 0
            else extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())::float8 * 1000 end,
       r.pid is not null, null, null, false
from (select 1) as one left join pg_stat_wal_receiver r on true
where pg_is_in_recovery()
limit 500`,
  read: (rows) => {
    const of = (kind: string): Row[] => rows.filter((row) => row['kind'] === kind);
    const [upstream] = of('upstream');
    return {
      standbys: of('standby').map(standbyOf),
      slots: of('slot').map(slotOf),
      ...(upstream !== undefined && {
        upstream: told({
          isConnected: upstream['told'] === true,
          isPaused: upstream['state'] === 'paused',
          host: text(upstream['name']) || undefined,
          lagBytes: age(upstream['bytes']),
          lagMs: age(upstream['ms']),
        }),
      }),
    };
  },
};

const standbyOf = (row: Row): Standby =>
  told({
    name: text(row['name']),
    client: text(row['detail']),
    // What it does is hidden from a role without pg_read_all_stats.
    state: text(row['state']) || undefined,
    mode: text(row['mode']) || undefined,
    lagBytes: age(row['bytes']),
    lagMs: age(row['ms']),
  });

const slotOf = (row: Row): Slot =>
  told({
    name: text(row['name']),
    database: text(row['detail']) || undefined,
    kind: row['mode'] === 'logical' ? 'logical' : 'physical',
    isActive: row['state'] === 'active',
    isLost: row['told'] !== true,
    isTemporary: row['temporary'] === true,
    retainedBytes: age(row['bytes']),
    safeBytes: figure(row['safe']),
    inactiveSince: isoTime(row['at']),
  });
