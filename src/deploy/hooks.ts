/** Commands of the user before and after a deploy, as steps. */
import type { Step } from '../core/change.ts';
import { step } from '../core/plan.ts';
import type { HookPhase } from '../core/ports/hooks.ts';

/** What ending a hook takes beyond its own time, in ms: asked first, then forced. It says better than the step why. */
const ENDING_MS = 15_000;

/** The recorded call names the place in the configuration only: what is run there is decided by the machine that runs it. */
export const hookSteps = (
  phase: HookPhase,
  hooks: readonly { command: string[]; timeoutMs: number }[],
  facts: Record<string, string>,
): Step[] =>
  hooks.map(({ command, timeoutMs }, index) =>
    step({
      id: `hooks.run:${phase}-${(index + 1).toString()}`,
      describe: `run ${command.join(' ')}`,
      why: `a hook ${phase} each deploy`,
      do: (w) => w.hooks.run(phase, index, facts),
      undo: 'not needed',
      timeoutMs: timeoutMs + ENDING_MS,
      ...(phase === 'after' ? { onFailure: 'go on' as const } : {}),
    }),
  );
