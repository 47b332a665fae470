import type { Plan } from '../core/change.ts';
import { OpsError } from '../core/errors.ts';
import { isIrreversible } from '../core/plan.ts';
import type { ChangeInput } from './global.ts';

/** What has to be done to confirm a plan (design, section 4). */
export type Confirmation = { kind: 'yes-or-no' } | { kind: 'type'; name: string; why: string; yesCovers: boolean };

/** Derives the confirmation from the plan and the environment; a command has no say in it. */
export function confirmationFor(plan: Plan, environment: { name: string; protected: boolean }): Confirmation {
  if (plan.steps.some(isIrreversible))
    return { kind: 'type', name: plan.target, why: 'it cannot be undone', yesCovers: false };
  if (environment.protected)
    return { kind: 'type', name: environment.name, why: `${environment.name} is protected`, yesCovers: true };
  return { kind: 'yes-or-no' };
}

/** Asks a person. Loaded only when somebody is there to be asked. */
export type Ask = (question: string, expected: string | undefined) => Promise<boolean>;

/** Confirms a plan or throws. Flags decide first, then a person at a terminal; the default is always no. @throws NOT_CONFIRMED */
export async function confirm(
  needed: Confirmation,
  flags: Pick<ChangeInput, 'yes' | 'confirm'>,
  ask: Ask | undefined,
): Promise<void> {
  if (needed.kind === 'type' && flags.confirm !== undefined) {
    if (flags.confirm === needed.name) return;
    throw new OpsError('NOT_CONFIRMED', `--confirm ${flags.confirm} does not name ${needed.name}`, {
      hint: `If you mean it: --confirm ${needed.name}`,
    });
  }
  if (flags.yes && (needed.kind === 'yes-or-no' || needed.yesCovers)) return;
  const flag = needed.kind === 'type' && !needed.yesCovers ? `--confirm ${needed.name}` : '--yes';
  if (ask === undefined) {
    const because =
      flags.yes && needed.kind === 'type'
        ? `${needed.why}, which --yes does not cover`
        : 'there is no terminal to ask at';
    throw new OpsError('NOT_CONFIRMED', `not confirmed: ${because}`, {
      hint: `Look at the plan with --dry-run, then add ${flag}.`,
    });
  }
  const question = needed.kind === 'type' ? `Type ${needed.name} to go on (${needed.why}):` : 'Go on?';
  if (!(await ask(question, needed.kind === 'type' ? needed.name : undefined))) {
    throw new OpsError('NOT_CONFIRMED', 'not confirmed, nothing was changed', {
      hint: `To go on without being asked: ${flag}`,
    });
  }
}

/** A prompt on stderr, so that stdout holds nothing but the result. @throws INTERRUPTED at Ctrl-C and when the signal says so */
export const askOnTerminal =
  (signal: AbortSignal): Ask =>
  async (question, expected) => {
    const context = { output: process.stderr, signal };
    try {
      if (expected === undefined)
        return await (await import('@inquirer/confirm')).default({ message: question, default: false }, context);
      return (await (await import('@inquirer/input')).default({ message: question }, context)).trim() === expected;
    } catch (thrown) {
      if (thrown instanceof Error && (thrown.name === 'ExitPromptError' || thrown.name === 'AbortPromptError'))
        throw new OpsError('INTERRUPTED', 'interrupted, nothing was changed', { cause: thrown });
      throw thrown;
    }
  };
