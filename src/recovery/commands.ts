/** `resume` and `abort`, for all changes and for those of one noun. */
import * as z from 'zod';

import { type ChangeCommand, changeCommand, type Context } from '../core/command.ts';
import type { ChangeRecord } from '../core/change.ts';
import { asSeen } from '../core/unfinished.ts';
import { begunOf, findUnfinished, mustBeLast, planAbandon, planAbort, planResume, staysOf } from './plan.ts';
import { recovery } from './report.ts';

/** @param noun `deploy` for `deploy resume`; empty for all changes */
export function resumeCommand(noun = ''): ChangeCommand {
  const name = `${noun} resume`.trim();
  const find = finder(noun);
  return changeCommand({
    name,
    summary: `Finish a ${noun || 'change'} that was left in the middle, from any machine`,
    description:
      'What gates saw before is looked at again. When finishing fails, the whole change is taken back, as if it had never been interrupted.',
    examples: [
      { command: `opsctl ${name} --dry-run`, explains: 'what would be done' },
      {
        command: `opsctl ${name} --yes`,
        explains: `finish the newest ${noun || 'change'} that was left in the middle`,
      },
    ],
    ...recovery,
    plan: async (input, context) => {
      const record = await find(input, context);
      await mustBeLast(record, context.readers.journal);
      return planResume(await asSeen(record, context.readers));
    },
    recovers: async (input, context) => {
      const record = await asSeen(await find(input, context), context.readers);
      return { record, done: begunOf(record) };
    },
  });
}

/** @param noun as for `resumeCommand` */
export function abortCommand(noun = ''): ChangeCommand {
  const name = `${noun} abort`.trim();
  const find = finder(noun);
  return changeCommand({
    name,
    summary: `Take back a ${noun || 'change'} that was left in the middle, from any machine`,
    examples: [
      { command: `opsctl ${name} --dry-run`, explains: 'what would be done' },
      {
        command: `opsctl ${name} --yes`,
        explains: `take back the newest ${noun || 'change'} that was left in the middle`,
      },
      {
        command: `opsctl ${name} --abandon --reason 'mended by hand' --yes`,
        explains: 'close it in the journal and change nothing',
      },
    ],
    ...recovery,
    input: recovery.input.extend({
      abandon: z
        .boolean()
        .default(false)
        .meta({ description: 'close it in the journal, and leave the platform as it is; needs a reason' }),
    }),
    needsReason: ({ abandon }) => abandon,
    plan: async (input, context) => {
      const record = await find(input, context);
      if (input.abandon) return planAbandon(record);
      await mustBeLast(record, context.readers.journal);
      return planAbort(await asSeen(record, context.readers));
    },
    recovers: async (input, context) => {
      const record = await find(input, context);
      if (input.abandon) return { record };
      const seen = await asSeen(record, context.readers);
      return { record: seen, stays: staysOf(seen) };
    },
  });
}

const finder =
  (noun: string) =>
  ({ change }: z.output<typeof recovery.input>, { readers }: Context): Promise<ChangeRecord> =>
    findUnfinished(readers.journal, change, noun);
