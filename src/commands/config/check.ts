import * as z from 'zod';

import { readCommand } from '../../core/command.ts';
import { duration } from '../../core/format.ts';
import { exitOf, STATUSES, statusSchema, verdictSchema, worst } from '../../core/verdict.ts';
import { reachAll } from '../../reach/reach.ts';

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
  text: (data, style) => {
    const rows = data.targets.map((one) => [
      style.status(one.status),
      one.target,
      one.reason,
      one.durationMs < 1 ? '' : duration(one.durationMs),
    ]);
    const bad = data.targets.filter(({ status }) => status !== 'ok' && status !== 'skipped');
    const ordered = bad.toSorted((a, b) => STATUSES.indexOf(b.status) - STATUSES.indexOf(a.status));
    const next = [...new Set(ordered.flatMap((one) => one.next))].slice(0, 8);
    const columns = [
      { title: 'STATUS' },
      { title: 'TARGET' },
      { title: 'SEEN', flexible: true },
      { title: 'TIME', align: 'right' as const },
    ];
    // A table cuts long reasons; those that matter are said in full.
    const full = ordered.map((one) => style.wrap(`${style.status(one.status)} ${one.target}: ${one.reason}`, 2));
    const counts = STATUSES.flatMap((status) => {
      const count = data.targets.filter((one) => one.status === status).length;
      return count === 0 ? [] : [`${count.toString()} ${status}`];
    });
    return [
      style.dim(`${data.file ?? 'no file'}, environment ${data.environment}`),
      style.table(columns, rows),
      ...(full.length === 0 ? [] : ['', ...full]),
      '',
      `${style.status(data.status)}: ${counts.join(', ')}`,
      ...(next.length === 0 ? [] : [`${style.bold('next')}: ${next.join('\n      ')}`]),
    ].join('\n');
  },
});
