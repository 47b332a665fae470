import * as z from 'zod';

import { planWarm } from '../../cache/plan-warm.ts';
import { targetsOf } from '../../cache/warm-targets.ts';
import { ratioText } from '../../cache/warm.ts';
import { changeCommand } from '../../core/command.ts';
import { OpsError } from '../../core/errors.ts';
import { plural } from '../../core/format.ts';
import { cacheFields, cacheNamed } from './shared.ts';

const hits = z
  .object({ reads: z.number(), hits: z.number(), ms: z.number() })
  .nullable()
  .describe('null where the server does not count them');

export default changeCommand({
  name: 'cache warm',
  summary: 'Fill the cache by asking for the configured URLs',
  description:
    'Asks for caches.<name>.warm.urls, a few at a time; one whose key is there already is not asked for. Slows down where a database, the services or the cache are not well, and stops by itself where one of them gets into trouble, keys have to make room, or the answers are bad or slow. Refused while one of them is critical, without --force. Exit 1 where nothing of what was asked for is in the cache.',
  examples: [
    { command: 'opsctl cache warm --dry-run', explains: 'what would be asked for, and how much is found now' },
    { command: 'opsctl cache warm --yes', explains: 'after a flush or a restart' },
    { command: 'opsctl cache warm --concurrency 1 --yes', explains: 'as gently as possible' },
  ],
  input: z.object({
    concurrency: z
      .number()
      .int()
      .min(1)
      .max(32)
      .optional()
      .meta({ description: 'requests at a time; default: as configured', value: 'number' }),
    cache: cacheFields.cache,
    force: z.boolean().default(false).meta({ description: 'although something is critical that would be asked more' }),
  }),
  output: z.object({
    cache: z.string(),
    asked: z.number(),
    failed: z.number().describe('of those asked'),
    there: z.number().describe('not asked for: their keys were there'),
    unfilled: z.number().describe('answered, and their keys are not there all the same'),
    p99Ms: z.number().nullable().describe('99th percentile of the last answers; null before any'),
    before: hits,
    after: hits,
  }),
  plan: async (input, { platform, readers: { warm } }) => {
    const cache = cacheNamed(platform, input.cache);
    const list = platform.caches[cache]?.warm;
    if (list === undefined)
      throw new OpsError('NOT_CONFIGURED', `nothing is configured that would fill cache ${cache}`, {
        hint: `Set caches.${cache}.warm.urls in opsctl.yaml to URLs that visitors ask for most, then run: opsctl config check`,
      });
    const targets = targetsOf(list, cache);
    const [bad] = await warm.inTheWay(cache);
    if (bad !== undefined && !input.force)
      throw new OpsError('UNSAFE', `${bad}; warming would make that worse`, {
        hint: 'Mend that first: opsctl health --detailed. If it has to be: --force',
      });
    const before = await warm.hitsBefore(cache);
    const { concurrency, p99Ms } = list;
    return planWarm({ cache, targets, concurrency: input.concurrency ?? concurrency, p99Ms, before });
  },
  report: async (input, { platform, readers }) => {
    const cache = cacheNamed(platform, input.cache);
    return { cache, ...(await readers.warm.warmed(cache)) };
  },
  // Nothing is wrong where nothing had to be asked for.
  exit: (data) => (isInVain(data) ? 1 : 0),
  text: ({ asked, failed, there, unfilled, before, after }, style) =>
    [
      `${isInVain({ asked, failed, unfilled }) ? style.bad('✗') : style.good('✓')} ${plural(asked, 'URL')} asked for, ${there.toString()} were there`,
      ...(failed === 0 ? [] : [style.notice(`  ${failed.toString()} were not answered well`)]),
      ...(unfilled === 0
        ? []
        : [
            style.notice(
              `  ${unfilled.toString()} were answered, and their keys are not there all the same: caches.*.warm in opsctl.yaml names others, or they are not kept`,
            ),
          ]),
      `  reads found before: ${ratioText(before)}`,
      `  reads found now:    ${ratioText(after)}`,
    ].join('\n'),
});

/** All was asked for in vain: it was not answered well, or fills nothing. */
const isInVain = ({ asked, failed, unfilled }: { asked: number; failed: number; unfilled: number }): boolean =>
  asked > 0 && failed + unfilled >= asked;
