/** What ends a transaction: the commands that reports advise. */
import { queryCommand, sqlStatement, sqlString } from '../core/suggestion.ts';

/** The command that ends what a session does. */
export const killing = (pid: number, isIdle: boolean): string =>
  `opsctl db kill ${pid.toString()}${isIdle ? ' --terminate' : ''}`;

/** Whose it is first: a prepared transaction may be one that its transaction manager is about to commit. */
export const endingPrepared = (gid: string): string[] => [
  queryCommand(`SELECT * FROM pg_prepared_xacts WHERE gid = ${sqlString(gid)}`),
  sqlStatement(`ROLLBACK PREPARED ${sqlString(gid)}`, 'in its database; COMMIT PREPARED where it was to be committed'),
];
