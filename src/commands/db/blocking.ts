import { blocking } from '../../db/blocking.ts';
import { reportCommand } from './shared.ts';

export default reportCommand(blocking, {
  summary: 'Who holds up whom in the database: root, victims, locks, and what ending the root would free',
  description:
    'A session at the root waits for nobody and is waited for. Each victim is drawn under the nearest of those that it waits for; --json names them all. Thresholds: blockedSessions, lockWaitMs.',
  examples: [
    { command: 'opsctl db blocking', explains: 'the tree of who waits for whom, what frees the most first' },
    { command: 'opsctl db blocking --json', explains: 'nodes with their edges (blockedBy), times in ms' },
  ],
});
