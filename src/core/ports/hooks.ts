/** Commands of the user around a change. */

export const HOOK_PHASES = ['before', 'after'] as const;
export type HookPhase = (typeof HOOK_PHASES)[number];

export interface HookRunner {
  /**
   * Runs the command that this machine's own configuration has at that place; never one from a journal. The facts are
   * in its environment. It is done when it ends, whatever it leaves running; when its time is up it is ended with all
   * that it started. Gives what it printed, secrets masked.
   * @throws REJECTED when it fails, TIMED_OUT, NOT_FOUND when the configuration has none there (any more)
   */
  run(phase: HookPhase, index: number, facts: Record<string, string>): Promise<string>;
}
