/** What a verdict's `next` is made of: words that a shell takes as they are, and SQL for psql. */

/**
 * One word for a shell, whatever is in it: names come from servers, and `"$(…)"` is a name, too. Plain words stay; double
 * quotes, which every shell knows, where nothing inside means anything to one; else single quotes.
 */
export function shellWord(text: string): string {
  if (/^[\w@%+=:,./-]+$/.test(text)) return text;
  return /["$`\\!]/.test(text) ? `'${text.replaceAll("'", String.raw`'\''`)}'` : `"${text}"`;
}

/** A string as SQL takes it. */
export const sqlString = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** A name as SQL takes it: quoted where it has to be. */
export const sqlName = (name: string): string =>
  /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;

/** SQL for psql: known by its semicolon, behind which a remark may follow. */
export const sqlStatement = (statement: string, remark?: string): string =>
  remark === undefined ? `${statement};` : `${statement}; -- ${remark}`;

/** Whether it is for psql. */
export const isSql = (suggestion: string): boolean => /;(?: -- .*)?$/.test(suggestion);

/** Asks a database something that changes nothing. */
export const queryCommand = (sql: string): string => `opsctl db query ${shellWord(sql)}`;

/** Gives a role a right that it lacks, or another role's. */
export const granting = (right: string, role: string): string => sqlStatement(`GRANT ${right} TO ${sqlName(role)}`);
