/** What was typed, put in order for completion. */
export interface Typed {
  /** Whole words before the cursor, without the program. */
  before: string[];
  /** The word at the cursor, up to the cursor. */
  current: string;
  /** Beginning of `current` that the shell keeps and candidates must not repeat. */
  kept: string;
}

/** Reads the arguments of `opsctl __complete`; undefined when they are not what the scripts send. */
export function readTyped(args: readonly string[]): Typed | undefined {
  const [shell = '', flag = '', separator, ...before] = args;
  if (!flag.startsWith('--current=') || separator !== '--') return undefined;
  const current = flag.slice('--current='.length);
  return shell === 'bash' ? joined(before, current) : { before, current, kept: '' };
}

/** Characters at which bash splits a word (COMP_WORDBREAKS) and that occur in words of opsctl. */
const BREAKS = new Set(['=', ':']);

/** `--fail-on`, `=`, `wa` are one word again, of which bash replaces `wa` only. */
function joined(before: readonly string[], current: string): Typed {
  const words: string[] = [];
  let open = false;
  for (const piece of [...before, current]) {
    const joins = BREAKS.has(piece) && words.length > 0;
    const last = words.at(-1);
    if ((joins || open) && last !== undefined) words[words.length - 1] = last + piece;
    else words.push(piece);
    open = joins;
  }
  const whole = words.pop() ?? '';
  // A break alone at the cursor is kept as a whole: the candidate follows it.
  const kept = whole.slice(0, BREAKS.has(current) ? whole.length : whole.length - current.length);
  return { before: words, current: whole, kept };
}
