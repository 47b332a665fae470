import * as z from 'zod';

import { changeCommand } from '../../core/command.ts';
import { durationMs, durationText } from '../../core/values.ts';
import { observe } from '../../deploy/observe.ts';
import { planPromote } from '../../deploy/plan-canary.ts';
import { mustBeWell, pausedCanary, runningCanary } from '../../deploy/running-canary.ts';
import { writable } from '../../deploy/version-variable.ts';
import { deployedText } from './release-text.ts';
import { observeRelease, releaseSchema, surroundingsOf, warnUnwritten } from './shared.ts';

export default changeCommand({
  name: 'deploy promote',
  summary: 'Give the canary to all visitors, or to another share of them',
  description:
    'Refused unless the canary is seen to be no worse than the stable version (opsctl deploy status shows both). With all visitors it is watched as after any switch. When it is not well, all visitors get the stable version again, and opsctl deploy retire stops what still runs of the canary, or opsctl abort where it was held.',
  examples: [
    { command: 'opsctl deploy promote --to 50', explains: 'half of the visitors, compared again' },
    { command: 'opsctl deploy promote --yes', explains: 'all of them: the release is live' },
  ],
  input: z.object({
    to: z
      .number()
      .int()
      .min(1)
      .max(99)
      .optional()
      .meta({ description: 'share of visitors; default: all of them', value: 'percent' }),
    stepDuration: durationText
      .default('2m')
      .meta({ description: 'how long that share is compared at least', value: 'time' }),
    noAnalysis: z.boolean().default(false).meta({ description: 'watch its containers only, not errors and latency' }),
    force: z
      .boolean()
      .default(false)
      .meta({ description: 'although it was not seen to be as good, or a variable cannot be written' }),
  }),
  output: releaseSchema,
  idle: ({ to }) =>
    to === undefined
      ? {
          fields: ['stepDuration'],
          why: 'without --to all visitors get the canary, with no step to compare it in',
          hint: 'Name a share, such as: opsctl deploy promote --to 50 --step-duration 5m',
        }
      : undefined,
  plan: async ({ to, stepDuration, noAnalysis, force }, context) => {
    const { platform, readers } = context;
    const facts = await observe(platform, readers);
    const services = await runningCanary(facts, platform, readers);
    if (!force && !noAnalysis) await mustBeWell(facts, services, platform, readers);
    const walk = { percents: [to ?? 100], stepMs: durationMs(stepDuration), analysed: !noAnalysis };
    // Nothing is written down of a share.
    if (to !== undefined) return planPromote(surroundingsOf(facts, context), services, walk);
    const written = services.map((one) => writable(one, force));
    const planned = planPromote(surroundingsOf(facts, context), written, walk);
    for (const one of written) warnUnwritten({ service: one.facts.name, ...one }, context);
    return planned;
  },
  settles: async (_input, { readers }) => (await pausedCanary(readers))?.id,
  report: (_input, context) => observeRelease(context),
  text: (data, style) => deployedText(data, style),
});
