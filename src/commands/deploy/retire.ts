import * as z from 'zod';

import { changeCommand } from '../../core/command.ts';
import { sinceThen } from '../../deploy/compare.ts';
import { observe } from '../../deploy/observe.ts';
import { planRetire } from '../../deploy/plan-retire.ts';
import { mustNotBeCanary } from '../../deploy/running-canary.ts';
import { releaseText } from './release-text.ts';
import { observeRelease, releaseSchema } from './shared.ts';

export default changeCommand({
  name: 'deploy retire',
  summary: 'Stop the release before the live one, which was kept running for a quick rollback',
  description:
    'Its requests are finished first. It stays there, stopped: a rollback starts it again, which takes as long as its start. Nothing else stops it but the next deploy. Refused for as long as deploy.keepWarmMs after the switch. What runs and no rollback goes back to is stopped at any time: a version that was rolled back, or one of an older release, as after a restart of the host.',
  examples: [
    { command: 'opsctl deploy retire', explains: 'when the new version has proved itself' },
    { command: 'opsctl deploy retire --force --yes', explains: 'at once, to free its memory' },
  ],
  input: z.object({
    force: z.boolean().default(false).meta({ description: 'although the switch was only just' }),
  }),
  output: releaseSchema,
  plan: async ({ force }, { platform, readers }) => {
    const facts = await observe(platform, readers);
    await mustNotBeCanary(facts, readers);
    const sinceSwitchMs = await sinceThen(facts.routing.since, readers);
    return planRetire({ facts, environment: platform.environment, options: platform.deploy, sinceSwitchMs, force });
  },
  report: (_input, context) => observeRelease(context),
  text: (data, style) => releaseText(data, style),
});
