/** Whether a statement is one that `db query` sends. */
import { OpsError } from '../core/errors.ts';
import { effectOf } from './effects.ts';

/** What reads. */
const READS = ['SELECT', 'WITH', 'VALUES', 'TABLE', 'SHOW', 'EXPLAIN'];
/** What a read-only transaction refuses for certain, so that the server may say so. */
const REFUSED = ['INSERT', 'UPDATE', 'DELETE', 'MERGE', 'TRUNCATE'];

/**
 * The server decides what writes; a read-only transaction does not keep from everything, though: COPY runs programs, COMMIT
 * ends the transaction, ALTER SYSTEM writes a file. So what is sent begins with a word that is known.
 * @throws UNSAFE, and USAGE where there is no statement
 */
export function mustRead(sql: string): void {
  const word = firstWord(sql);
  if (word === '')
    throw new OpsError('USAGE', 'there is no statement', {
      hint: "Give one that reads, as in: opsctl db query 'SELECT now()'",
    });
  if (READS.includes(word) || REFUSED.includes(word)) return mustHaveNoEffect(sql);
  throw new OpsError('UNSAFE', `db query runs what reads (${READS.join(', ')}), not ${word}`, {
    hint: 'Nothing was sent. Run other statements with psql.',
  });
}

/** The first word behind spaces, comments and opening parentheses, in capitals. */
export function firstWord(sql: string): string {
  let at = 0;
  for (;;) {
    const rest = sql.slice(at);
    const skipped = /^(?:[\s(]+|--[^\n]*)/.exec(rest)?.[0].length ?? (rest.startsWith('/*') ? comment(rest) : 0);
    if (skipped === 0) return (/^[a-z_]+|^\S/i.exec(rest)?.[0] ?? '').toUpperCase();
    at += skipped;
  }
}

/** @throws UNSAFE for a call of a function whose effects a read-only transaction permits */
function mustHaveNoEffect(sql: string): void {
  for (const name of calledIn(sql)) {
    const effect = effectOf(name);
    if (effect !== undefined)
      throw new OpsError('UNSAFE', `${name} ${effect.does}, which a read-only transaction does not keep it from`, {
        hint: `Nothing was sent. ${effect.instead}`,
      });
  }
}

/** What stands for itself: comments, strings, which name nothing, and names; a name may be quoted. */
const TOKEN =
  /--[^\n]*|\/\*|\bE'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*'|(\$(?:[a-z_]\w*)?\$)[^]*?\1|"((?:[^"]|"")*)"|[a-z_][\w$]*|\S/gi;

/** The functions that a statement calls, as the server stores their names: without schema, small where not quoted. */
export function calledIn(sql: string): string[] {
  const called: string[] = [];
  let last: string | undefined;
  for (let at = 0; at < sql.length;) {
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(sql);
    if (found === null) break;
    const [token, , quoted] = found;
    at = found.index + (token === '/*' ? comment(sql.slice(found.index)) : token.length);
    if (token === '/*' || token.startsWith('--')) continue;
    if (token === '(' && last !== undefined) called.push(last);
    last = quoted?.replaceAll('""', '"') ?? (/^[a-z_][\w$]*$/i.test(token) ? token.toLowerCase() : undefined);
  }
  return called;
}

/** Length of a comment, which may have others inside. */
function comment(text: string): number {
  let depth = 0;
  for (const { 0: mark, index } of text.matchAll(/\/\*|\*\//g)) {
    depth += mark === '/*' ? 1 : -1;
    if (depth === 0) return index + 2;
  }
  return text.length;
}
