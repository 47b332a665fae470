import * as z from 'zod';

import { readCommand } from '../../core/command.ts';
import { isConsistent, observeRelease, releaseSchema, releaseText } from './shared.ts';

export default readCommand({
  name: 'deploy status',
  summary: 'What is live: colour, version and replicas of each service, and what does not agree with it',
  description:
    'Exit code 1 when containers, load balancer, version variables and journal do not agree, as after a deploy that was killed.',
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
