import { OpsError } from '../../core/errors.ts';
import { sanitize } from '../../core/text.ts';
import { inLog } from '../where-seen.ts';

/** What pg puts on an error that the server sent: SQLSTATE in `code`. */
interface ServerError extends Error {
  code?: string;
  severity?: string;
}

/** Who asked what, for messages and hints. */
export interface Asked {
  subject: string;
  service: string | undefined;
  user: string;
  database: string;
}

/**
 * A failure of pg as an OpsError, told by SQLSTATE (PostgreSQL documentation, appendix A). What has no
 * SQLSTATE did not come from the server: the connection broke.
 */
export function postgresError(asked: Asked, thrown: unknown): OpsError {
  if (thrown instanceof OpsError) return thrown;
  const error = thrown as ServerError;
  const code = error.code ?? '';
  const details = { sqlstate: code, server: sanitize(error.message).slice(0, 300) };
  const { service } = asked;
  const known = (
    errorCode: 'NOT_READY' | 'AUTH_FAILED' | 'REJECTED' | 'TIMED_OUT',
    message: string,
    hint: string,
  ): OpsError => new OpsError(errorCode, `${asked.subject} ${message}`, { hint, details, cause: error });
  switch (code) {
    case '57P03':
      return known(
        'NOT_READY',
        `does not accept connections now: ${details.server}`,
        inLog('It starts, recovers or shuts down; follow it', service, true),
      );
    case '53300':
      return known(
        'NOT_READY',
        `has no connection slot left: ${details.server}`,
        'A superuser, or from PostgreSQL 16 on a member of pg_use_reserved_connections, still gets in: set user and password to such a role, then run: opsctl config check.',
      );
    case '57P01':
    case '57P02':
      return known('NOT_READY', `shut down or ended this session: ${details.server}`, inLog('See why', service));
    case '28P01':
      return known(
        'AUTH_FAILED',
        `refuses the password of role ${asked.user}`,
        'Correct password or user in the configuration, then run: opsctl config check.',
      );
    case '28000':
      return known(
        'AUTH_FAILED',
        `does not let role ${asked.user} in: ${details.server}`,
        'Look at the role and at pg_hba.conf, then run: opsctl config check.',
      );
    case '3D000':
      return known(
        'REJECTED',
        `has no database ${asked.database}`,
        'Correct database in the configuration, then run: opsctl config check.',
      );
    case '42501':
      return known(
        'REJECTED',
        `does not permit it to role ${asked.user}: ${details.server}`,
        'Grant that to the role, or set user and password to one that may, then run: opsctl config check.',
      );
    case '57014':
    case '55P03':
      return known(
        'TIMED_OUT',
        `gave up a question of ours: ${details.server}`,
        inLog('It is busy or locked; see what it says', service),
      );
    default:
      return isSqlState(code)
        ? known('REJECTED', `answers with an error: ${details.server}`, inLog('See what it says', service))
        : new OpsError('UNREACHABLE', `${asked.subject} closed the connection`, {
            hint: inLog('See why', service),
            details: { reason: code || 'closed' },
            cause: error,
          });
  }
}

/** SQLSTATEs have five characters; codes of Node are longer and begin with E. */
export const isSqlState = (code: string): boolean => /^[0-9A-Z]{5}$/.test(code) && !/^E[A-Z]{4}$/.test(code);
