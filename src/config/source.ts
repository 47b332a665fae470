import { closeSync, openSync, readSync } from 'node:fs';

import { type Document, isAlias, isMap, isNode, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';

import { OpsError } from '../core/errors.ts';
import { inspect, type Oddity } from './oddities.ts';

/** A configuration larger than this is a mistake, in bytes. */
const LARGEST_FILE = 1_048_576;
/** How many places one YAML anchor may be expanded to, against files that explode in memory. */
const MOST_ALIASES = 100;

/** A place in a file, from 1. */
export interface Place {
  line: number;
  column: number;
}

/** A YAML file that remembers where each of its values stands. */
export interface Source {
  /** Absolute path. */
  file: string;
  /** The file as messages name it. */
  shown: string;
  value: unknown;
  /** Line and column (from 1) of the value at a path; of a key itself with `key`. The nearest parent when there is none. */
  position(at: readonly PropertyKey[], what?: 'value' | 'key'): Place;
  /** Whether the file says anything at this path. */
  has(at: readonly PropertyKey[]): boolean;
}

/** Reads and parses a YAML file. @throws CONFIG_MISSING, CONFIG_INVALID with line and column */
export function readSource(file: string, shown = file): Source {
  let bytes: Buffer;
  try {
    bytes = readCapped(file);
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code ?? 'unknown error';
    if (code === 'ENOENT')
      throw new OpsError('CONFIG_MISSING', `there is no configuration file ${shown}`, {
        hint: 'Write one with: opsctl init',
      });
    const why = code === 'EISDIR' ? 'is a directory' : `cannot be read: ${code}`;
    throw new OpsError('CONFIG_INVALID', `${shown} ${why}`, {
      hint: 'Name another file with --config.',
      cause: thrown,
    });
  }
  if (bytes.length > LARGEST_FILE) {
    throw new OpsError('CONFIG_INVALID', `${shown}:1:1: larger than 1 MiB, which no configuration is`, {
      hint: 'Name another file with --config.',
    });
  }
  return parseSource(file, textOf(bytes, shown), shown);
}

/** One byte more than the limit at most, since the size of a pipe or a device says nothing. */
function readCapped(file: string): Buffer {
  const handle = openSync(file, 'r');
  try {
    const buffer = Buffer.alloc(LARGEST_FILE + 1);
    let length = 0;
    while (length < buffer.length) {
      const count = readSync(handle, buffer, length, buffer.length - length, null);
      if (count === 0) break;
      length += count;
    }
    return buffer.subarray(0, length);
  } finally {
    closeSync(handle);
  }
}

function textOf(bytes: Buffer, shown: string): string {
  const text = bytes.toString('utf8');
  // oxlint-disable-next-line no-control-regex -- what no text file has
  const bad = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffd]/.exec(text);
  if (bad === null) return text;
  const utf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  const before = text.slice(0, bad.index).split('\n');
  throw mistake(
    shown,
    { line: before.length, column: (before.at(-1) ?? '').length + 1 },
    utf16 ? 'the file is UTF-16; save it as UTF-8' : 'a byte that no text file has; save the file as UTF-8 text',
  );
}

/** Parses a configuration text; the file names serve messages only. @throws CONFIG_INVALID with line and column */
export function parseSource(file: string, text: string, shown = file): Source {
  const counter = new LineCounter();
  const lines = text.split('\n').length;
  const place = (offset: number): Place => {
    const { line, col } = counter.linePos(Math.min(offset, text.length));
    return { line: Math.min(Math.max(1, line), lines), column: Math.max(1, col) };
  };
  let document: Document;
  let value: unknown;
  try {
    // Duplicate keys are looked for in `inspect`: the parser's own search takes quadratic time.
    document = parseDocument(text, { lineCounter: counter, prettyErrors: false, uniqueKeys: false, merge: true });
    const [first] = [...document.errors, ...document.warnings];
    const oddity: Oddity | undefined =
      first === undefined ? inspect(document) : { offset: first.pos[0], message: inWords(first.code, first.message) };
    if (oddity !== undefined) throw mistake(shown, place(oddity.offset), oddity.message);
    value = document.toJS({ maxAliasCount: MOST_ALIASES });
  } catch (thrown) {
    if (thrown instanceof OpsError) throw thrown;
    // The parser is recursive; what is left are stacks and aliases that were exhausted on purpose.
    const why = thrown instanceof RangeError ? 'nested too deeply' : 'aliases that expand to too much';
    throw mistake(shown, { line: 1, column: 1 }, why, thrown);
  }
  return {
    file,
    shown,
    value,
    position: (at, what = 'value') => place(offset(document, at, what)),
    has: (at) => at.length > 0 && find(document, at) !== undefined,
  };
}

function mistake(shown: string, { line, column }: Place, message: string, cause?: unknown): OpsError {
  return new OpsError('CONFIG_INVALID', `${shown}:${line.toString()}:${column.toString()}: ${message}`, {
    hint: 'Mend the YAML there; indentation and quotes are the usual causes.',
    ...(cause === undefined ? {} : { cause }),
  });
}

/** The parser's complaint in the words of who wrote the file. */
function inWords(code: string, message: string): string {
  const own: Record<string, string> = {
    TAB_AS_INDENT: 'a tab in the indentation; use spaces',
    MULTIPLE_DOCS: 'a second document begins; a configuration is one document',
    BLOCK_AS_IMPLICIT_KEY: 'a mapping within one line; put a line break after the first colon, or quote the text',
    TAG_RESOLVE_FAILED: 'a tag that no configuration needs',
    RESOURCE_EXHAUSTION: 'nested too deeply',
  };
  const [first = ''] = message.split('\n');
  return own[code] ?? `${first.charAt(0).toLowerCase()}${first.slice(1).replace(/[.:]$/, '')}`;
}

interface Found {
  key?: unknown;
  value: unknown;
}

/** Follows a path through maps, lists, aliases and merged maps. */
function find(document: Document, at: readonly PropertyKey[]): Found | undefined {
  let here: Found | undefined = { value: document.contents };
  for (const step of at) {
    here = enter(document, here.value, String(step));
    if (here === undefined) return undefined;
  }
  return here;
}

function enter(document: Document, node: unknown, step: string): Found | undefined {
  const target = isAlias(node) ? node.resolve(document) : node;
  if (isSeq(target))
    return /^\d+$/.test(step) && Number(step) < target.items.length ? { value: target.items[Number(step)] } : undefined;
  if (!isMap(target)) return undefined;
  const pairs = target.items;
  const own = pairs.find(({ key }) => isScalar(key) && String(key.value) === step);
  if (own !== undefined) return { key: own.key, value: own.value };
  for (const { key, value } of pairs) {
    if (!isScalar(key) || (key.value !== '<<' && typeof key.value !== 'symbol')) continue;
    const sources: unknown[] = isSeq(value) ? value.items : [value];
    for (const source of sources.toReversed()) {
      const merged = enter(document, source, step);
      if (merged !== undefined) return merged;
    }
  }
  return undefined;
}

function offset(document: Document, at: readonly PropertyKey[], what: 'value' | 'key'): number {
  const found = find(document, at);
  const start = (node: unknown): number | undefined => (isNode(node) ? (node as Node).range?.[0] : undefined);
  const from = what === 'key' ? start(found?.key) : (start(found?.value) ?? start(found?.key));
  if (from !== undefined) return from;
  return at.length === 0 ? 0 : offset(document, at.slice(0, -1), 'value');
}
