import { replication } from '../../db/replication.ts';
import { reportCommand } from './shared.ts';

export default reportCommand(replication, {
  summary: 'Who follows the database and how far behind, and what the log is kept for',
  description:
    'A slot that nobody reads keeps the log until the disk is full. On a replica also how far it is itself. Thresholds: replicationLagBytes, replicationLagMs, retainedWalBytes.',
  examples: [
    { command: 'opsctl db replication', explains: 'standbys with their lag, slots with what is kept for them' },
    { command: 'opsctl db replication --json --fail-on warn', explains: 'for a script that watches them' },
  ],
});
