import * as z from 'zod';

import { hitRatio, hitRatioIn, type HitsRow } from '../../cache/hit-ratio.ts';
import { conclude, type ReportData, reportSchema } from '../../cache/report.ts';
import { trafficDuring } from '../../cache/traffic-during.ts';
import { type Context, readCommand } from '../../core/command.ts';
import { durationMs } from '../../core/values.ts';
import { exitOf } from '../../core/verdict.ts';
import { interval, reportText } from '../reports.ts';
import { cacheFields, cacheNamed } from './shared.ts';

export default readCommand({
  name: 'cache hit-ratio',
  summary: 'How much of what is read from the cache is found there',
  description: 'What INFO counted since the start; with --interval only what happens meanwhile. Threshold: cacheHit.',
  examples: [
    { command: 'opsctl cache hit-ratio', explains: 'since the start of the server' },
    { command: 'opsctl cache hit-ratio --interval 10s', explains: 'right now' },
  ],
  input: z.object({ interval, ...cacheFields }),
  output: reportSchema.extend({ rows: z.array(hitRatio.row) }),
  run: (typed, context) =>
    typed.interval === undefined
      ? counted(cacheNamed(context.platform, typed.cache), context)
      : during(cacheNamed(context.platform, typed.cache), durationMs(typed.interval), context),
  text: (data, style) => reportText(hitRatio, data as ReportData<HitsRow>, style),
  exit: ({ status }, { failOn }) => exitOf(status, failOn),
});

const counted = async (name: string, { platform, readers }: Context): Promise<ReportData<HitsRow>> =>
  conclude(hitRatio, await readers.cache.look(name, ['traffic']), name, platform.thresholds);

async function during(name: string, ms: number, { platform, readers, signal }: Context): Promise<ReportData<HitsRow>> {
  const { look, windowMs } = await trafficDuring(name, ms, readers.cache, signal);
  return conclude(hitRatioIn(windowMs), look, name, platform.thresholds);
}
