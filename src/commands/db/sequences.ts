import { sequences } from '../../db/sequences.ts';
import { reportCommand } from './shared.ts';

export default reportCommand(sequences, {
  summary: 'Sequences that come to their end, by their own type or that of the column they fill',
  description:
    'A bigint sequence that fills an integer column ends with the column. Sequences that are locked are not asked, so that nobody is waited for. Threshold: sequenceUsed.',
  examples: [
    { command: 'opsctl db sequences', explains: 'what is used the most, and how it is widened' },
    { command: 'opsctl db sequences --json --fail-on warn', explains: 'for a script that watches them' },
  ],
});
