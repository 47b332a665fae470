/**
 * Variables in a .env file. docker-compose 1 and 2 read such files by different rules: version 2 puts variables in the
 * place of `$` outside single quotes, version 1 in that of `${` even there, and each has its own use of a backslash.
 * Only what both take as it stands is written, and is plain when it is read.
 */
import { OpsError } from './errors.ts';

/** What may stand in which quotes. */
const PLAIN = { '': /^[\w./:@%+,=-]*$/, "'": /^(?:(?!\$\{)[^'\\])*$/, '"': /^[^"\\$]*$/ };
type Quote = keyof typeof PLAIN;

/** What a variable may be called. */
export const VARIABLE_NAME = /^[A-Za-z_]\w*$/;

/** A quoted value may go over several lines; what follows a quote that is not closed is read as if it were none. */
const ENTRY =
  /(?<![^\n])(\uFEFF?[ \t]*(?:export[ \t]+)?)([A-Za-z_]\w*)([ \t]*=[ \t]*)(?:(?:'([^'\\]*(?:\\[^][^'\\]*)*)'|"([^"\\]*(?:\\[^][^"\\]*)*)")(?=[ \t]*(?:#[^\n]*)?\r?(?:\n|$))|([^\n]*))/g;

/** A variable as it stands: its value without quotes, and where it begins and ends with them. */
interface Entry {
  name: string;
  quote: Quote;
  value: string;
  /** Where its line begins. */
  at: number;
  from: number;
  to: number;
}

function entriesOf(text: string, wanted: string): Entry[] {
  return [...text.matchAll(ENTRY)].flatMap((match) => {
    const [, before = '', name = '', sign = '', single, double, rest = ''] = match;
    if (name !== wanted) return [];
    const from = match.index + before.length + name.length + sign.length;
    const quoted = single ?? double;
    const value = quoted ?? uncommented(rest);
    const quote = single !== undefined ? "'" : double !== undefined ? '"' : '';
    return [{ name, quote, value, at: match.index, from, to: from + value.length + 2 * quote.length }];
  });
}

function uncommented(rest: string): string {
  const comment = rest.search(/[ \t]#/);
  return (comment < 0 ? rest : rest.slice(0, comment)).trimEnd();
}

/** A variable: the last one of that name counts. */
export interface Variable {
  value: string;
  /** Whether every compose reads it so, and it could be put back as it is. */
  plain: boolean;
}

/** Undefined when there is none. */
export function variableIn(text: string, name: string): Variable | undefined {
  const entry = entriesOf(text, name).at(-1);
  return entry && { value: entry.value, plain: isText(entry.value) && PLAIN[entry.quote].test(entry.value) };
}

/** The value of a variable, without its quotes. Undefined when there is none. */
export const valueIn = (text: string, name: string): string | undefined => variableIn(text, name)?.value;

/**
 * The text with a variable set, in its place or at the end; all else stays as it is, quotes and comment too where the
 * value may stand in them. Null removes it wherever it stands.
 * @throws REJECTED for a name or a value that cannot be written so that every compose reads the same
 */
export function withValue(text: string, name: string, value: string | null): string {
  if (!VARIABLE_NAME.test(name))
    throw new OpsError('REJECTED', `${JSON.stringify(name)} cannot be the name of a variable`);
  const entries = entriesOf(text, name);
  if (value === null) return entries.reduceRight((rest, { at, to }) => rest.slice(0, at) + afterLine(rest, to), text);
  const last = entries.at(-1);
  const next =
    last === undefined
      ? appended(text, `${name}=${written(name, value)}`)
      : text.slice(0, last.from) + written(name, value, last.quote) + text.slice(last.to);
  if (valueIn(next, name) === value) return next;
  throw new OpsError('REJECTED', `${name} cannot be set: a quote before it is not closed`);
}

const afterLine = (text: string, from: number): string => {
  const end = text.indexOf('\n', from);
  return end < 0 ? '' : text.slice(end + 1);
};

function appended(text: string, line: string): string {
  const end = text.includes('\r\n') ? '\r\n' : '\n';
  return `${text}${text === '' || text.endsWith('\n') ? '' : end}${line}${end}`;
}

function written(name: string, value: string, quote: Quote = ''): string {
  const quotes: Quote[] = [quote, '', "'", '"'];
  const fitting = isText(value) ? quotes.find((one) => PLAIN[one].test(value)) : undefined;
  if (fitting !== undefined) return fitting + value + fitting;
  throw new OpsError('REJECTED', `${name} cannot be set to ${JSON.stringify(value.slice(0, 100))}`, {
    hint: 'Line breaks, backslashes, ${ and both kinds of quotes cannot be written so that every compose reads the same.',
  });
}

/** No line breaks and other control characters, nothing that UTF-8 does not have. */
const isText = (value: string): boolean => !/\p{Cc}/u.test(value) && value.isWellFormed();
