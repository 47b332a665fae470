/** How large a relation is, without waiting for a lock on it. */

/** Relations above which sizes are taken from the catalog: the server asks the file system for each. */
const MANY = 20_000;

/**
 * Oids of relations that somebody locks in a way that ours would have to wait for, or waits to lock so: who comes later
 * waits behind them.
 */
export const contended = (modes: readonly string[]): string =>
  `array(select relation from pg_locks where locktype = 'relation' and mode in (${modes.map((mode) => `'${mode}'`).join(', ')})
         and database = (select oid from pg_database where datname = current_database()))`;

const LOCKED = contended(['AccessExclusiveLock']);
const TOO_MANY = `(select reltuples > ${MANY.toString()} from pg_class where oid = 'pg_catalog.pg_class'::regclass)`;

/** Whether the size of a relation is the one that the catalog remembers from the last VACUUM or ANALYZE. */
export const isEstimated = (oid: string): string => `(${oid} = any (${LOCKED}) or ${TOO_MANY})`;

/** Bytes of a relation's main data; of a locked one, as the catalog remembers them. `pg_relation_size` is null for one that is gone. */
export const sizeOf = (alias: string): string =>
  `coalesce(case when not ${isEstimated(`${alias}.oid`)} then pg_relation_size(${alias}.oid)::float8 end,
            ${alias}.relpages::float8 * current_setting('block_size')::float8)`;

/**
 * Since when a database's statistics are counted, in ms since 1970, of its row in pg_stat_database. From 15 on that has no
 * time until somebody resets them, though a crash discards them all. What belongs to the whole server begins anew then and
 * tells when; the earlier of two, because somebody may have reset one of them by itself.
 */
export const countedSince = (database: string): string => `
  extract(epoch from greatest(${database}.stats_reset,
    least((select stats_reset from pg_stat_bgwriter), (select stats_reset from pg_stat_archiver))))::float8 * 1000`;
