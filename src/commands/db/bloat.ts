import { bloat } from '../../db/bloat.ts';
import { reportCommand } from './shared.ts';

export default reportCommand(bloat, {
  summary: 'How much larger tables and indexes are than their rows need: an estimate',
  description:
    'From the widths in pg_stats, the rows and the pages of the last VACUUM or ANALYZE; no page is read. pg_stats shows only tables that the role may read. Threshold: bloat.',
  examples: [
    { command: 'opsctl db bloat', explains: 'what could be given back, and how' },
    { command: 'opsctl db bloat --json', explains: 'bytes and ratios' },
  ],
});
