/** The reports of `opsctl cache` on real servers: what happens there must be found, by whoever may only watch, too. */
import { describe } from 'vitest';

import { whyNoDebian } from '../support/debian.ts';
import { REDIS, type Product } from '../support/redis.ts';
import { keyReports } from './caches/keys.ts';
import { permissions } from './caches/permissions.ts';
import { serverReports } from './caches/server.ts';

const products = Object.keys(REDIS) as Product[];

describe.each(products)('%s', (product) => {
  const why = REDIS[product] === undefined ? undefined : whyNoDebian();
  describe.skipIf(why !== undefined)(why ?? 'reports', () => {
    serverReports(product);
    keyReports(product);
    permissions(product);
  });
});
