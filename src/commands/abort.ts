import { changeCommand } from '../core/command.ts';
import { findUnfinished, planAbort } from '../recovery/plan.ts';
import { recovery } from '../recovery/report.ts';

export default changeCommand({
  name: 'abort',
  summary: 'Take back a change that was left in the middle, from any machine',
  examples: [
    { command: 'opsctl abort --dry-run', explains: 'what would be done' },
    { command: 'opsctl abort --yes', explains: 'take back the newest change that was left in the middle' },
  ],
  input: recovery.input,
  output: recovery.output,
  plan: async (input, context) => planAbort(await findUnfinished(context.readers.journal, input.change)),
  recovers: async (input, context) => (await findUnfinished(context.readers.journal, input.change)).id,
  report: recovery.report,
  text: recovery.text,
});
