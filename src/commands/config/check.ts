import * as z from 'zod';

import { readCommand } from '../../core/command.ts';
import { duration } from '../../core/format.ts';
import { exitOf, statusSchema, verdictSchema, worst } from '../../core/verdict.ts';
import { reachAll } from '../../reach/reach.ts';
import { verdictsText } from '../verdicts.ts';

export default readCommand({
  name: 'config check',
  summary: 'Does the configuration load, and is everything that it names there and reachable?',
  description:
    'All targets are asked at once, each with its own deadline (checks.timeoutMs): engine, containers, URLs, load balancer, databases, caches, Prometheus, certificates, volumes, files. This is about the configuration; how well the platform is: opsctl health.',
  examples: [
    { command: 'opsctl config check', explains: 'after every change of opsctl.yaml' },
    {
      command: 'opsctl config check --config ops/opsctl.yaml --environment staging',
      explains: 'another file and environment',
    },
    { command: 'opsctl config check --fail-on warn --json', explains: 'in CI' },
  ],
  input: z.object({
    failOn: z.enum(['warn', 'crit']).default('crit').meta({ description: 'exit 1 from this status on' }),
  }),
  output: z.object({
    file: z.string().nullable(),
    environment: z.string(),
    status: statusSchema.describe('the worst of all targets'),
    targets: z.array(
      z.object({
        target: z.string().describe('path in the configuration'),
        ...verdictSchema.shape,
        durationMs: z.number(),
      }),
    ),
  }),
  run: async (_input, context) => {
    const targets = await reachAll(context);
    return {
      file: context.readers.configuration.file() ?? null,
      environment: context.platform.environment,
      status: worst(targets.map(({ status }) => status)),
      targets,
    };
  },
  exit: (data, { failOn }) => exitOf(data.status, failOn),
  text: (data, style) =>
    [
      style.dim(`${data.file ?? 'no file'}, environment ${data.environment}`),
      verdictsText(
        data.targets.map((one) => ({
          ...one,
          of: one.target,
          note: one.durationMs < 1 ? '' : duration(one.durationMs),
        })),
        'TARGET',
        style,
      ),
    ].join('\n'),
});
