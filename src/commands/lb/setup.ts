import * as z from 'zod';

import { changeCommand } from '../../core/command.ts';
import { observeSetup } from '../../lb/observe.ts';
import { planSetup } from '../../lb/plan-setup.ts';
import { readiness, readinessSchema, readinessText, withinField } from './shared.ts';

export default changeCommand({
  name: 'lb setup',
  summary: 'Write what nginx needs so that deploys switch traffic without a reload',
  description:
    'Two files in a directory of its own, one for the http block and one for the server blocks; your own files are not touched. They are tested before they are loaded; then nginx itself is asked, where visitors come in, whether it runs with them. What fails is taken back, and nginx loads again what was there before. At the first time it then says what to include where; when nothing has changed, nothing is done.',
  examples: [
    { command: 'opsctl lb setup --dry-run', explains: 'what would be written and loaded' },
    {
      command: 'opsctl lb setup --yes',
      explains: 'in a script; opsctl lb check tells afterwards whether all is in place',
    },
  ],
  input: z.object({
    like: z.string().min(1).optional().meta({
      description:
        'load balancer that is right, where several disagree where traffic goes: the others are told the same',
      value: 'container',
    }),
    within: withinField,
  }),
  output: readinessSchema,
  plan: async ({ like, within }, { platform, readers }) =>
    planSetup(await observeSetup(platform, readers), within * 1000, like),
  report: (_input, context) => readiness(context),
  text: (data, style) => readinessText(data, style),
});
