/** How a canary is to be walked through, as it was typed. */
import { OpsError } from '../core/errors.ts';
import { durationMs } from '../core/values.ts';
import type { Walk } from './plan-canary.ts';

/** As typed. */
export interface Typed {
  initialTrafficPercent?: number | undefined;
  autoPromote: boolean;
  /** Percents with commas between them. */
  steps: string;
  stepDuration: string;
  noAnalysis: boolean;
}

/** @throws USAGE for percents that are none, or do not rise */
export function walkOf({ initialTrafficPercent, autoPromote, steps, stepDuration, noAnalysis }: Typed): Walk {
  const percents = steps.split(',').map((text) => Number(text.trim()));
  const wrong = percents.findIndex(
    (percent, index) =>
      !Number.isInteger(percent) || percent < 1 || percent > 100 || percent <= (percents[index - 1] ?? 0),
  );
  if (wrong >= 0)
    throw new OpsError(
      'USAGE',
      `--steps ${steps}: ${steps.split(',')[wrong]?.trim() ?? ''} is no rising percent from 1 to 100`,
      {
        hint: 'Such as: --steps 5,25,50,100',
      },
    );
  const first = initialTrafficPercent ?? percents[0] ?? 1;
  if (first >= 100)
    throw new OpsError('USAGE', `--steps ${steps}: a canary begins with less than 100 percent`, {
      hint: 'For all visitors at once: opsctl deploy blue-green --version <version>',
    });
  const rising = [first, ...percents.filter((percent) => percent > first)];
  return {
    percents: autoPromote ? rising : [first],
    stepMs: durationMs(stepDuration),
    analysed: !noAnalysis,
  };
}
