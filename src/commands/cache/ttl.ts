import { ttl } from '../../cache/ttl.ts';
import { PACED, scanCommand } from './shared.ts';

export default scanCommand(
  ttl,
  { facts: ['expiry'], groups: true },
  {
    summary: 'When the keys of the cache expire, and which never do',
    description: `${PACED} Threshold: keysWithoutExpiry, where the policy does not evict them.`,
    examples: [
      { command: 'opsctl cache ttl', explains: 'how soon keys expire, and which kinds never do' },
      { command: 'opsctl cache ttl --budget 10k', explains: 'a quick look' },
    ],
  },
);
