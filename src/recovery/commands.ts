/** `resume` and `abort`, for all changes and for those of one noun. */
import { type ChangeCommand, changeCommand } from '../core/command.ts';
import type { ChangeRecord, Plan } from '../core/change.ts';
import { findUnfinished, planAbort, planResume } from './plan.ts';
import { recovery } from './report.ts';

/** @param noun `deploy` for `deploy resume`; empty for all changes */
export const resumeCommand = (noun = ''): ChangeCommand =>
  recoverCommand(noun, 'resume', planResume, {
    summary: `Finish a ${noun || 'change'} that was left in the middle, from any machine`,
    explains: `finish the newest ${noun || 'change'} that was left in the middle`,
  });

export const abortCommand = (noun = ''): ChangeCommand =>
  recoverCommand(noun, 'abort', planAbort, {
    summary: `Take back a ${noun || 'change'} that was left in the middle, from any machine`,
    explains: `take back the newest ${noun || 'change'} that was left in the middle`,
  });

function recoverCommand(
  noun: string,
  verb: string,
  plan: (record: ChangeRecord) => Plan,
  { summary, explains }: { summary: string; explains: string },
): ChangeCommand {
  const name = `${noun} ${verb}`.trim();
  return changeCommand({
    name,
    summary,
    examples: [
      { command: `opsctl ${name} --dry-run`, explains: 'what would be done' },
      { command: `opsctl ${name} --yes`, explains },
    ],
    input: recovery.input,
    output: recovery.output,
    plan: async (input, { readers }) => plan(await findUnfinished(readers.journal, input.change, noun)),
    recovers: async (input, { readers }) => (await findUnfinished(readers.journal, input.change, noun)).id,
    report: recovery.report,
    text: recovery.text,
  });
}
