import { localTime } from '../../core/format.ts';
import type { Style } from '../../core/style.ts';
import type { ShownLine } from '../../inspect/logs.ts';

/** A line for people: time, whose it is when there are several, level, message, the rest as key=value. */
export function lineText(line: ShownLine, several: boolean, style: Style): string {
  const head = [style.dim(clock(line.at)), ...(several ? [style.bold(line.label)] : [])];
  return [...head, bodyOf(line, style)].join('  ');
}

function bodyOf({ text, level, message, fields, error }: ShownLine, style: Style): string {
  if (message === undefined) return error ? style.bad(text) : text;
  const worded = level === undefined ? [] : [levelText(level, style)];
  const said = error ? style.bad(message) : message;
  const rest = (fields ?? []).map(([key, value]) => `${style.dim(`${key}=`)}${quoted(value)}`);
  return [...worded, ...(message === '' ? [] : [said]), ...rest].join(' ');
}

function levelText(level: NonNullable<ShownLine['level']>, style: Style): string {
  const word = level.toUpperCase().padEnd(5);
  if (level === 'error' || level === 'fatal') return style.bad(word);
  return level === 'warn' ? style.notice(word) : style.dim(word);
}

/** Quoted where it would not be clear where a value ends. A stack trace keeps its lines. */
function quoted(value: string): string {
  if (value.includes('\n')) return `\n    ${value.trimEnd().replaceAll('\n', '\n    ')}`;
  return /^[^\s"=]+$/.test(value) || /^[[{]/.test(value) ? value : JSON.stringify(value);
}

/** Month, day and time to the millisecond in the reader's zone: "03-01 14:05:09.123". */
function clock(at: string): string {
  const ms = new Date(at).getMilliseconds().toString().padStart(3, '0');
  return Number.isNaN(Date.parse(at)) ? at : `${localTime(at).slice(5)}.${ms}`;
}

/** Something that happened to a container while its log is followed. */
export const noticeText = ({ container, text }: { container: string; text: string }, style: Style): string =>
  style.dim(`-- ${container === '' ? '' : `${container} `}${text}`);
