import { expect, test } from 'vitest';

import { postgresError } from '../../../src/adapters/postgres/failure.ts';
import { redisError } from '../../../src/adapters/redis/failure.ts';
import { Refusal } from '../../../src/adapters/redis/resp.ts';
import { asOpsError } from '../../../src/core/errors.ts';

const starting = Object.assign(new Error('the database system is starting up'), { code: '57P03' });

test.each<[string | undefined, string, string]>([
  [
    'postgres',
    'It starts, recovers or shuts down; follow it: opsctl logs postgres --tail 50 --follow.',
    'It serves when that is done; follow it: opsctl logs postgres --tail 50 --follow.',
  ],
  [
    undefined,
    'It starts, recovers or shuts down; follow it in its log, where it is hosted.',
    'It serves when that is done; follow it in its log, where it is hosted.',
  ],
])('a server of service %s must be looked at where it is', (service, database, cache) => {
  const subject = 'postgres main';
  expect(asOpsError(postgresError({ subject, service, user: 'app', database: 'shop' }, starting)).hint).toBe(database);
  expect(redisError({ subject, service, user: 'app' }, new Refusal('LOADING it loads'), '+ping').hint).toBe(cache);
});
