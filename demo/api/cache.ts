/**
 * Redis: cache, sessions, carts. The cache is an aid, never a condition: when Redis is gone or hangs,
 * requests are answered from Postgres.
 */
import { Redis } from 'ioredis';
import { log } from '../service/log.ts';

/** After a failure the cache is left alone for this long, else each request waits for the timeout. */
const PAUSE_MS = 3_000;

const redis = new Redis({
  host: process.env['REDIS_HOST'] ?? 'redis',
  connectionName: 'ecommerce-api',
  commandTimeout: 800,
  connectTimeout: 1_000,
  socketTimeout: 5_000,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  retryStrategy: (times) => Math.min(times * 200, 2_000),
});

let known = true;
let lastReason = 'no connection yet';
redis.on('error', (error: Error) => {
  lastReason = error.message;
  if (known) log('warn', 'cache lost', { reason: error.message });
  known = false;
});
redis.on('ready', () => {
  if (!known) log('info', 'cache back');
  known = true;
});

let pausedUntil = 0;

/** Does something in Redis, or gives undefined when Redis cannot. */
export async function tryCache<T>(work: (client: Redis) => Promise<T>): Promise<T | undefined> {
  if (Date.now() < pausedUntil) return undefined;
  try {
    return await work(redis);
  } catch {
    pausedUntil = Date.now() + PAUSE_MS;
    return undefined;
  }
}

/** A value from the cache, or from its source and then into the cache. */
export async function cached<T>(key: string, ttlSeconds: number, source: () => Promise<T>): Promise<T> {
  const hit = await tryCache((client) => client.get(key));
  if (hit) return JSON.parse(hit) as T;
  const value = await source();
  await tryCache((client) => client.set(key, JSON.stringify(value), 'EX', ttlSeconds));
  return value;
}

export async function pingCache(): Promise<void> {
  if (redis.status !== 'ready') throw new Error(`not connected: ${lastReason}`);
  await redis.ping();
}

export async function closeCache(): Promise<void> {
  await redis.quit().catch(() => redis.disconnect());
}
