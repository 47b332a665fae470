/** Variables in a .env file, as compose reads it. */

/** A line of Windows keeps its carriage return, which `.` does not match. */
const LINE = /^(\s*(?:export\s+)?)([A-Za-z_]\w*)(\s*=)(.*)\r?$/;

/** The value of a variable: the last one counts, quotes are taken off. Undefined when there is none. */
export function valueIn(text: string, name: string): string | undefined {
  let found: string | undefined;
  for (const line of text.split(/\r?\n/)) {
    const [, , key, , value = ''] = LINE.exec(line) ?? [];
    if (key === name) found = unquoted(value.trim());
  }
  return found;
}

/** The text with a variable set, in its place or at the end; all else stays as it is. Null removes it wherever it stands. */
export function withValue(text: string, name: string, value: string | null): string {
  const lines = text.split('\n');
  const sets = (line: string): boolean => LINE.exec(line)?.[2] === name;
  if (value === null) return lines.filter((line) => !sets(line)).join('\n');
  const at = lines.findLastIndex(sets);
  if (at < 0) return `${text === '' || text.endsWith('\n') ? text : `${text}\n`}${name}=${value}\n`;
  const end = lines[at]?.endsWith('\r') === true ? '\r' : '';
  const [, before = '', , sign = '='] = LINE.exec(lines[at] ?? '') ?? [];
  return lines.with(at, `${before}${name}${sign}${value}${end}`).join('\n');
}

function unquoted(value: string): string {
  const [, quote, inner] = /^(["'])(.*)\1(?:\s+#.*)?$/.exec(value) ?? [];
  return quote === undefined ? value.replace(/\s+#.*$/, '') : (inner ?? '');
}
