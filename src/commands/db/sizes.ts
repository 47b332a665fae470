import { sizes } from '../../db/sizes.ts';
import { reportCommand } from './shared.ts';

export default reportCommand(sizes, {
  summary: 'Which tables take the room: rows, out-of-line values, indexes',
  description:
    'Sizes are asked for only of relations that nobody locks exclusively; of the others the catalog tells what the last VACUUM or ANALYZE saw. So it waits for nobody.',
  examples: [
    { command: 'opsctl db sizes', explains: 'the largest tables, and what of them is indexes' },
    { command: 'opsctl db sizes --json', explains: 'bytes, for a script that watches growth' },
  ],
});
