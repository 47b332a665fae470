import { stringify } from 'yaml';

import { sanitize } from '../core/text.ts';

/** A value of a file that is to be written. */
export type Value = string | number | boolean | null | Value[] | Entry[] | Inline;

/** A mapping that stands in one line, such as a reference. */
export interface Inline {
  inline: Record<string, string | boolean>;
}

/** A key with its value, and what is said of it. */
export interface Entry {
  key: string;
  value: Value;
  /** Why it is so; a line above the key. */
  comment?: string;
  /** Written as a comment: an example, or something that could not be made sure of. */
  off?: boolean;
}

const WIDTH = 100;

/** The entries as YAML, each with its comment above it. Nothing in them can break out of its line. */
export function yamlText(entries: Entry[], indent = 0): string {
  return entries.map((entry) => entryText(entry, indent)).join('');
}

function entryText({ key, value, comment, off }: Entry, indent: number): string {
  const pad = ' '.repeat(indent);
  const above = comment === undefined ? '' : commentText(comment, indent);
  const body = isEntries(value)
    ? `${pad}${scalar(key)}:\n${yamlText(value, indent + 2)}`
    : Array.isArray(value)
      ? `${pad}${scalar(key)}:\n${value.map((item) => `${pad}  - ${inline(item)}\n`).join('')}`
      : `${pad}${scalar(key)}: ${inline(value)}\n`;
  return above + (off === true ? commented(body, indent) : body);
}

const isEntries = (value: Value): value is Entry[] =>
  Array.isArray(value) &&
  value.length > 0 &&
  value.every((item) => typeof item === 'object' && item !== null && 'key' in item);

function inline(value: Value): string {
  if (value !== null && typeof value === 'object' && 'inline' in value) {
    const parts = Object.entries(value.inline).map(([key, inner]) => `${scalar(key)}: ${scalar(inner, true)}`);
    return `{ ${parts.join(', ')} }`;
  }
  return scalar(value as string);
}

/** Characters that a reader of YAML may fold, refuse, or take for the end of a line. */
// oxlint-disable-next-line no-control-regex -- naming control characters is the purpose
const DELICATE =
  /[\u0000-\u001f\u007f-\u00a0\u1680\u2000-\u200f\u2028-\u202f\u205f\u2066-\u2069\u3000\ud800-\udfff\ufeff\ufff0-\uffff]/g;

/** Quoted where YAML would read it as something else. */
function scalar(value: string | number | boolean | null, inFlow = false): string {
  const plain = stringify(value, { lineWidth: 0 }).replace(/\n$/, '');
  if (typeof value !== 'string') return plain;
  const unsafe = plain.includes('\n') || value.search(DELICATE) >= 0 || (inFlow && /[,[\]{}]/.test(plain));
  return unsafe ? JSON.stringify(value).replace(DELICATE, escaped) : plain;
}

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** A comment, wrapped; text from outside stays within it. */
export function commentText(comment: string, indent: number): string {
  const pad = ' '.repeat(indent);
  const lines: string[] = [];
  const capital = comment.charAt(0).toUpperCase() + comment.slice(1);
  for (const paragraph of sanitize(capital).split('\n')) {
    let line = '';
    for (const word of paragraph.trim().split(/\s+/)) {
      if (line !== '' && line.length + word.length + 3 + indent > WIDTH) {
        lines.push(line);
        line = word;
      } else line = line === '' ? word : `${line} ${word}`;
    }
    lines.push(line);
  }
  return lines.map((line) => `${`${pad}# ${line}`.trimEnd()}\n`).join('');
}

const commented = (text: string, indent: number): string =>
  text
    .split('\n')
    .map((line) => (line === '' ? '' : `${' '.repeat(indent)}# ${line.slice(indent)}`))
    .join('\n');
