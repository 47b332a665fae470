/** A platform of databases and caches given by URL, as the adapters see it, without an engine. */
import { onTestFinished } from 'vitest';
import { openDatabase } from '../../src/adapters/postgres/open.ts';
import type { DatabaseWriter } from '../../src/core/ports/database-changes.ts';
import { openCache } from '../../src/adapters/redis/open.ts';
import type { CacheLook } from '../../src/core/ports/cache.ts';
import type { CacheWriter } from '../../src/core/ports/cache-changes.ts';
import { platformSchema, type Platform } from '../../src/core/platform.ts';
import type { ContainerSource } from '../../src/adapters/route.ts';
import { openSecrets, type Secrets } from '../../src/adapters/secrets.ts';

export function platformOf(parts: { databases?: object; caches?: object }, directory = '/'): Platform {
  const parsed = platformSchema.parse({ compose: { project: 'test' }, ...parts });
  return { ...parsed, environment: 'test', protected: false, directory };
}

/** An engine that must not be asked. */
export const noEngine = new Proxy({} as ContainerSource, {
  get: (_, member) => () => {
    throw new Error(`the engine was asked for ${String(member)}`);
  },
});

export const envSecrets = (env: Record<string, string> = {}, directory = '/'): Secrets =>
  openSecrets({ env, directory, containerVariable: async () => undefined });

/** The adapter on databases given by URL; closed at the end of the test. */
export function databaseReader(urls: Record<string, string>): DatabaseWriter & { close(): Promise<void> } {
  const databases = Object.fromEntries(Object.keys(urls).map((name) => [name, { url: { env: name } }]));
  const opened = openDatabase({
    platform: platformOf({ databases }),
    source: noEngine,
    secrets: envSecrets(urls),
    command: 'test',
  });
  onTestFinished(() => opened.close());
  return opened;
}

/** Scans of keys, before what disturbs them is taken for the server's own: one that begins on a busy machine knows it so. */
const SCANS = 3;

/**
 * The adapter on caches given by URL; closed at the end of the test. A scan that ended because the server became slower is
 * made again: what the tests do not disturb themselves, this machine's other work did. Not by `asItEnds`.
 */
export function cacheReader(
  urls: Record<string, string>,
  { asItEnds = false } = {},
): CacheWriter & { close(): Promise<void> } {
  const caches = Object.fromEntries(Object.keys(urls).map((name) => [name, { url: { env: name } }]));
  const opened = openCache({ platform: platformOf({ caches }), source: noEngine, secrets: envSecrets(urls) });
  onTestFinished(() => opened.close());
  const look: CacheWriter['look'] = async (...asked) => {
    for (let scans = 1; ; scans += 1) {
      const seen = await opened.look(...asked);
      const { scan }: Partial<CacheLook['parts']> = seen.parts;
      if (asItEnds || scans === SCANS || scan?.is !== 'seen' || scan.value.ended !== 'latency') return seen;
    }
  };
  return { ...opened, look };
}
