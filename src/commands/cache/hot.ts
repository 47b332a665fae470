import { hot } from '../../cache/hot.ts';
import { PACED, scanCommand } from './shared.ts';

export default scanCommand(
  hot,
  { facts: ['heat'], groups: false },
  {
    summary: 'Which keys of the cache are used most, as far as it counts that',
    description: `The server counts it under an LFU policy only. ${PACED} Threshold: keyBytes, for a key that is large as well.`,
    examples: [
      { command: 'opsctl cache hot', explains: 'the hottest keys among 100,000' },
      { command: 'opsctl cache hot --budget 1m --json', explains: 'among as many as can be looked at in a minute' },
    ],
  },
);
