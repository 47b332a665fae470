/**
 * Functions of PostgreSQL and of what comes with it (contrib) whose effects neither a read-only transaction nor its rollback
 * keeps back. Known by name, which guards against mistakes; what a role may do is what its rights say.
 */
interface Effect {
  names: RegExp;
  does: string;
  /** What to run instead. */
  instead: string;
}

const PSQL = 'If that is meant, run it with psql.';

const EFFECTS: readonly Effect[] = [
  {
    names: /^pg_(cancel|terminate)_backend$/,
    does: 'ends what a session does',
    instead: 'End sessions with: opsctl db kill <pid>',
  },
  { names: /^dblink(_\w+)?$/, does: 'works over a connection of its own', instead: PSQL },
  {
    names: /^pg_(stat|stat_statements|stat_monitor|stat_kcache|qualstats|wait_sampling)_reset(_\w+)?$/,
    does: 'forgets statistics that others compare with',
    instead: 'For figures of the last seconds: opsctl db slow --interval 10s. If that is meant, run it with psql.',
  },
  {
    names:
      /^pg_((create|copy)_(physical|logical)_replication_slot|drop_replication_slot|replication_slot_advance|sync_replication_slots|logical_slot_get_(binary_)?changes)$/,
    does: 'changes replication slots',
    instead: `See them: opsctl db replication. ${PSQL}`,
  },
  {
    names:
      /^pg_(switch_wal|create_restore_point|logical_emit_message|log_standby_snapshot|backup_(start|stop)|(start|stop)_backup|promote|wal_replay_(pause|resume))$/,
    does: 'acts on the log of the server, or on those that follow it',
    instead: PSQL,
  },
  {
    names: /^pg_(reload_conf|rotate_logfile(_old)?|logfile_rotate|log_backend_memory_contexts)$/,
    does: 'acts on the whole server',
    instead: PSQL,
  },
  { names: /^(lo_(import|export)|pg_file_\w+)$/, does: 'works on files of the server', instead: PSQL },
  {
    names: /^pg_(try_)?advisory_(xact_)?lock(_shared)?$/,
    does: 'takes a lock for which others may wait',
    instead: `See who holds one: opsctl db locks. ${PSQL}`,
  },
  {
    names: /^(pg_prewarm|autoprewarm_\w+|pg_buffercache_(evict|mark_dirty)\w*)$/,
    does: 'changes what is cached',
    instead: `See what is: opsctl db cache-hit. ${PSQL}`,
  },
];

/** What calling a function does beside reading; undefined for one that is not known to. */
export const effectOf = (name: string): Effect | undefined => EFFECTS.find(({ names }) => names.test(name));
