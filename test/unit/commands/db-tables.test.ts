import { expect, test } from 'vitest';

import bloat from '../../../src/commands/db/bloat.ts';
import cacheHit from '../../../src/commands/db/cache-hit.ts';
import indexes from '../../../src/commands/db/indexes.ts';
import replication from '../../../src/commands/db/replication.ts';
import sequences from '../../../src/commands/db/sequences.ts';
import sizes from '../../../src/commands/db/sizes.ts';
import vacuum from '../../../src/commands/db/vacuum.ts';
import { database as databaseOf, fill, sequence, table as tableOf } from '../db/look.ts';
import { type Parts, shown } from './db-shown.ts';

test('db indexes must name the statement that ends each problem', async () => {
  const index = {
    table: 'public.orders',
    method: 'btree',
    bytes: 20_000_000,
    isEstimated: false,
    isUnique: false,
    isValid: true,
    isBuilding: false,
    mayBeBuilding: false,
    isNeeded: false,
    columns: ['customer'],
    kinds: ['1978/0/0'],
    condition: '|',
    isPlain: true,
    scans: 9,
  };
  const all = [
    { ...index, name: 'public.by_customer' },
    { ...index, name: 'public.by_customer_old', isValid: false, scans: 0 },
    { ...index, name: 'public.by_customer_day', columns: ['customer', 'day'], kinds: ['1978/0/0', '3122/0/0'] },
  ];
  const parts: Parts = { indexes: { is: 'seen', value: { indexes: all, count: 3 } } };
  expect(await shown(indexes, [], parts)).toMatchInlineSnapshot(`
    "
    ! 3 indexes: 1 invalid, 0 unused, 1 duplicate, 0 tables that may lack one; use
      counted for 1 d
    ! public.by_customer_old: invalid, as a CREATE INDEX CONCURRENTLY that failed
      leaves it: written to, and used by no query
    ! public.by_customer: public.by_customer_day begins with the same columns and
      can do its work; 19.1 MiB
    next: REINDEX INDEX CONCURRENTLY public.by_customer_old;
          DROP INDEX CONCURRENTLY public.by_customer_old;
          DROP INDEX CONCURRENTLY public.by_customer;
          (what ends with ; is SQL for psql: db query only reads)

    PROBLEM    INDEX OR TABLE              SIZE  SCANS  COLUMNS
    invalid    public.by_customer_old  19.1 MiB      0  public.orders (customer)
    redundant  public.by_customer      19.1 MiB      9  public.orders (customer)

    use is counted since the server started or longer, on this server only: a
    replica counts its own
    counted for less than 7 d: too young to call an index unused
    "
  `);
});

const tables: Parts = {
  databases: {
    is: 'seen',
    value: [databaseOf('shop', { hits: 90_000, reads: 10_000, since: '2026-01-01T00:00:00.000Z' })],
  },
  tables: {
    is: 'seen',
    value: {
      tables: [
        tableOf('public.orders', { bytes: 8e9, indexBytes: 3e9, hits: 60_000, reads: 9000, rows: 41_000_000 }),
        tableOf('public.items', { bytes: 1e6, isEstimated: true, hits: 900, reads: 100 }),
      ],
      count: 2,
      bytes: 11_001_000_000,
    },
  },
};

test('db cache-hit must name who is read from outside', async () => {
  expect(await shown(cacheHit, [], tables)).toMatchInlineSnapshot(`
    "
    ! 90 % of the blocks read in database shop were found in shared buffers
    ! public.orders: 98.9 % of all reads from outside of shared buffers are of it,
      87.0 % of its blocks were found there
    next: opsctl db slow --by io
          opsctl db sizes
          opsctl db query "SHOW shared_buffers"
          opsctl db indexes

    TABLE             HIT  INDEX HIT  BLOCKS READ   SHARE
    public.orders  87.0 %          -         9000  98.9 %
    public.items     90 %          -          100   1.1 %

    counted since 2026-01-01 00:00:00
    what is not in shared buffers may still be in the cache of the operating system
    "
  `);
});

test('db sizes must show what takes the room, and what is estimated', async () => {
  expect(await shown(sizes, [], tables)).toMatchInlineSnapshot(`
    "
    ✓ 10.2 GiB in 2 tables of database main; the largest is public.orders with
      10.2 GiB (100.0 %); 1 table estimated

    TABLE               ALL    SHARE      HEAP  TOAST   INDEXES      ROWS
    public.orders  10.2 GiB  100.0 %  7.45 GiB    0 B  2.79 GiB  41000000
    public.items   ~977 KiB   0.01 %   977 KiB    0 B       0 B      1000

    estimated by the pages that the catalog remembers (~): public.items; to ask
    would mean to wait for a lock
    "
  `);
});

test('db vacuum must show dead rows against what autovacuum waits for', async () => {
  const all = [
    tableOf('public.orders', { liveRows: 50_000, deadRows: 30_000, vacuumThreshold: 10_050 }),
    tableOf('public.items', { deadRows: 10 }),
  ];
  const parts: Parts = {
    ...tables,
    tables: { is: 'seen', value: { tables: all, count: 2, bytes: 0 } },
    horizon: {
      is: 'seen',
      value: [{ kind: 'session', name: 'report', pid: 5, state: 'active', xidAge: 90, ms: 4000 }],
    },
  };
  expect(await shown(vacuum, [], parts)).toMatchInlineSnapshot(`
    "
    ! 1 table with too many dead rows; oldest transaction id 1.0 million old (0.05
      % of what there is); no VACUUM runs
    ! public.orders: 30000 dead rows (37.5 %), autovacuum comes at 10050; never
      vacuumed since the statistics began 1 d ago
    next: VACUUM (VERBOSE, ANALYZE) public.orders;
          (what ends with ; is SQL for psql: db query only reads)

    TABLE           LIVE   DEAD   SHARE  AUTOVACUUM AT  NOW
    public.orders  50000  30000  37.5 %          10050  -
    public.items    1000     10  0.99 %            250  -

    oldest snapshot: session report (pid 5), active, 90 transactions old, for 4 s
    "
  `);
});

test('db bloat must say what could be given back', async () => {
  expect(await shown(bloat, [], { fill: { is: 'seen', value: [fill('public.orders', { pages: 100_000 })] } }))
    .toMatchInlineSnapshot(`
    "
    ✗ about 716 MiB of 781 MiB (91.7 %) may be bloat; 1 table or index 4 times as
      large as its rows need
    ✗ public.orders: about 716 MiB of 781 MiB is empty; its rows need ~65.1 MiB.
      VACUUM lets it be used again; only a rewrite gives it back, and VACUUM FULL
      locks the table meanwhile
    next: opsctl db vacuum
          pg_repack --table=public.orders

    TABLE OR INDEX     SIZE     NEEDED     BLOAT  TIMES
    public.orders   781 MiB  ~65.1 MiB  ~716 MiB   12.0

    an estimate from column widths, as good as the last ANALYZE; pgstattuple
    measures, and reads every page
    "
  `);
});

test('db sequences must show the end that comes first', async () => {
  const orders = sequence({ last: 2_000_000_000 });
  const all = [orders, { ...orders, name: 'public.items_id_seq', table: 'public.items', columnType: 'bigint' }];
  expect(await shown(sequences, [], { sequences: { is: 'seen', value: all } })).toMatchInlineSnapshot(`
    "
    ! 1 of 2 sequences is near its end; public.orders_id_seq has used the most,
      93.1 %
    ! public.orders_id_seq: 93.1 % used, 147483647 values left: public.orders.id
      is integer and takes no greater value; then every insert fails
    next: ALTER TABLE public.orders ALTER COLUMN id TYPE bigint; -- rewrites the table under ACCESS EXCLUSIVE: plan it
          (what ends with ; is SQL for psql: db query only reads)

    SEQUENCE                USED       LEFT  TYPE    COLUMN
    public.orders_id_seq  93.1 %  147483647  bigint  public.orders.id integer
    public.items_id_seq   0.00 %     9.2e18  bigint  public.items.id bigint
    "
  `);
});

test('db replication must show who follows, and what is kept', async () => {
  const value = {
    standbys: [
      { name: 'replica', client: '10.0.0.2', state: 'streaming', mode: 'async', lagBytes: 2e9, lagMs: 41_000 },
    ],
    slots: [
      { name: 'cdc', kind: 'logical' as const, isActive: false, isLost: false, isTemporary: false, retainedBytes: 3e9 },
    ],
  };
  expect(await shown(replication, [], { replication: { is: 'seen', value } })).toMatchInlineSnapshot(`
    "
    ✗ 1 standby follows, the farthest 1.86 GiB behind; 1 slot, up to 2.79 GiB kept
      for one
    ✗ standby replica: 1.86 GiB behind, 41 s behind
    ! slot cdc: nobody reads it, and 2.79 GiB of the log are kept for it: see why
      its reader is away
    next: opsctl db query "SELECT * FROM pg_stat_replication WHERE application_name = 'replica'"
          opsctl db query "SELECT * FROM pg_replication_slots WHERE slot_name = 'cdc'"

    KIND     NAME     STATE      MODE     BEHIND OR KEPT   LAG
    standby  replica  streaming  async          1.86 GiB  41 s
    slot     cdc      inactive   logical        2.79 GiB     -
    "
  `);
});
