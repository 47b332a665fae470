import * as z from 'zod';

import { ASKS, type KeyRow, keys, keysBy, ORDERS } from '../../cache/keys.ts';
import { readCommand } from '../../core/command.ts';
import { exitOf } from '../../core/verdict.ts';
import { reportText } from '../reports.ts';
import { PACED, type Scanned, scanFields, scanned, scannedSchema } from './shared.ts';

export default readCommand({
  name: 'cache keys',
  summary: 'Which keys of the cache take the memory, alone or by the form of their names',
  description: `${PACED} Sizes are reckoned from five elements of a collection. Thresholds: keyBytes, keyElements.`,
  examples: [
    { command: 'opsctl cache keys', explains: 'the largest keys' },
    { command: 'opsctl cache keys --by prefix', explains: 'what kinds of keys there are, and their share' },
    { command: 'opsctl cache keys --by elements --budget 30s', explains: 'the longest collections, within 30 s' },
    { command: 'opsctl cache keys --cursor 0:1728', explains: 'go on where an earlier scan ended' },
  ],
  input: z.object({
    by: z.enum(ORDERS).default('bytes').meta({ description: 'what they are put in order by' }),
    ...scanFields,
  }),
  output: scannedSchema.extend({ rows: z.array(keys.row) }),
  run: (typed, context) => scanned(keysBy(typed.by), ASKS[typed.by], typed, context),
  text: (data, style, { by }) => reportText(keysBy(by), data as Scanned<KeyRow>, style),
  exit: ({ status }, { failOn }) => exitOf(status, failOn),
});
