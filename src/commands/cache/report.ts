import * as z from 'zod';

import { REPORTS } from '../../cache/all.ts';
import { conclude, productText, promptNote, serverSchema } from '../../cache/report.ts';
import { readCommand } from '../../core/command.ts';
import type { CachePart } from '../../core/ports/cache.ts';
import { exitOf } from '../../core/verdict.ts';
import { allSchema, together, togetherText } from '../reports.ts';
import { cacheFields, cacheNamed } from './shared.ts';

/** One look at keys for all reports that are about them: enough to find what is bad, quick enough for everything at once. */
const SCAN = { facts: ['bytes', 'expiry', 'heat'], groups: true, keys: 20_000, ms: 5000, top: 25 } as const;

export default readCommand({
  name: 'cache report',
  summary: 'All that can be told of the cache at once: a verdict for each report, findings by severity',
  description:
    'One connection; 20,000 keys or 5 s of looking at keys at most, which the reports of keys share. What this user or server cannot tell is left out and hides nothing else.',
  examples: [
    { command: 'opsctl cache report', explains: 'what is wrong with the cache, the worst first' },
    { command: 'opsctl cache report --json --fail-on warn', explains: 'every morning, in a script' },
  ],
  input: z.object(cacheFields),
  output: z.object({ ...serverSchema, ...allSchema.shape }),
  run: async (input, { platform, readers, signal }) => {
    const name = cacheNamed(platform, input.cache);
    const parts: CachePart[] = [...new Set(REPORTS.flatMap((report) => report.parts))];
    const look = await readers.cache.look(name, parts, SCAN, signal);
    const { product, version, role } = look.server;
    const concluded = REPORTS.map((report) => ({
      name: report.name,
      data: conclude(report, look, name, platform.thresholds),
    }));
    return { cache: name, product, version, role, ...together(concluded) };
  },
  text: (data, style) => {
    const head = `${productText(data)}${data.role === 'slave' ? ', a replica' : ''} (${data.cache})`;
    return togetherText(data, head, style, promptNote(data.findings.flatMap(({ next }) => next)));
  },
  exit: ({ status }, { failOn }) => exitOf(status, failOn),
});
