/** Where in a query a mistake is. */
import { asOpsError, OpsError } from '../core/errors.ts';

/** Characters of a long line that are shown around the mistake. */
const AROUND = 60;

/**
 * A query that the server does not understand is the mistake of who typed it: said with the place, under it a caret.
 * Every other failure is given back as it is.
 */
export function pointedAt(promql: string, thrown: unknown): OpsError {
  const error = asOpsError(thrown);
  const { line, column } = error.details ?? {};
  if (error.code !== 'REJECTED' || typeof line !== 'number' || typeof column !== 'number') return error;
  const text = promql.split('\n')[line - 1] ?? '';
  const position = charactersIn(text, column - 1);
  const what = /parse error: (.*)$/s.exec(error.message)?.[1] ?? error.message;
  const at = `${promql.includes('\n') ? `line ${line.toString()}, ` : ''}character ${(position + 1).toString()}`;
  return new OpsError('USAGE', `mistake in the query: ${what} (at ${at})`, {
    hint: "Correct it there; quote the query for the shell, as in: opsctl metrics query 'sum by (job) (up)'",
    details: { query: caret(text, position), line, position: position + 1 },
    cause: error,
  });
}

/** How many characters the first bytes of a text are. */
function charactersIn(text: string, bytes: number): number {
  const encoded = new TextEncoder().encode(text).subarray(0, Math.max(0, bytes));
  return new TextDecoder().decode(encoded).length;
}

/** The line, cut around the position, and a caret under it. */
function caret(line: string, position: number): string {
  const from = Math.max(0, Math.min(position - AROUND / 2, line.length - AROUND));
  const before = from > 0 ? '…' : '';
  const shown = line.slice(from, from + AROUND).replaceAll('\t', ' ');
  const after = from + AROUND < line.length ? '…' : '';
  return `${before}${shown}${after}\n${' '.repeat(before.length + position - from)}^`;
}
