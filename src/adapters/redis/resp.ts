/** The protocol of Redis and Valkey (RESP 2): commands as text, and answers out of the bytes that come. */

/** A command with its arguments; keys are bytes. */
export type Words = readonly [string, ...(string | Buffer)[]];

/** An error that the server answered: no exception by itself, for others of the same batch may go well. */
export class Refusal {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** What is no answer of Redis or Valkey. */
export class NotTheProtocol extends Error {}

/** An answer: a whole number, a word of the server's own, text as bytes, a list of answers, nothing, or a refusal. */
export type Answer = number | string | Buffer | null | Refusal | Answer[];

/** Each byte as the character of its number: put together and sent far quicker than many small buffers. */
const latin1 = (word: string | Buffer): string =>
  (typeof word === 'string' ? Buffer.from(word) : word).toString('latin1');

const wordOf = (bytes: string): string => `$${bytes.length.toString()}\r\n${bytes}\r\n`;

/** As they are sent, in latin1. */
export function encoded(commands: readonly Words[]): string {
  // Names of commands come again for each of many keys.
  const names = new Map<string, string>();
  const named = (word: string): string => {
    const known = names.get(word) ?? wordOf(latin1(word));
    names.set(word, known);
    return known;
  };
  let text = '';
  for (const command of commands) {
    text += `*${command.length.toString()}\r\n`;
    for (const word of command) text += typeof word === 'string' ? named(word) : wordOf(latin1(word));
  }
  return text;
}

const CR = 13;
const LF = 10;
const ZERO = 48;
const MINUS = 45;
/* What an answer begins with: `:`, `$`, `*`, `+`, `-`. */
const NUMBER = 58;
const TEXT = 36;
const LIST = 42;
const SIMPLE = 43;
const ERROR = 45;
/** Lists in lists; the deepest that is asked for has three. */
const DEEPEST = 16;
/** Of 64 bits. */
const MOST_DIGITS = 20;
/** Bytes of a line: a refusal is the longest. */
const LONGEST_LINE = 65_536;

/** Takes answers out of bytes as they come, wherever these are cut. */
export interface Reader {
  /** @returns the answers that are whole by now @throws for what is not the protocol */
  take(chunk: Buffer): Answer[];
}

export function openReader(): Reader {
  let left: Buffer | undefined;
  return {
    take: (chunk) => {
      const bytes = left === undefined ? chunk : Buffer.concat([left, chunk]);
      const place = { bytes, at: 0 };
      const answers: Answer[] = [];
      let whole = 0;
      while (whole < bytes.length) {
        const answer = readAnswer(place, 0);
        if (answer === undefined) break;
        answers.push(answer);
        whole = place.at;
      }
      left = whole < bytes.length ? bytes.subarray(whole) : undefined;
      return answers;
    },
  };
}

interface Place {
  bytes: Buffer;
  at: number;
}

/** Undefined while it is not whole. */
function readAnswer(place: Place, depth: number): Answer | undefined {
  const kind = place.bytes[place.at];
  place.at += 1;
  if (kind === SIMPLE || kind === ERROR) {
    const line = lineAfter(place);
    return line === undefined || kind === SIMPLE ? line : new Refusal(line);
  }
  if (kind !== NUMBER && kind !== TEXT && kind !== LIST) throw new NotTheProtocol('an answer of no known kind');
  const number = numberAfter(place);
  if (number === undefined || kind === NUMBER) return number;
  return kind === TEXT ? textAfter(place, number) : listAfter(place, number, depth);
}

function lineAfter(place: Place): string | undefined {
  const { bytes, at } = place;
  const end = bytes.indexOf(CR, at);
  if (end === -1 || end + 1 >= bytes.length) {
    if (bytes.length - at > LONGEST_LINE) throw new NotTheProtocol('a line without an end');
    return undefined;
  }
  if (bytes[end + 1] !== LF) throw new NotTheProtocol('a line that ends with CR alone');
  place.at = end + 2;
  return bytes.toString('utf8', at, end);
}

function textAfter(place: Place, length: number): Buffer | null | undefined {
  if (length < 0) return null;
  const [from, end] = [place.at, place.at + length];
  if (end + 2 > place.bytes.length) return undefined;
  if (place.bytes[end] !== CR || place.bytes[end + 1] !== LF)
    throw new NotTheProtocol('a text that does not end where it should');
  place.at = end + 2;
  return place.bytes.subarray(from, end);
}

function listAfter(place: Place, length: number, depth: number): Answer[] | null | undefined {
  if (length < 0) return null;
  if (depth >= DEEPEST) throw new NotTheProtocol('lists in lists');
  const list: Answer[] = [];
  for (let index = 0; index < length; index += 1) {
    const answer = place.at < place.bytes.length ? readAnswer(place, depth + 1) : undefined;
    if (answer === undefined) return undefined;
    list.push(answer);
  }
  return list;
}

/** Digits one by one, for the sake of a million keys: neither their end is looked for nor a string made of them. */
function numberAfter(place: Place): number | undefined {
  const { bytes } = place;
  const first = bytes[place.at] === MINUS ? place.at + 1 : place.at;
  let [index, number] = [first, 0];
  for (; index < bytes.length; index += 1) {
    const digit = (bytes[index] ?? 0) - ZERO;
    if (digit < 0 || digit > 9) break;
    number = number * 10 + digit;
  }
  if (index - first > MOST_DIGITS) throw new NotTheProtocol('a number without an end');
  if (index + 1 >= bytes.length) return undefined;
  if (bytes[index] !== CR || bytes[index + 1] !== LF || index === first)
    throw new NotTheProtocol('a number that is none');
  const sign = first === place.at ? 1 : -1;
  place.at = index + 2;
  return sign * number;
}
