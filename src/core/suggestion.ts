/** What a verdict's `next` is made of: commands for a shell, and SQL for psql. */
import { shellWord } from './shell.ts';
import { sqlName } from './sql.ts';

/** SQL for psql: known by its semicolon, behind which a remark may follow. */
export const sqlStatement = (statement: string, remark?: string): string =>
  remark === undefined ? `${statement};` : `${statement}; -- ${remark}`;

/** Whether it is for psql. */
export const isSql = (suggestion: string): boolean => /;(?: -- .*)?$/.test(suggestion);

/** Asks a database something that changes nothing. */
export const queryCommand = (sql: string): string => `opsctl db query ${shellWord(sql)}`;

/** Gives a role a right that it lacks, or another role's. */
export const granting = (right: string, role: string): string => sqlStatement(`GRANT ${right} TO ${sqlName(role)}`);
