/**
 * Candidates for the shells' completion scripts (`opsctl __complete`, see src/completion/scripts.ts). It must
 * be quick and silent: as little as possible is loaded, names come from the configuration and, where the
 * engine is a socket of this machine, from a short question to it; whatever fails gives no candidates.
 */
import { NOUNS, registry } from '../commands/index.ts';
import { readTyped, type Typed } from './complete-words.ts';
import type { Flag } from './flags.ts';

/** A word that may stand at the cursor. */
export interface Candidate {
  value: string;
  description: string;
}

/** Asks the shell for its own file names. */
const FILES = ':files';

/** What the words before the cursor mean. */
interface Place {
  /** Name of the command, when they spell one. */
  command: string | undefined;
  /** The words that are no flags and no values of flags. */
  words: string[];
}

/** For a configuration on a file system that hangs; the engine has a shorter deadline of its own. */
const DEADLINE_MS = 1000;

/** Prints candidates for the words that a completion script sent. Never fails, never says anything else. */
export async function complete(args: readonly string[]): Promise<number> {
  const typed = readTyped(args);
  if (typed === undefined) return 0;
  const deadline = new Promise<Candidate[]>((resolve) => {
    setTimeout(() => {
      resolve([]);
    }, DEADLINE_MS).unref();
  });
  const found = await Promise.race([candidates(typed).catch(() => []), deadline]);
  const text = found.map(({ value, description }) => `${lineOf(value, description)}\n`).join('');
  await new Promise<void>((resolve) => {
    process.stdout.write(text, () => {
      resolve();
    });
  });
  return 0;
}

// Names come from files and servers: a line feed or a control sequence in one must not reach the shell.
const lineOf = (value: string, description: string): string =>
  // oxlint-disable-next-line no-control-regex -- removing control characters is the purpose
  [value, description]
    .map((text) => text.replace(/[\u0000-\u001f\u007f-\u009f]/g, ' '))
    .join('\t')
    .trimEnd();

/** All words that may stand at the cursor, those of the same kind in the order of their declaration. */
export async function candidates(typed: Typed): Promise<Candidate[]> {
  const { before, current, kept } = typed;
  const { command, words } = placeOf(before);
  const fitting = (all: Candidate[], prefix = ''): Candidate[] => {
    // A shell completes file names for a word as it split it: only bash leaves the flag before = out.
    if (all[0]?.value === FILES) return prefix === kept ? all : [];
    return all
      .map(({ value, description }) => ({ value: prefix + value, description }))
      .filter(({ value }) => value.startsWith(current))
      .map(({ value, description }) => ({ value: value.slice(kept.length), description }));
  };
  const commands = before.includes('--') ? [] : commandsAfter(words);
  if (command === undefined && !current.startsWith('-') && !expectsValue(before)) return fitting(commands);

  const { flagsFor } = await import('./complete-flags.ts');
  const flags = await flagsFor(command);
  const options = flags.filter(({ meta }) => meta.positional !== true);
  const byName = (word: string): Flag | undefined =>
    options.find(({ name, meta }) => word === `--${name}` || (meta.short !== undefined && word === `-${meta.short}`));
  const assigned = /^(--[a-z][\w-]*)=/.exec(current);
  if (assigned !== null) return fitting(await valuesOf(byName(assigned[1] ?? ''), before), assigned[0]);
  const last = byName(before.at(-1) ?? '');
  if (last !== undefined && last.kind !== 'boolean' && last.name !== 'json' && !before.includes('--'))
    return fitting(await valuesOf(last, before));
  if (current.startsWith('-') && !before.includes('--')) {
    const used = new Set(before.map((word) => byName(word)).filter((flag) => flag?.kind !== 'list'));
    return fitting(
      options
        .filter((flag) => !used.has(flag))
        .map(({ name, meta }) => ({ value: `--${name}`, description: meta.description ?? '' })),
    );
  }
  const positional = positionalAt(flags, command, words);
  return fitting([...commands, ...(positional === undefined ? [] : await valuesOf(positional, before, words))]);
}

/** A list takes all words that are left. */
function positionalAt(flags: readonly Flag[], command: string | undefined, words: readonly string[]): Flag | undefined {
  const positionals = flags.filter(({ meta }) => meta.positional === true);
  const taken = words.length - (command === undefined ? 0 : command.split(' ').length);
  return positionals[taken] ?? (positionals.at(-1)?.kind === 'list' ? positionals.at(-1) : undefined);
}

const GLOBAL_WITH_VALUE = new Set(['--config', '--environment', '-e', '--set']);

const expectsValue = (before: readonly string[]): boolean => GLOBAL_WITH_VALUE.has(before.at(-1) ?? '');

/** The longest command that the leading words spell. Flags of the command may take the word after them. */
function placeOf(before: readonly string[]): Place {
  const words: string[] = [];
  for (let index = 0; index < before.length; index += 1) {
    const word = before[index] ?? '';
    if (GLOBAL_WITH_VALUE.has(word)) index += 1;
    else if (!word.startsWith('-')) words.push(word);
  }
  const names = [3, 2, 1].map((count) => words.slice(0, count).join(' '));
  return { command: names.find((name) => registry.some((entry) => entry.name === name)), words };
}

/** First words of commands, or the verbs of a noun. */
function commandsAfter(words: readonly string[]): Candidate[] {
  const prefix = words.map((word) => `${word} `).join('');
  const next = new Map<string, string>();
  for (const { name, summary } of registry) {
    if (!name.startsWith(prefix)) continue;
    const [word = '', ...rest] = name.slice(prefix.length).split(' ');
    if (rest.length === 0 || !next.has(word)) next.set(word, rest.length === 0 ? summary : (NOUNS[word] ?? summary));
  }
  return [...next].map(([value, description]) => ({ value, description }));
}

async function valuesOf(
  flag: Flag | undefined,
  before: readonly string[],
  words: readonly string[] = [],
): Promise<Candidate[]> {
  if (flag === undefined) return [];
  if (flag.name === 'config') return [{ value: FILES, description: '' }];
  if (flag.choices.length > 0) return flag.choices.map((value) => ({ value, description: '' }));
  if (flag.meta.completes === undefined && flag.name !== 'environment') return [];
  const { namesFor } = await import('./complete-names.ts');
  const names = await namesFor(flag.name === 'environment' ? 'environment' : flag.meta.completes, before);
  return flag.kind === 'list' ? names.filter(({ value }) => !words.includes(value)) : names;
}
