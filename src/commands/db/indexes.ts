import { indexes } from '../../db/indexes.ts';
import { reportCommand } from './shared.ts';

export default reportCommand(indexes, {
  summary: 'Indexes that are unused, duplicate or invalid, and tables that seem to lack one',
  description:
    'Indexes of constraints are never called unused, and none is before its use was counted for 7 days. Nothing is dropped: the statements are printed. Thresholds: unusedIndexBytes, sequentialScans.',
  examples: [
    { command: 'opsctl db indexes', explains: 'what costs and does not pay, and the statement that ends it' },
    { command: 'opsctl db indexes --json', explains: 'all of them with their sizes in bytes' },
  ],
});
