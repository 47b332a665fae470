import { cacheHit } from '../../db/cache-hit.ts';
import { reportCommand } from './shared.ts';

export default reportCommand(cacheHit, {
  summary: 'How much of what the database reads is found in shared buffers, by table',
  description: 'A low ratio is slow, not broken: it is never critical. Threshold: databaseCacheHit.',
  examples: [
    { command: 'opsctl db cache-hit', explains: 'the ratio, and the tables that are read from outside the most' },
    { command: 'opsctl db cache-hit --json --fail-on warn', explains: 'for a script that watches it' },
  ],
});
