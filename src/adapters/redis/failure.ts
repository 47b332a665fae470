import { OpsError } from '../../core/errors.ts';
import { redisCli } from '../../core/redis-cli.ts';
import { sanitize } from '../../core/text.ts';
import { inLog } from '../where-seen.ts';
import { Refusal } from './resp.ts';

/** Who asked, for messages and hints. */
export interface Asked {
  subject: string;
  service: string | undefined;
  user: string | undefined;
}

/** The code of a refusal: its first word, which the protocol sets apart for that ("-NOAUTH Authentication required."). */
export const refused = ({ text }: Refusal): { code: string; server: string } => ({
  code: /^[A-Z]+\b/.exec(text)?.[0] ?? 'ERR',
  server: sanitize(text).slice(0, 300),
});

/** A failure of a command, or its refusal, as an OpsError. `permission` is the ACL rule that the command needs, such as `+info`. */
export function redisError(asked: Asked, thrown: unknown, permission: string): OpsError {
  if (thrown instanceof OpsError) return thrown;
  const { subject, service } = asked;
  if (!(thrown instanceof Refusal)) {
    return new OpsError('UNREACHABLE', `${subject} closed the connection`, {
      hint: inLog('See why', service),
      cause: thrown,
    });
  }
  const { code, server } = refused(thrown);
  const known = (errorCode: 'NOT_READY' | 'AUTH_FAILED' | 'REJECTED', message: string, hint: string): OpsError =>
    new OpsError(errorCode, `${subject} ${message}`, { hint, details: { reply: code, server } });
  const user = asked.user ?? 'default';
  switch (code) {
    case 'NOAUTH':
      return known(
        'AUTH_FAILED',
        'wants a password and none that it takes is configured',
        'Set password to a reference, as in { env: REDIS_PASSWORD }, then run: opsctl config check.',
      );
    case 'WRONGPASS':
      return known(
        'AUTH_FAILED',
        `refuses the password of user ${user}`,
        'Correct password or user in the configuration, then run: opsctl config check.',
      );
    case 'NOPERM':
      return known(
        'REJECTED',
        `does not permit it to user ${user}, which lacks ${permission}`,
        `Grant it: ${redisCli('ACL', 'SETUSER', user, permission)}.`,
      );
    case 'DENIED':
      return known(
        'REJECTED',
        'runs in protected mode and serves its own machine only',
        'Set a password on the server and in the configuration, then run: opsctl config check.',
      );
    case 'LOADING':
      return known(
        'NOT_READY',
        'loads its data from disk',
        inLog('It serves when that is done; follow it', service, true),
      );
    case 'BUSY':
      return known(
        'NOT_READY',
        'is busy with a script',
        `A script that wrote nothing can be ended with: ${redisCli('SCRIPT', 'KILL')}.`,
      );
    case 'MISCONF':
      // PING is refused like a write, so that who looks whether it answers gets to know.
      return known(
        'NOT_READY',
        'refuses writes, for what is written does not get to disk',
        'See why: opsctl cache persistence.',
      );
    case 'MASTERDOWN':
      return known('NOT_READY', 'is a replica that lost its master', inLog('See why', service));
    default:
      return known('REJECTED', `answers with an error: ${server}`, inLog('See what it says', service));
  }
}
