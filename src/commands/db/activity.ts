import { activity } from '../../db/activity.ts';
import { reportCommand } from './shared.ts';

export default reportCommand(activity, {
  summary: 'What clients of the database do now: open transactions, waits, queries',
  description:
    'A transaction that is open for long holds its locks and keeps VACUUM from cleaning up; one that is idle does so for nothing. Thresholds: longestTransactionMs, idleInTransactionMs.',
  examples: [
    { command: 'opsctl db activity', explains: 'who does what, the oldest transaction first' },
    { command: 'opsctl db activity --json', explains: 'for scripts: ages in ms, blockers as process ids' },
  ],
});
