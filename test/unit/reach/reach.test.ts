import { describe, expect, test } from 'vitest';

import command from '../../../src/commands/config/check.ts';
import type { Context } from '../../../src/core/command.ts';
import { OpsError } from '../../../src/core/errors.ts';
import { type Platform, platformSchema } from '../../../src/core/platform.ts';
import { makeStyle } from '../../../src/cli/style.ts';
import { reachAll } from '../../../src/reach/reach.ts';
import { lookAtAll } from '../../../src/reach/run.ts';
import { verdict } from '../../../src/core/verdict.ts';
import { fakeEngine } from '../../support/fakes/engine.ts';
import { fakeHttp } from '../../support/fakes/http.ts';

const never = new Promise<never>(() => undefined);

test('a target that hangs is unknown at its deadline and delays no other', async () => {
  const seen = await lookAtAll(
    [
      { target: 'slow', next: ['look'], look: () => never },
      { target: 'fast', next: [], look: async () => verdict.ok('here') },
    ],
    1000,
  );
  expect(seen.map(({ target, status, reason, next }) => ({ target, status, reason, next }))).toEqual([
    { target: 'slow', status: 'unknown', reason: 'no answer within 1 s', next: ['look'] },
    { target: 'fast', status: 'ok', reason: 'here', next: [] },
  ]);
  expect(seen[1]?.durationMs).toBeLessThan(900);
});

test.each([
  ['NOT_FOUND', 'crit'],
  ['AUTH_FAILED', 'crit'],
  ['SECRET_MISSING', 'crit'],
  ['UNREACHABLE', 'unknown'],
  ['TIMED_OUT', 'unknown'],
] as const)('%s is %s', async (code, status) => {
  const [seen] = await lookAtAll(
    [{ target: 'x', next: ['n'], look: () => Promise.reject(new OpsError(code, 'why')) }],
    1000,
  );
  expect(seen).toMatchObject({ status, reason: 'why', next: ['n'] });
});

function context(
  given: object,
  parts: { http?: ReturnType<typeof fakeHttp> } = {},
): { context: Context; engine: ReturnType<typeof fakeEngine> } {
  const engine = fakeEngine();
  const platform: Platform = {
    ...platformSchema.parse({ compose: { project: 'shop' }, ...given }),
    environment: 'production',
    protected: true,
    directory: '/conf',
  };
  const readers = {
    engine,
    http: parts.http ?? fakeHttp(),
    configuration: { file: () => '/conf/opsctl.yaml' },
    files: { modifiedAt: async (path: string) => (path === 'compose.yaml' ? '2026-01-01T00:00:00.000Z' : undefined) },
    loadBalancer: { checkConfiguration: async () => ({ ok: false, output: 'unknown directive "sever"' }) },
    database: {
      ready: () => Promise.reject(new OpsError('AUTH_FAILED', 'postgres main refused the password')),
      route: async () => '',
    },
  };
  return { engine, context: { platform, readers, now: () => new Date('2026-01-01T00:00:00Z') } as unknown as Context };
}

describe('what the configuration names', () => {
  test('is looked at, all of it, and each finding says what to do', async () => {
    const http = fakeHttp();
    http.answers.set('http://x/health', { body: '{"status":"ok"}' });
    http.answers.set('http://x/gone', { status: 404 });
    http.answers.set('http://x/ill', { status: 503 });
    const { context: it, engine } = context(
      {
        compose: { project: 'shop', files: ['compose.yaml'], envFile: '.env' },
        services: {
          api: { health: 'http://x/health', components: { database: 'checks.db' } },
          gone: { service: 'api', health: 'http://x/gone' },
          ill: { service: 'api', health: 'http://x/ill' },
          typo: {},
        },
        loadBalancer: { service: 'lb' },
        databases: { main: { service: 'db' } },
        volumes: ['data'],
      },
      { http },
    );
    engine.add({ name: 'shop-api-1', project: 'shop', service: 'api' });
    engine.add({ name: 'shop-api-2', project: 'shop', service: 'api', state: 'exited' });
    engine.add({ name: 'shop-lb-1', project: 'shop', service: 'lb' });
    const check = command;
    const targets = await reachAll(it);
    expect(targets.every(({ status, next }) => status === 'ok' || next.length > 0)).toBe(true);
    const data = {
      file: '/conf/opsctl.yaml',
      environment: 'production',
      status: 'crit',
      targets: targets.map((one) => ({ ...one, durationMs: 0 })),
    };
    expect(check.exit?.(data, { failOn: 'crit' })).toBe(1);
    expect(check.text(data, makeStyle({ width: 80, colour: false }), {})).toMatchInlineSnapshot(`
      "/conf/opsctl.yaml, environment production
      STATUS  TARGET                SEEN                                          TIME
      ✓ ok    engine                engine 20.10.24 at fake://
      ✓ ok    compose.project       shop has 3 containers
      ! warn  services.api          1 of 2 containers run; shop-api-2 is exited
      ! warn  services.api.health   http://x/health answers 200 in 1 ms, but it…
      ! warn  services.gone         1 of 2 containers run; shop-api-2 is exited
      ✗ crit  services.gone.health  http://x/gone answers 404 in 1 ms: nothing …
      ! warn  services.ill          1 of 2 containers run; shop-api-2 is exited
      ! warn  services.ill.health   http://x/ill answers 503 in 1 ms: reached, …
      ✗ crit  services.typo         no container of service typo; there is: api…
      ✓ ok    loadBalancer          shop-lb-1
      ✗ crit  loadBalancer.kind     nginx does not accept its configuration: un…
      ✗ crit  databases.main        postgres main refused the password
      ✗ crit  volumes.0             there is no volume data on the docker engin…
      ✓ ok    compose.files.0       compose.yaml, changed 2026-01-01T00:00:00.0…
      ✗ crit  compose.envFile       there is no file .env in /conf

      ✗ crit services.gone.health: http://x/gone answers 404 in 1 ms: nothing that
        tells health is there
      ✗ crit services.typo: no container of service typo; there is: api, lb
      ✗ crit loadBalancer.kind: nginx does not accept its configuration: unknown
        directive "sever"
      ✗ crit databases.main: postgres main refused the password
      ✗ crit volumes.0: there is no volume data on the docker engine at fake://
      ✗ crit compose.envFile: there is no file .env in /conf
      ! warn services.api: 1 of 2 containers run; shop-api-2 is exited
      ! warn services.api.health: http://x/health answers 200 in 1 ms, but its
        answer has no database at checks.db
      ! warn services.gone: 1 of 2 containers run; shop-api-2 is exited
      ! warn services.ill: 1 of 2 containers run; shop-api-2 is exited
      ! warn services.ill.health: http://x/ill answers 503 in 1 ms: reached, but not
        well

      ✗ crit: 4 ok, 5 warn, 6 crit
      next: opsctl config show services.gone --origin
            opsctl config show services.typo --origin
            opsctl status
            docker exec shop-lb-1 nginx -t
            opsctl config show databases.main --origin
            opsctl health --detailed --only database
            opsctl volume
            opsctl config show volumes --origin"
    `);
  });

  test('a project that does not exist: the ones that do are named', async () => {
    const { context: it, engine } = context({});
    engine.add({ name: 'x', project: 'shopp', service: 'y' });
    const seen = (await reachAll(it)).find(({ target }) => target === 'compose.project');
    expect(seen).toMatchObject({ status: 'crit', reason: 'no container belongs to project shop; there is: shopp' });
  });
});
