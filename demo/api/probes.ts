/** Routes that exist to be measured with: a request that lasts, and one that comes back. */
import { setTimeout as sleep } from 'node:timers/promises';
import { json, readBody, type Route } from '../service/http.ts';
import { colour, version } from '../service/release.ts';
import { wholeNumber } from './products.ts';

const MAX_SLOW_MS = 30_000;

export const probeRoutes: Route[] = [
  {
    method: 'GET',
    path: '/api/slow',
    handle: async ({ url }) => {
      const ms = wholeNumber(url.searchParams.get('ms') ?? 1_000, 'ms', MAX_SLOW_MS);
      await sleep(ms);
      return json({ ms, version, colour });
    },
  },
  {
    method: 'POST',
    path: '/api/echo',
    handle: async ({ request }) => ({
      status: 200,
      type: request.headers['content-type'] ?? 'application/octet-stream',
      body: await readBody(request),
    }),
  },
];
