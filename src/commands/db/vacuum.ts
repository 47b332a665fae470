import { vacuum } from '../../db/vacuum.ts';
import { reportCommand } from './shared.ts';

export default reportCommand(vacuum, {
  summary: 'Does VACUUM keep up? Dead rows, wraparound, what runs, and who holds it back',
  description:
    'Dead rows count as too many when autovacuum should have come for them already. Sessions, slots, replicas and prepared transactions with old snapshots keep VACUUM from removing anything newer. Thresholds: deadRows, xidAge, xminAge.',
  examples: [
    { command: 'opsctl db vacuum', explains: 'tables with dead rows, and what keeps them' },
    { command: 'opsctl db vacuum --json --fail-on warn', explains: 'for a script that watches wraparound' },
  ],
});
