/** `/api/health`: this API and what it depends on, always answered within two seconds. */
import { neverHealthy } from '../service/faults.ts';
import { json, type Route } from '../service/http.ts';
import { colour, service, version } from '../service/release.ts';
import { within } from '../service/within.ts';
import { pingCache } from './cache.ts';
import { pingDatabase } from './database.ts';

const CHECK_MS = 1_500;

interface Component {
  readonly status: 'ok' | 'down';
  readonly latencyMs: number;
  readonly error?: string;
}

async function check(name: string, ping: () => Promise<void>): Promise<Component> {
  const started = performance.now();
  const latencyMs = () => Math.round((performance.now() - started) * 10) / 10;
  try {
    await within(CHECK_MS, name, ping());
    return { status: 'ok', latencyMs: latencyMs() };
  } catch (error) {
    // A driver that tried several addresses reports one error without a message of its own.
    const { message, code } = error as NodeJS.ErrnoException;
    return { status: 'down', latencyMs: latencyMs(), error: message || code || 'unknown error' };
  }
}

export const healthRoute: Route = {
  method: 'GET',
  path: '/api/health',
  internal: true,
  handle: async () => {
    const [database, redis] = await Promise.all([check('database', pingDatabase), check('redis', pingCache)]);
    const healthy = database.status === 'ok' && redis.status === 'ok' && !neverHealthy;
    const report = {
      status: healthy ? 'ok' : 'down',
      service,
      version,
      colour,
      uptimeSeconds: Math.round(process.uptime()),
      components: { database, redis },
    };
    return json(report, healthy ? 200 : 503, { 'cache-control': 'no-store' });
  },
};
