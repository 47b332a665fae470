import * as z from 'zod';

import { readCommand } from '../../core/command.ts';
import { exitOf } from '../../core/verdict.ts';
import { readiness, readinessSchema, readinessText } from './shared.ts';

export default readCommand({
  name: 'lb check',
  summary: 'Is the load balancer ready for deploys that lose no request, and what does it lack?',
  description:
    'Reads the configuration that nginx has on disk and asks the running nginx itself, at the health URL of each service. What is missing is named with the line to add.',
  examples: [
    {
      command: 'opsctl lb check',
      explains: 'after opsctl lb setup, and after each change of the configuration of nginx',
    },
    { command: 'opsctl lb check --fail-on warn --json', explains: 'in CI' },
  ],
  input: z.object({
    failOn: z.enum(['warn', 'crit']).default('crit').meta({ description: 'exit 1 from this status on' }),
  }),
  output: readinessSchema,
  run: (_input, context) => readiness(context),
  exit: (data, { failOn }) => exitOf(data.status, failOn),
  text: (data, style) => readinessText(data, style),
});
