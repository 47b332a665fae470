/** The commands of the database. */
import type { Entry } from '../index.ts';

export const database: readonly Entry[] = [
  {
    name: 'db report',
    summary: 'All that can be told of the database at once: a verdict for each report, findings by severity',
    group: 'look',
    load: () => import('./report.ts'),
  },
  {
    name: 'db ready',
    summary: 'Does the database accept connections and answer? If not, which of the reasons is it',
    group: 'look',
    load: () => import('./ready.ts'),
  },
  {
    name: 'db connections',
    summary: 'How many connections to the database are taken, by which application and role',
    group: 'look',
    load: () => import('./connections.ts'),
  },
  {
    name: 'db activity',
    summary: 'What clients of the database do now: open transactions, waits, queries',
    group: 'look',
    load: () => import('./activity.ts'),
  },
  {
    name: 'db blocking',
    summary: 'Who holds up whom in the database: root, victims, locks, and what ending the root would free',
    group: 'look',
    load: () => import('./blocking.ts'),
  },
  {
    name: 'db locks',
    summary: 'Locks in the database that are waited for, or that keep others out of a table',
    group: 'look',
    load: () => import('./locks.ts'),
  },
  {
    name: 'db slow',
    summary: 'Which statements take the time of the database: total, mean, calls, reads',
    group: 'look',
    load: () => import('./slow.ts'),
  },
  {
    name: 'db indexes',
    summary: 'Indexes that are unused, duplicate or invalid, and tables that seem to lack one',
    group: 'look',
    load: () => import('./indexes.ts'),
  },
  {
    name: 'db cache-hit',
    summary: 'How much of what the database reads is found in shared buffers, by table',
    group: 'look',
    load: () => import('./cache-hit.ts'),
  },
  {
    name: 'db sizes',
    summary: 'Which tables take the room: rows, out-of-line values, indexes',
    group: 'look',
    load: () => import('./sizes.ts'),
  },
  {
    name: 'db vacuum',
    summary: 'Does VACUUM keep up? Dead rows, wraparound, what runs, and who holds it back',
    group: 'look',
    load: () => import('./vacuum.ts'),
  },
  {
    name: 'db bloat',
    summary: 'How much larger tables and indexes are than their rows need: an estimate',
    group: 'look',
    load: () => import('./bloat.ts'),
  },
  {
    name: 'db sequences',
    summary: 'Sequences that come to their end, by their own type or that of the column they fill',
    group: 'look',
    load: () => import('./sequences.ts'),
  },
  {
    name: 'db replication',
    summary: 'Who follows the database and how far behind, and what the log is kept for',
    group: 'look',
    load: () => import('./replication.ts'),
  },
  {
    name: 'db query',
    summary: 'Run one SQL statement that reads, bounded in rows and time',
    group: 'look',
    load: () => import('./query.ts'),
  },
  {
    name: 'db kill',
    summary: 'Cancel what sessions of the database run, or end them',
    group: 'change',
    load: () => import('./kill.ts'),
  },
  {
    name: 'db analyze',
    summary: 'Count anew what the planner believes of tables (ANALYZE)',
    group: 'change',
    load: () => import('./analyze.ts'),
  },
  {
    name: 'db set-limit',
    summary: 'Set how many connections the database accepts, from its next start on',
    group: 'change',
    load: () => import('./set-limit.ts'),
  },
  {
    name: 'db restart',
    summary: 'Restart the database: the last resort. A checkpoint first, then its clients are waited for',
    group: 'change',
    load: () => import('./restart.ts'),
  },
];
