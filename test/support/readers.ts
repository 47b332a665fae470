/** A platform of databases and caches given by URL, as the adapters see it, without an engine. */
import { onTestFinished } from 'vitest';
import { openDatabase } from '../../src/adapters/postgres/open.ts';
import type { DatabaseWriter } from '../../src/core/ports/database-changes.ts';
import { openCache } from '../../src/adapters/redis/open.ts';
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

/** The adapter on caches given by URL; closed at the end of the test. */
export function cacheReader(urls: Record<string, string>): CacheWriter & { close(): Promise<void> } {
  const caches = Object.fromEntries(Object.keys(urls).map((name) => [name, { url: { env: name } }]));
  const opened = openCache({ platform: platformOf({ caches }), source: noEngine, secrets: envSecrets(urls) });
  onTestFinished(() => opened.close());
  return opened;
}
