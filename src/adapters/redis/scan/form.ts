import { keyText } from '../key-text.ts';

/** Parts of a name that are numbered or drawn by chance, and not chosen: they stand for `*`. */
const VARIABLE =
  /^(?:[\d.-]*\d[\d.-]*|[0-9a-f]{8,}|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|(?=.*\d)[A-Za-z0-9_+=-]{12,})$/i;
/** Parts that are told apart; what follows is `*`. */
const DEPTH = 4;

/**
 * The form of a key's name: parts between `:`, `/` or `|`, with `*` for what differs from key to key: `user:17:cart` is
 * `user:*:cart`, `session:8f3a09bc` is `session:*`. A name without parts is its letters, with `*` for the digits at its end.
 */
export function formOf(key: Buffer): string {
  const text = keyText(key);
  const parts = text.split(/([:/|])/);
  if (parts.length === 1) return VARIABLE.test(text) ? '*' : text.replace(/\d+$/, '*');
  const shown = parts.slice(0, 2 * DEPTH - 1).map((part) => (VARIABLE.test(part) ? '*' : part));
  return `${shown.join('')}${parts.length > shown.length ? ':*' : ''}`;
}
