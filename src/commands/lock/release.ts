import * as z from 'zod';

import { changeCommand } from '../../core/command.ts';
import { plan, step } from '../../core/plan.ts';

export default changeCommand({
  name: 'lock release',
  summary: 'Break the change lock of a program that died, with a reason that is journalled',
  description:
    'A lock without a sign of life is taken over by the next change by itself after 30 s. Breaking the lock of a live change makes that change stop before its next step, leaving what it did.',
  examples: [
    { command: 'opsctl lock release --dry-run', explains: 'whose lock it is' },
    {
      command: "opsctl lock release --reason 'runner was killed' --confirm production",
      explains: 'break it without being asked',
    },
  ],
  input: z.object({}),
  output: z.object({ held: z.boolean().describe('whether anybody holds the lock now') }),
  locks: false,
  needsReason: () => true,
  plan: async (_input, context) => {
    const { lock } = context.readers;
    const { environment } = context.platform;
    const holder = await lock.holder();
    if (holder === undefined)
      return plan({ target: environment, summary: 'nobody holds the lock', touches: [], steps: [] });
    return plan({
      target: environment,
      summary: `break the lock of ${holder.owner} on ${holder.host}`,
      touches: [
        `${holder.command} (change ${holder.change}, pid ${holder.pid.toString()} on ${holder.host}), since ${holder.since}`,
      ],
      // Not compared: the same lock is broken whether or not its holder falls silent while the plan is read.
      seen: [
        holder.stale ? 'its holder gives no sign of life' : 'its holder is alive, and will stop before its next step',
      ],
      steps: [
        step({
          id: 'lock.break',
          describe: `break the lock of ${holder.owner} on ${holder.host}`,
          why: 'whoever holds it makes no further step, and the next change may begin',
          do: (w) => w.lock.breakLock(holder.id),
          verify: (r) => r.lock.isFree(holder.id),
        }),
      ],
    });
  },
  report: async (_input, context) => ({ held: (await context.readers.lock.holder()) !== undefined }),
  text: (data, style) =>
    data.held ? style.suggest('the lock is held by somebody else now: opsctl lock') : 'nobody holds the lock',
});
