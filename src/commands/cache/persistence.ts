import { persistence } from '../../cache/persistence.ts';
import { reportCommand } from './shared.ts';

export default reportCommand(persistence, {
  summary: 'Does what the cache holds get to disk, and what do saves cost',
  description:
    'From INFO and CONFIG GET save. Thresholds: cacheUnsavedMs, and cacheStallMs for the time that a fork stops the server.',
  examples: [{ command: 'opsctl cache persistence', explains: 'the last save, the append-only file, the last fork' }],
});
