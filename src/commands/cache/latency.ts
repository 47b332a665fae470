import { latency } from '../../cache/latency.ts';
import { reportCommand } from './shared.ts';

export default reportCommand(latency, {
  summary: 'How long the cache takes to answer, what stopped it, which commands take its time',
  description:
    'Fifty round trips from here, half a second; what the latency monitor of the server recorded; what it counted of each command. Thresholds: cacheLatencyMs, cacheStallMs, cacheSlowMs.',
  examples: [
    { command: 'opsctl cache latency', explains: 'round trips now, and the commands that take the most time' },
    { command: 'opsctl cache latency --json --fail-on warn', explains: 'for a script' },
  ],
});
