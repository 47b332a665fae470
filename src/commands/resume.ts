import { changeCommand } from '../core/command.ts';
import { findUnfinished, planResume } from '../recovery/plan.ts';
import { recovery } from '../recovery/report.ts';

export default changeCommand({
  name: 'resume',
  summary: 'Finish a change that was left in the middle, from any machine',
  examples: [
    { command: 'opsctl resume --dry-run', explains: 'what would be done' },
    { command: 'opsctl resume --yes', explains: 'finish the newest change that was left in the middle' },
  ],
  input: recovery.input,
  output: recovery.output,
  plan: async (input, context) => planResume(await findUnfinished(context.readers.journal, input.change)),
  recovers: async (input, context) => (await findUnfinished(context.readers.journal, input.change)).id,
  report: recovery.report,
  text: recovery.text,
});
