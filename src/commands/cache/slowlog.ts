import { slowlog } from '../../cache/slowlog.ts';
import { reportCommand } from './shared.ts';

export default reportCommand(slowlog, {
  summary: 'Commands of the cache that took long: all others waited meanwhile',
  description:
    'From SLOWLOG. Of the arguments the first key is shown, never a value. What is an hour old or more is shown, not judged. Threshold: cacheSlowMs.',
  examples: [
    { command: 'opsctl cache slowlog', explains: 'the slowest first, and what to do instead' },
    { command: 'opsctl cache slowlog --json', explains: 'as data' },
  ],
});
