import * as z from 'zod';

import type { Context } from '../core/command.ts';
import type { Style } from '../core/style.ts';

const input = z.object({
  change: z.string().optional().meta({
    description: 'id of the change; default: the newest that was left in the middle',
    positional: true,
    completes: 'change',
  }),
});

const output = z.object({
  containers: z
    .array(z.object({ name: z.string(), state: z.string(), health: z.string() }))
    .describe('the platform now'),
});

/** What `resume` and `abort` have in common: what they take, and the platform as it is afterwards. */
export const recovery = {
  input,
  output,
  report: async (_input: z.output<typeof input>, context: Context): Promise<z.output<typeof output>> => {
    const all = await context.readers.engine.containers({ project: context.platform.compose.project });
    return { containers: all.map(({ name, state, health }) => ({ name, state, health })) };
  },
  text: (data: z.output<typeof output>, style: Style): string => {
    const troubled = data.containers.filter(({ state, health }) => state !== 'running' || health === 'unhealthy');
    if (troubled.length === 0)
      return `${style.good('✓')} recovered; all ${data.containers.length.toString()} containers run`;
    return [
      `${style.notice('!')} recovered, but look at:`,
      ...troubled.map((one) => `  ${one.name} ${one.state}${one.health === 'none' ? '' : `, ${one.health}`}`),
    ].join('\n');
  },
};
