import type { LogLine } from '../core/ports/engine.ts';
import type { LogEntry } from './log-entry.ts';

/** The rule of `isError`, for the help. */
export const ERROR_RULE =
  'An error is: a JSON line of level error or worse, or with an HTTP status of 500 or more; an access log line ' +
  'with such a status; a text line that names the level (ERROR, FATAL, PANIC, CRITICAL in capitals, [error], ' +
  'error:); on stderr, also any text line with the word error, fatal, panic, exception, traceback or segfault.';

/** Combined log format, as nginx and Apache write it: … "GET / HTTP/1.1" 502 157 … */
const ACCESS_STATUS = /"[A-Z]{3,10} [^"]{0,8192}" (\d{3}) (?:\d+|-)(?: |$)/;
const NAMED_LEVEL =
  /(?:^|[\s[(|])(?:ERROR|FATAL|PANIC|CRITICAL|EMERG|ALERT)(?:$|[\s\])|:])|\[(?:error|crit|alert|emerg|fatal)\]|\b(?:error|fatal|panic):/;
const ERROR_WORD = /\b(?:error|fatal|panic|exception|traceback|segfault)\b|Error\b|Exception\b/i;
/** Words that tell that an error word is only counted or named ("0 errors" does not match \berror\b anyway). */
const NO_ERROR = /\b(?:no|0|without) (?:error|exception|fatal)/i;
const SEARCHED_CHARACTERS = 4096;

/** Whether a line tells of an error: see `ERROR_RULE`. `entry` is the line as `entryOf` read it. */
export function isError(line: Pick<LogLine, 'stream' | 'text'>, entry: LogEntry | undefined): boolean {
  if (entry !== undefined) {
    return entry.level === 'error' || entry.level === 'fatal' || (entry.status !== undefined && entry.status >= 500);
  }
  const text = line.text.slice(0, SEARCHED_CHARACTERS);
  const access = ACCESS_STATUS.exec(text);
  if (access !== null) return Number(access[1]) >= 500;
  if (NO_ERROR.test(text)) return false;
  return NAMED_LEVEL.test(text) || (line.stream === 'stderr' && ERROR_WORD.test(text));
}
