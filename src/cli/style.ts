import { Chalk, type ChalkInstance } from 'chalk';
import stringWidth from 'fast-string-width';

import type { Column, Style } from '../core/style.ts';
import type { Status } from '../core/verdict.ts';

/** What decides whether output is coloured. */
export interface ColourChoice {
  /** `--color` and `--no-color`; undefined when neither was given. */
  flag: boolean | undefined;
  env: Record<string, string | undefined>;
  isTerminal: boolean;
}

/**
 * Whether to colour: the flag; else NO_COLOR (any value but the empty one turns it off, and wins over
 * FORCE_COLOR, because who cannot read colours must be obeyed); else FORCE_COLOR (not 0 or false); else only
 * on a terminal that is not dumb.
 */
export function colours({ flag, env, isTerminal }: ColourChoice): boolean {
  if (flag !== undefined) return flag;
  if ((env['NO_COLOR'] ?? '') !== '') return false;
  const force = env['FORCE_COLOR'];
  if (force !== undefined && force !== '') return force !== '0' && force !== 'false';
  return isTerminal && env['TERM'] !== 'dumb';
}

const MARKS: Record<Status, string> = { ok: '✓', warn: '!', crit: '✗', unknown: '?', skipped: '-' };

/** Puts text together for a terminal of this width; plain where colour is off. */
export function makeStyle(options: { width: number; colour: boolean }): Style {
  const chalk: ChalkInstance = new Chalk({ level: options.colour ? 1 : 0 });
  const paint: Record<Status, (text: string) => string> = {
    ok: chalk.green,
    warn: chalk.yellow,
    crit: chalk.red,
    unknown: chalk.magenta,
    skipped: chalk.dim,
  };
  const { width } = options;
  return {
    width,
    bold: chalk.bold,
    dim: chalk.dim,
    good: chalk.green,
    notice: chalk.yellow,
    bad: chalk.red,
    status: (status) => paint[status](`${MARKS[status]} ${status}`),
    mark: (status) => paint[status](MARKS[status]),
    as: (status, text) => paint[status](text),
    table: (columns, rows) => table(columns, rows, width, chalk),
    pairs: (rows) => {
      const widest = Math.max(0, ...rows.map(([key]) => stringWidth(key)));
      return rows
        .map(([key, value]) => `${chalk.dim(key)}${' '.repeat(widest - stringWidth(key) + 2)}${value}`)
        .join('\n');
    },
    suggest: (text) => text,
    wrap: (text, indent = 0) => wrap(text, width, indent),
  };
}

const GAP = 2;

function table(columns: Column[], rows: string[][], width: number, chalk: ChalkInstance): string {
  const natural = columns.map(({ title }, index) =>
    Math.max(stringWidth(title), ...rows.map((row) => stringWidth(row[index] ?? ''))),
  );
  const last = columns.length - 1;
  const left = width - natural.slice(0, last).reduce((sum, one) => sum + one + GAP, 0);
  const { least, title: lastTitle = '' } = columns[last] ?? {};
  const isBelow = least !== undefined && left < Math.min(least, natural[last] ?? 0);
  const beside = isBelow ? columns.slice(0, last) : columns;
  const widths = fitted(beside, natural, width);
  const line = (cells: string[]): string =>
    beside
      .map((column, index) =>
        pad(cut(cells[index] ?? '', widths[index] ?? 0), widths[index] ?? 0, column.align ?? 'left'),
      )
      .join(' '.repeat(GAP))
      .trimEnd();
  const below = (cell: string): string[] =>
    isBelow && cell !== '' && cell !== '-' ? [chalk.dim(`${' '.repeat(GAP)}${cut(cell, width - GAP)}`)] : [];
  return [
    chalk.dim(line(columns.map(({ title }) => title))),
    ...below(lastTitle),
    ...rows.flatMap((row) => [line(row), ...below(row[last] ?? '')]),
  ].join('\n');
}

/** Widths that fit together, as far as columns are flexible. */
function fitted(columns: readonly Column[], natural: readonly number[], width: number): number[] {
  const widths = natural.slice(0, columns.length);
  let excess = widths.reduce((sum, one) => sum + one + GAP, -GAP) - width;
  // The last flexible columns give way first: by convention they hold the longest, least needed text.
  for (const [index, column] of [...columns.entries()].toReversed()) {
    if (excess <= 0 || column.flexible !== true) continue;
    const has = widths[index] ?? 0;
    const gives = Math.min(excess, has - Math.max(stringWidth(column.title), 8));
    if (gives <= 0) continue;
    widths[index] = has - gives;
    excess -= gives;
  }
  return widths;
}

function pad(text: string, width: number, align: 'left' | 'right'): string {
  const space = ' '.repeat(Math.max(0, width - stringWidth(text)));
  return align === 'left' ? text + space : space + text;
}

/** Cuts at visible width, keeping colour sequences whole and closing them. */
function cut(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  // oxlint-disable-next-line no-control-regex -- our own colour sequences
  const parts = text.split(/(\u001b\[[0-9;]*m)/);
  let left = Math.max(0, width - 1);
  let out = '';
  let coloured = false;
  for (const part of parts) {
    if (part.startsWith('\u001b[')) {
      out += part;
      coloured = true;
      continue;
    }
    for (const character of part) {
      const needs = stringWidth(character);
      if (needs > left) {
        left = 0;
        break;
      }
      out += character;
      left -= needs;
    }
  }
  return `${out}…${coloured ? '\u001b[0m' : ''}`;
}

function wrap(text: string, width: number, indent: number): string {
  const room = Math.max(20, width - indent);
  const lines: string[] = [];
  for (const paragraph of text.split('\n')) {
    let line = '';
    for (const word of paragraph.split(' ')) {
      const longer = line === '' ? word : `${line} ${word}`;
      if (line !== '' && stringWidth(longer) > room) {
        lines.push(line);
        line = word;
      } else line = longer;
    }
    lines.push(line);
  }
  return lines.join(`\n${' '.repeat(indent)}`);
}
