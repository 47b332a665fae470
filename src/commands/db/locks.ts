import { locks } from '../../db/locks.ts';
import { reportCommand } from './shared.ts';

export default reportCommand(locks, {
  summary: 'Locks in the database that are waited for, or that keep others out of a table',
  description:
    'Also how full the shared lock table is. Row locks are on disk, not in this table; who waits for one is seen. Thresholds: blockedSessions, lockWaitMs, longestTransactionMs, lockTable.',
  examples: [
    { command: 'opsctl db locks', explains: 'waiting sessions first, then strong locks that are held' },
    { command: 'opsctl db locks --json --fail-on warn', explains: 'for a script that watches migrations' },
  ],
});
