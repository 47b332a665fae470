/**
 * One word for a shell, whatever is in it: names come from servers, and `"$(…)"` is a name, too. Plain words stay; double
 * quotes, which every shell knows, where nothing inside means anything to one; else single quotes.
 */
export function shellWord(text: string): string {
  if (/^[\w@%+=:,./-]+$/.test(text)) return text;
  return /["$`\\!]/.test(text) ? `'${text.replaceAll("'", String.raw`'\''`)}'` : `"${text}"`;
}
