import type { Entry } from '../commands/index.ts';

/** Global flags that take a value: the word after them is no command. */
const WITH_VALUE = new Set(['--config', '--environment', '-e', '--set']);

/** The words of a command line that are neither flags nor values of global flags. */
export function wordsOf(argv: readonly string[]): string[] {
  const words: string[] = [];
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? '';
    if (word === '--') break;
    if (WITH_VALUE.has(word)) index += 1;
    else if (!word.startsWith('-')) words.push(word);
  }
  return words;
}

/** The command that the arguments name: the longest name that their leading words spell. */
export function findEntry(argv: readonly string[], entries: readonly Entry[]): Entry | undefined {
  const words = wordsOf(argv);
  for (let count = Math.min(3, words.length); count > 0; count -= 1) {
    const name = words.slice(0, count).join(' ');
    const entry = entries.find((candidate) => candidate.name === name);
    if (entry !== undefined) return entry;
  }
  return undefined;
}
