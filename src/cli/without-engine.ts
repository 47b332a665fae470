/**
 * Changes while the docker engine does not answer (ADR 11). It holds the lock, and the journal that other machines see: a
 * change of a server that needs no engine may go on without them, but only when somebody says so.
 */
import type { Plan } from '../core/change.ts';
import type { OpsError } from '../core/errors.ts';

/** Ports that reach servers by their URL; all others go through the engine, or what they do is part of a change of it. */
const ELSEWHERE = new Set(['database', 'cache', 'warm']);

/**
 * Whether a plan may be carried out without the engine: it touches no container, and somebody said so.
 * @throws UNREACHABLE, TIMED_OUT; where only the word is missing, with the way
 */
export function mayGoWithout(plan: Plan, away: OpsError, said: boolean): void {
  if (!plan.steps.every(isElsewhere)) throw away;
  if (said) return;
  const way = 'To change it all the same, with nobody else kept out and the journal on this machine: --without-engine';
  throw away.told({
    message: `${away.message}, and it holds the lock that keeps others out`,
    hint: away.hint === undefined ? way : `${away.hint} ${way}`,
  });
}

function isElsewhere({ do: call, undo, undone, verify, explain, output }: Plan['steps'][number]): boolean {
  const calls = [call, typeof undo === 'string' ? undefined : undo, undone, verify, explain, output];
  return calls.every((one) => one === undefined || ELSEWHERE.has(one.port));
}
