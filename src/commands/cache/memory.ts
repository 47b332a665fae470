import { memory } from '../../cache/memory.ts';
import { reportCommand } from './shared.ts';

export default reportCommand(memory, {
  summary: 'What the memory of the cache is used for, how near its limit it is, what is wasted',
  description: 'From INFO. Thresholds: cacheMemory, cacheFragmentation; others are those of MEMORY DOCTOR.',
  examples: [
    { command: 'opsctl cache memory', explains: 'use, limit, evictions, fragmentation' },
    { command: 'opsctl cache memory --json', explains: 'in bytes, for a script' },
  ],
});
