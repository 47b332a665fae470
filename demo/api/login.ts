/** Logins: sessions in Redis, and a log line for every failure, which security commands look for. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { Counter } from 'prom-client';
import { HttpError, json, readJson, type Route } from '../service/http.ts';
import { log } from '../service/log.ts';
import { tryCache } from './cache.ts';
import { query } from './database.ts';

const SESSION_SECONDS = 1_800;
const failures = new Counter({ name: 'login_failures_total', help: 'Logins with a wrong password.' });

interface Account {
  readonly salt: string;
  readonly password_sha256: string;
}

/** A quick hash, because a demo on two cores logs in all the time; a real shop would use scrypt. */
function matches(account: Account, password: string): boolean {
  const given = createHash('sha256').update(account.salt).update(password).digest();
  return timingSafeEqual(given, Buffer.from(account.password_sha256, 'hex'));
}

export const loginRoute: Route = {
  method: 'POST',
  path: '/api/login',
  handle: async ({ request, ip, requestId }) => {
    const { user, password } = await readJson(request);
    if (typeof user !== 'string' || typeof password !== 'string' || user.length > 60) {
      throw new HttpError(400, 'user and password must be texts');
    }
    const [account] = await query<Account>('select salt, password_sha256 from accounts where name = $1', [user]);
    if (account === undefined || !matches(account, password)) {
      failures.inc();
      log('warn', 'authentication failed', { user, ip, requestId });
      return json({ error: 'wrong user or password' }, 401);
    }
    const token = randomBytes(16).toString('hex');
    await tryCache((client) => client.set(`session:${token}`, user, 'EX', SESSION_SECONDS));
    return json({ token });
  },
};
