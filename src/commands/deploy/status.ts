import * as z from 'zod';

import { readCommand } from '../../core/command.ts';
import { releaseText } from './release-text.ts';
import { isConsistent, observeRelease, releaseSchema } from './shared.ts';

export default readCommand({
  name: 'deploy status',
  summary: 'What is live: colour, version and replicas of each service, and what does not agree with it',
  description:
    'Beside what is live stands what a rollback goes back to, warm while it runs and cold once it is stopped, or else a canary, or a version without visitors: one that was rolled back, or is not live yet. Exit code 1 when containers, load balancer, version variables and journal do not agree, as after a deploy that was killed.',
  examples: [
    { command: 'opsctl deploy status', explains: 'what is live, and what a rollback would go back to' },
    { command: 'opsctl deploy status --json', explains: 'the same for a script' },
  ],
  input: z.object({}),
  output: releaseSchema,
  run: (_input, context) => observeRelease(context),
  exit: (data) => (isConsistent(data) ? 0 : 1),
  text: (data, style) => releaseText(data, style),
});
