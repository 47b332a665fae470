/** What ends a transaction: the commands that reports advise. */
import type { Session } from '../core/ports/database.ts';
import { sqlString } from '../core/sql.ts';
import { granting, queryCommand, sqlStatement } from '../core/suggestion.ts';

/** Why a session is left alone unless somebody insists. */
export function preciousness({ privileged, application, query = '' }: Session): string | undefined {
  if (privileged) return 'is of a superuser or of replication';
  if (/^pg_(?:dump|dumpall|restore|basebackup)\b/.test(application))
    return `is ${application}, whose work would be lost`;
  if (/\b(?:create\s+(?:unique\s+)?index|reindex\b.*)\s+concurrently\b/is.test(query))
    return 'builds an index concurrently, and would leave an invalid one behind';
  return undefined;
}

/** What ends a session, and what is to be known before. */
export interface Ending {
  next: string[];
  /** Goes behind the reason; empty where nothing is to be known. */
  remark: string;
}

/** The command that ends what a session does, with the flags that its plan asks for; `role` is who asks. */
export function endingSession(session: Session, role: string): Ending {
  const { pid, state } = session;
  if (state === undefined) return { next: [granting('pg_read_all_stats, pg_signal_backend', role)], remark: '' };
  const precious = preciousness(session);
  // One that is idle has no query that could be cancelled.
  const flags = [...(state === 'active' ? [] : ['--terminate']), ...(precious === undefined ? [] : ['--force'])];
  return {
    next: [['opsctl db kill', pid.toString(), ...flags].join(' ')],
    remark: precious === undefined ? '' : `; it ${precious}, so that ending it takes --force`,
  };
}

/** A process of the server itself is no client's session, and is not for anybody to end. */
export const lookingAt = (pid: number): string =>
  queryCommand(`SELECT * FROM pg_stat_activity WHERE pid = ${pid.toString()}`);

/** Whose it is first: a prepared transaction may be one that its transaction manager is about to commit. */
export const endingPrepared = (gid: string): string[] => [
  queryCommand(`SELECT * FROM pg_prepared_xacts WHERE gid = ${sqlString(gid)}`),
  sqlStatement(`ROLLBACK PREPARED ${sqlString(gid)}`, 'in its database; COMMIT PREPARED where it was to be committed'),
];
