import vm from 'node:vm';

import { OpsError } from '../core/errors.ts';

/** Lines that are matched in one go. */
export const BATCH = 512;
/** Of a longer line only the beginning is matched. */
export const MATCHED_CHARACTERS = 16_384;
/** What matching one batch may take. Harmless patterns take about a millisecond for it. */
const BATCH_MS = 1000;

/** Tells for each of at most `BATCH` texts whether the pattern matches. @throws USAGE when it takes too long */
export type Matcher = (texts: readonly string[]) => boolean[];

/**
 * A matcher for a pattern that somebody typed. JavaScript's expressions backtrack, and some patterns
 * ("(a+)+$") take longer than the universe on a short line. So they run under the deadline of `node:vm`,
 * which interrupts the engine in the middle of a match (200 ms were kept to 206 ms when measured).
 * The pattern and the lines are data there, never code.
 * @throws USAGE for a pattern that is not a regular expression
 */
export function matcherFor(pattern: string, ignoreCase: boolean): Matcher {
  const box: { pattern: string; flags: string; texts: readonly string[] } = {
    pattern,
    flags: ignoreCase ? 'iu' : 'u',
    texts: [],
  };
  const context = vm.createContext(box);
  try {
    vm.runInContext('expression = new RegExp(pattern, flags)', context);
  } catch (cause) {
    throw new OpsError('USAGE', `--grep: ${pattern} is not a regular expression`, {
      hint: String.raw`Characters such as ( [ { * + ? . \ have a meaning in it: put a backslash before them.`,
      details: { reason: cause instanceof Error || hasMessage(cause) ? cause.message : String(cause) },
    });
  }
  const script = new vm.Script('texts.map((text) => expression.test(text))');
  return (texts) => {
    box.texts = texts.map((text) => text.slice(0, MATCHED_CHARACTERS));
    try {
      return [...(script.runInContext(context, { timeout: BATCH_MS }) as boolean[])];
    } catch (cause) {
      throw new OpsError('USAGE', `--grep: ${pattern} takes too long on these lines`, {
        hint: 'A repetition inside a repetition, as in (a+)+, needs exponential time: write the pattern without, or search for plain text.',
        cause,
      });
    }
  };
}

// An error from the other context is no instance of this one's Error.
const hasMessage = (thrown: unknown): thrown is { message: string } =>
  typeof thrown === 'object' && thrown !== null && 'message' in thrown;
