import * as z from 'zod';

import { readCommand } from '../core/command.ts';
import { exitOf, statusSchema } from '../core/verdict.ts';
import { roundLine, rounds, roundSchema, roundScreen } from '../health/continuous.ts';
import { exposition } from '../health/exposition.ts';
import { observeHealth } from '../health/observe.ts';
import { findingSchema } from '../health/probe.ts';
import { healthText } from '../health/text.ts';

export default readCommand({
  name: 'health',
  summary: 'Is the platform well? Services, database, cache, load balancer; everything with --detailed',
  description:
    'Checks run all at once, each with its own deadline. Database and cache are judged by what the services report of them; where none does, they are asked directly and the reason says so. What could not be observed is `unknown`, never ok.',
  examples: [
    { command: 'opsctl health', explains: 'the five services of the runbook' },
    {
      command: 'opsctl health --detailed',
      explains: 'containers, database, cache, host, metrics, alerts, certificates too',
    },
    {
      command: 'opsctl health --continuous --interval-seconds 30',
      explains: 'again and again, changes of state marked',
    },
    { command: 'opsctl health --detailed --json', explains: 'for scripts; the exit code is the same' },
    { command: "opsctl health --only 'container:*' --only redis", explains: 'some checks, by id or component' },
    { command: 'opsctl health --detailed --format prometheus', explains: "for the node exporter's textfile collector" },
  ],
  input: z.object({
    detailed: z.boolean().default(false).meta({ description: 'everything that can be observed', short: 'd' }),
    continuous: z.boolean().default(false).meta({ description: 'again and again until Ctrl-C' }),
    intervalSeconds: z
      .number()
      .min(1)
      .max(86_400)
      .default(30)
      .meta({ description: 'time from one round to the next', value: 'seconds' }),
    only: z.array(z.string()).default([]).meta({
      description: 'only these checks or components; may be repeated, * at the end',
      value: 'check',
      completes: 'check',
    }),
    failOn: z.enum(['warn', 'crit']).default('crit').meta({ description: 'exit 1 from this status on' }),
    timeout: z
      .number()
      .int()
      .min(100)
      .max(600_000)
      .optional()
      .meta({ description: 'deadline of each check', value: 'ms' }),
    format: z.enum(['text', 'prometheus']).default('text').meta({ description: 'form of the answer' }),
  }),
  output: z.object({
    status: statusSchema.describe('the worst of all checks'),
    checks: z.array(findingSchema),
  }),
  run: (input, context) =>
    observeHealth(context, { detailed: input.detailed, only: input.only, timeoutMs: input.timeout }),
  text: healthText,
  exit: (data, input) => exitOf(data.status, input.failOn),
  format: (data, input) => (input.format === 'prometheus' ? exposition(data, Date.now()) : undefined),
  stream: {
    when: (input) => input.continuous,
    event: roundSchema,
    run: (input, context) =>
      rounds(() => observeHealth(context, { detailed: input.detailed, only: input.only, timeoutMs: input.timeout }), {
        intervalMs: input.intervalSeconds * 1000,
        signal: context.signal,
        now: () => context.now(),
      }),
    line: roundLine,
    screen: roundScreen,
  },
});
