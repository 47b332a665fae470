import * as z from 'zod';

import { readCommand } from '../../core/command.ts';
import { exitOf } from '../../core/verdict.ts';
import { type IndexRow, indexes, indexesWith } from '../../db/indexes.ts';
import { type ReportData, reportSchema } from '../../db/report.ts';
import { reportText } from '../reports.ts';
import { databaseFields, looked } from './shared.ts';

export default readCommand({
  name: 'db indexes',
  summary: 'Indexes that are unused, duplicate or invalid, and tables that seem to lack one',
  description:
    'Indexes of constraints are never called unused, and none is before its use was counted for 7 days. Foreign keys without an index are told; they are advised where their table is read from end to end. Nothing is dropped: the statements are printed. Thresholds: unusedIndexBytes, sequentialRows.',
  examples: [
    { command: 'opsctl db indexes', explains: 'what costs and does not pay, and the statement that ends it' },
    { command: 'opsctl db indexes --all --json', explains: 'every index with its size in bytes and its scans' },
  ],
  input: z.object({
    all: z.boolean().default(false).meta({ description: 'indexes without a problem, too' }),
    ...databaseFields,
  }),
  output: reportSchema.extend({ rows: z.array(indexes.row) }),
  run: (typed, context) => looked(indexesWith(typed.all), typed.database, context),
  text: (data, style, { all }) => reportText(indexesWith(all), data as ReportData<IndexRow>, style),
  exit: ({ status }, { failOn }) => exitOf(status, failOn),
});
