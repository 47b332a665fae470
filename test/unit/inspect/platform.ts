/** A small platform for tests of what looks at it. */
import type { Context } from '../../../src/core/command.ts';
import { platformSchema, type Platform } from '../../../src/core/platform.ts';
import type { Readers } from '../../../src/core/ports.ts';
import { makeStyle } from '../../../src/cli/style.ts';
import { fakeEngine, type FakeEngine } from '../../support/fakes/engine.ts';

export const NOW = '2026-03-01T12:00:00.000Z';

/** 80 columns, no colour: how text is judged. */
export const plain = makeStyle({ width: 80, colour: false });

export function shop(parts: object = {}): Platform {
  const parsed = platformSchema.parse({
    compose: { project: 'shop' },
    services: { api: { health: 'http://127.0.0.1:8080/api/health' }, web: {} },
    loadBalancer: { service: 'nginx', health: 'http://127.0.0.1:8080/nginx-health' },
    databases: { main: { service: 'postgres' } },
    ...parts,
  });
  return { ...parsed, environment: 'production', protected: true, directory: '/' };
}

/** An engine whose clock stands at `NOW`. */
export function shopEngine(): FakeEngine {
  const engine = fakeEngine();
  engine.facts = { ...engine.facts, time: NOW };
  return engine;
}

/** A container of the platform's compose project, named as compose 1 names it with container_name. */
export const of = (service: string, more: object = {}): { name: string; project: string; service: string } => ({
  name: `shop-${service}-prod`,
  project: 'shop',
  service,
  ...more,
});

export function contextOf(readers: Partial<Readers>, platform = shop()): Context {
  const port = (name: string): unknown =>
    new Proxy(
      {},
      {
        get: () => () => {
          throw new Error(`${name} was asked`);
        },
      },
    );
  const others = new Proxy(readers, { get: (target, name) => Reflect.get(target, name) ?? port(String(name)) });
  return {
    platform,
    readers: others as Readers,
    signal: new AbortController().signal,
    now: () => new Date(NOW),
    warn: () => undefined,
  };
}
