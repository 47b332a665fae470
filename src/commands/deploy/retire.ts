import * as z from 'zod';

import { changeCommand } from '../../core/command.ts';
import { observe } from '../../deploy/observe.ts';
import { planRetire } from '../../deploy/plan-retire.ts';
import { observeRelease, releaseSchema, releaseText } from './shared.ts';

export default changeCommand({
  name: 'deploy retire',
  summary: 'Stop the release before the live one, which was kept running for a quick rollback',
  description:
    'Its requests are finished first. It stays there, stopped: a rollback starts it again, which takes as long as its start. The next deploy does the same by itself. Refused for as long as deploy.keepWarmMs after the switch. What runs and serves no rollback is stopped at any time: a release or a canary that was taken back, or an older one that came back with a restart of the host.',
  examples: [
    { command: 'opsctl deploy retire', explains: 'when the new version has proved itself' },
    { command: 'opsctl deploy retire --force --yes', explains: 'at once, to free its memory' },
  ],
  input: z.object({
    force: z.boolean().default(false).meta({ description: 'although the switch was only just' }),
  }),
  output: releaseSchema,
  plan: async ({ force }, { platform, readers, now }) =>
    planRetire({
      facts: await observe(platform, readers),
      environment: platform.environment,
      options: platform.deploy,
      now: now(),
      force,
    }),
  report: (_input, context) => observeRelease(context),
  text: (data, style) => releaseText(data, style),
});
