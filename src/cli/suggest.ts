import { registry } from '../commands/index.ts';
import type { OpsError } from '../core/errors.ts';
import { shellWord } from '../core/shell.ts';
import { onServer } from '../core/suggested.ts';
import type { GlobalInput } from './global.ts';

/** What a command line chose. */
interface Chosen {
  global: Pick<GlobalInput, 'config' | 'environment'>;
  command?: { name: string };
  input?: Record<string, unknown>;
}

/** A command of opsctl in a sentence; not the program itself, as in "opsctl needs". */
const COMMAND = new RegExp(
  String.raw`\bopsctl(?= (?:${[...new Set(registry.map(({ name }) => name.split(' ')[0] ?? name))].join('|')})(?![\w-]))`,
  'g',
);
/** Where results keep what the program itself says, and not what it was told. */
const OWN_WORDS = new Set(['next', 'notes', 'drift']);

/**
 * Commands that are suggested must reach the same platform as the one that suggests them: where a configuration, an
 * environment, or a database or cache was chosen, every suggested command chooses it too. The one place where that is put in; done again it changes nothing.
 */
export function suggestFor(
  { global: { config, environment }, command, input = {} }: Chosen,
  env: Record<string, string | undefined>,
): {
  text: (text: string) => string;
  data: <T>(data: T) => T;
  error: (error: OpsError) => OpsError;
} {
  // What a variable says it says to the suggested command too; what is empty counts as not given.
  const typed = (value: string | undefined, variable: string): string[] =>
    value === undefined || value === '' || value === env[variable] ? [] : [value];
  const flags = [
    ...typed(environment, 'OPSCTL_ENVIRONMENT').flatMap((name) => ['-e', name]),
    ...typed(config, 'OPSCTL_CONFIG').flatMap((file) => ['--config', file]),
  ];
  const chosen = flags.map(shellWord).join(' ');
  const kind = command?.name.startsWith('db ') ? 'database' : command?.name.startsWith('cache ') ? 'cache' : undefined;
  const server = kind === undefined ? undefined : input[kind];
  const named = kind === undefined || typeof server !== 'string' ? undefined : onServer(kind, server);
  const isNone = chosen === '' && named === undefined;
  const text = (given: string): string => {
    const asked = named?.(given) ?? given;
    return chosen === '' ? asked : asked.replace(COMMAND, () => `opsctl ${chosen}`);
  };
  return {
    text,
    data: (data) => (isNone ? data : inOwnWords(data, text)),
    error: (error) => (isNone || error.hint === undefined ? error : error.told({ hint: text(error.hint) })),
  };
}

/** Changes the strings where results keep the program's own words. */
function inOwnWords<T>(value: T, change: (text: string) => string): T {
  if (Array.isArray(value)) return value.map((item: unknown) => inOwnWords(item, change)) as T;
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]: [string, unknown]) => {
      if (!OWN_WORDS.has(key)) return [key, inOwnWords(item, change)];
      if (typeof item === 'string') return [key, change(item)];
      return [
        key,
        Array.isArray(item) ? item.map((one: unknown) => (typeof one === 'string' ? change(one) : one)) : item,
      ];
    }),
  ) as T;
}
