/** Undoes what tests and deploys left inside the platform's volumes and databases. */
import { attempt, run } from '../scripts/run.ts';

const POSTGRES = 'ecommerce-postgres-prod';
const NGINX = 'ecommerce-nginx-prod';
const PROMETHEUS = 'ecommerce-prometheus-prod';

/** Ten times what the platform has when new (3,600). Each container that a deploy starts adds some hundred. */
const MOST_SERIES = 36_000;

/** Puts products, orders and accounts in; what is there stays. */
export async function seed(): Promise<void> {
  await run([
    'docker',
    'exec',
    POSTGRES,
    'psql',
    '--username=app',
    '--dbname=ecommerce',
    '--quiet',
    '--no-psqlrc',
    '--set=ON_ERROR_STOP=1',
    '--file=/usr/share/ecommerce/seed.sql',
  ]);
}

/** Settings that were changed at run time. Best effort: a test may have left the server unwell. */
export async function resetDatabase(): Promise<void> {
  await attempt([
    'docker',
    'exec',
    POSTGRES,
    'psql',
    '--username=postgres',
    '--quiet',
    '--no-psqlrc',
    '--command=alter system reset all',
    '--command=select pg_reload_conf()',
  ]);
}

/**
 * Empties what deploys wrote for nginx: with it gone, all traffic goes to blue again. In a container
 * of its own, since a bad file in there may be just what keeps nginx from starting.
 */
export async function emptyNginxState(): Promise<void> {
  const name = 'ecommerce_nginx_state';
  // Compose makes it at the first start; made here, it would lack the labels by which the demo knows its own.
  if (!(await attempt(['docker', 'volume', 'inspect', name])).ok) return;
  const volume = `${name}:/etc/opsctl`;
  const found = await run([
    'docker',
    'run',
    '--rm',
    '--network',
    'none',
    '--label',
    'opsctl.demo=true',
    '--volume',
    volume,
    '--entrypoint',
    'find',
    'ecommerce-nginx:demo',
    '/etc/opsctl',
    '-mindepth',
    '1',
    '-print',
    '-delete',
  ]);
  if (found !== '') await attempt(['docker', 'exec', NGINX, 'nginx', '-s', 'reload']);
}

/** The same for Redis: the limits of redis.conf, and statistics that tell of the time from now on. */
export async function resetCache(): Promise<void> {
  const redis = ['docker', 'exec', 'ecommerce-redis-prod', 'redis-cli', '-t', '2'];
  await attempt([...redis, 'config', 'set', 'maxmemory', '64mb', 'maxmemory-policy', 'volatile-lru']);
  await attempt([...redis, 'config', 'resetstat']);
}

/**
 * Prometheus keeps every series of the last hours in memory and reads them all again at its start. After
 * hours of deploys it needs more for that than its limit, and is ended and started for ever. So one that
 * has very many, or does not say, begins anew; true when it does.
 */
export async function renewMetrics(url: string): Promise<boolean> {
  const series = await seriesOf(url).catch(() => undefined);
  if (series !== undefined && series <= MOST_SERIES) return false;
  await attempt(['docker', 'rm', '--force', PROMETHEUS]);
  await attempt(['docker', 'volume', 'rm', 'ecommerce_prometheus_data']);
  return true;
}

async function seriesOf(url: string): Promise<number> {
  const response = await fetch(`${url}/api/v1/status/tsdb`, { signal: AbortSignal.timeout(5_000) });
  const { data } = (await response.json()) as { data: { headStats: { numSeries: number } } };
  return data.headStats.numSeries;
}
