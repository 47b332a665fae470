import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';

import { parseSource } from '../../../src/config/source.ts';
import { validate } from '../../../src/config/validate.ts';
import type { PublishedPort } from '../../../src/core/ports/engine.ts';
import { fileText } from '../../../src/discover/file-text.ts';
import { study } from '../../../src/discover/study.ts';
import { type FakeContainer, fakeEngine, type FakeEngine } from '../../support/fakes/engine.ts';
import { fakeFiles } from '../../support/fakes/files.ts';
import { type FakeHttp, fakeHttp } from '../../support/fakes/http.ts';

const files = fakeFiles(
  new Map(['/here/compose.yaml', '/here/.env'].map((path) => [path, { modifiedAt: '2026-01-01T00:00:00.000Z' }])),
);

interface World {
  engine: FakeEngine;
  http: FakeHttp;
}

function world(): World {
  const engine = fakeEngine();
  Object.assign(engine.facts, { local: true, host: 'unix:///var/run/docker.sock' });
  return { engine, http: fakeHttp() };
}

const published = (container: number, port: number, address = '0.0.0.0'): PublishedPort => ({
  container,
  protocol: 'tcp',
  host: { address, port },
});
const exposed = (container: number): PublishedPort => ({ container, protocol: 'tcp' });

function add(
  { engine }: World,
  service: string,
  more: Partial<FakeContainer> & { env?: Record<string, string>; command?: string[] } = {},
): void {
  const { env = {}, command = [], ...rest } = more;
  engine.add({
    name: `shop-${service}-1`,
    project: 'shop',
    service,
    image: `shop/${service}:1`,
    started: { environment: env, command },
    ...rest,
  });
}

const draft = async ({ engine, http }: World, project?: string): Promise<string> =>
  fileText(await study({ engine, http, files }, project), { environment: 'production', relative: (path) => path });

/** Loads what was written, as the program would. */
function loaded(text: string): Record<string, Record<string, unknown>> {
  validate(parseSource('/x/opsctl.yaml', text));
  return (
    (parse(text) as { environments: Record<string, Record<string, Record<string, unknown>>> }).environments[
      'production'
    ] ?? {}
  );
}

describe('which project', () => {
  test('the only one that runs', async () => {
    const it = world();
    add(it, 'web');
    it.engine.add({ name: 'old', project: 'old', service: 'x', state: 'exited' });
    expect(loaded(await draft(it))).toMatchObject({ compose: { project: 'shop' }, services: { web: {} } });
  });

  test('several are listed, none is taken', async () => {
    const it = world();
    add(it, 'web');
    it.engine.add({ name: 'b', project: 'blog', service: 'x' });
    await expect(draft(it)).rejects.toMatchObject({
      code: 'USAGE',
      details: { projects: ['blog (1 container)', 'shop (1 container)'] },
      hint: 'Choose one, as in: opsctl init --project shop',
    });
    await expect(draft(it, 'shp')).rejects.toMatchObject({
      code: 'NOT_FOUND',
      details: { projects: ['blog (1 container)', 'shop (1 container)'] },
    });
  });

  test('none says how to start one', async () => {
    await expect(draft(world())).rejects.toMatchObject({
      code: 'NOT_FOUND',
      hint: expect.stringContaining('docker compose up') as string,
    });
  });
});

test('a whole platform: every guess has its comment, and no secret is written', async () => {
  const it = world();
  const label = {
    'com.docker.compose.project.config_files': '/here/compose.yaml,/away/more.yaml',
    'com.docker.compose.project.working_dir': '/here',
  };
  add(it, 'api', {
    labels: label,
    image: 'registry.example:5000/shop/api:2.1',
    env: { DATABASE_URL: 'postgres://shop:sup3rSecret@db:5432/shop', REDIS_URL: 'redis://:sup3rSecret@kv:6379' },
    volumes: [{ volume: 'shop_uploads', source: '/x', target: '/uploads', readOnly: false }],
  });
  add(it, 'front', { command: ['node', 'server.js'] });
  add(it, 'worker', { command: ['tini', '--', 'node', 'worker.js'] });
  add(it, 'kv', {
    image: 'valkey/valkey:8',
    command: ['docker-entrypoint.sh', 'valkey-server'],
    ports: [exposed(6379)],
  });
  add(it, 'db', {
    image: 'postgres:17@sha256:0',
    command: ['docker-entrypoint.sh', 'postgres'],
    env: { POSTGRES_PASSWORD: 'sup3rSecret' },
    ports: [exposed(5432)],
    volumes: [{ volume: 'shop_db', source: '/y', target: '/var/lib/postgresql/data', readOnly: false }],
  });
  add(it, 'db-exporter', { image: 'prometheuscommunity/postgres-exporter' });
  add(it, 'lb', {
    image: 'nginx:1.29',
    command: ['/docker-entrypoint.sh', 'nginx', '-g', 'daemon off;'],
    ports: [published(80, 8080)],
    files: {
      '/etc/nginx/nginx.conf': 'http { include /etc/nginx/conf.d/*.conf; }',
      '/etc/nginx/conf.d/default.conf':
        'server { listen 80; location = /lb { return 200 "ok"; } location /api/ { proxy_pass http://api:3000; } location / { set $to front; proxy_pass http://$to; } }',
    },
  });
  const health = {
    status: 503,
    headers: { 'content-type': 'application/json' },
    body: '{"checks":{"database":{"status":"up"},"cache":"down"}}',
  };
  it.http.answers.set('http://127.0.0.1:8080/api/health', health);
  it.http.answers.set('http://127.0.0.1:8080/health', {
    headers: { 'content-type': 'text/html' },
    body: '<p>page</p>',
  });
  it.http.answers.set('http://127.0.0.1:8080/', { body: '<p>page</p>' });
  it.http.answers.set('http://127.0.0.1:8080/lb', { body: 'ok' });
  const text = await draft(it);
  expect(text).not.toContain('sup3rSecret');
  loaded(text);
  expect(text.split('\n').slice(4).join('\n')).toMatchInlineSnapshot(`
    "version: 1
    environments:
      # Changes here ask for its name before they begin; \`protected: false\` would end that.
      production:
        # Default: DOCKER_HOST, the docker context, the default socket. Discovered on:
        # engine: { host: unix:///var/run/docker.sock }
        compose:
          project: shop
          files:
            - /here/compose.yaml
          # Named by the containers, but not on this machine:
          # files:
          #   - /away/more.yaml
          envFile: /here/.env
        # Watched as containers only, since they are no services of your own: db-exporter.
        services:
          api:
            # Nginx passes /api/ on to it; answered 503 with JSON.
            health: http://127.0.0.1:8080/api/health
            # Found in its health answer.
            components:
              database: checks.database
              cache: checks.cache
          front:
            # No health path answers, but the front page does; answered 200 with a page.
            health: http://127.0.0.1:8080/
          # No health URL answered from here; the health of its containers counts.
          worker:
            # Not reached from outside, so no release has to switch traffic to it.
            deployable: false
        # The load balancer: it runs nginx, and its configuration passes requests on.
        loadBalancer:
          service: lb
          # Nginx answers this path by itself.
          health: http://127.0.0.1:8080/lb
        databases:
          # It runs postgres; user and password are found through its container.
          main:
            service: db
        caches:
          # It runs valkey-server; its container tells no password; where it wants one, add \`password:\`.
          main:
            service: kv
        # Written by databases, caches and services.
        volumes:
          - shop_db
          - shop_uploads

    # Whom to call; shown by: opsctl contacts
    # contacts:
    #   - { role: on-call engineer, name: A. Example, phone: +1 555 0100 }
    #   - { role: hosting provider, email: support@provider.example, vendor: true }
    # Where to look; shown by: opsctl links
    # links:
    #   dashboard: https://grafana.example/d/platform
    "
  `);
});

describe('databases outside', () => {
  const outside = async (env: Record<string, string>, more: Partial<FakeContainer> = {}): Promise<unknown> => {
    const it = world();
    add(it, 'api', { env, ...more });
    const text = await draft(it);
    expect(text).not.toContain('sup3rSecret');
    const { databases, caches } = loaded(text);
    return { ...(databases && { databases }), ...(caches && { caches }) };
  };

  test('by URL', async () => {
    expect(
      await outside({
        POSTGRES_URL: 'postgresql://a:sup3rSecret@db.example:6432/shop',
        CACHE_URL: 'rediss://:sup3rSecret@kv.example',
      }),
    ).toEqual({
      databases: { main: { service: 'api', url: { container: 'POSTGRES_URL' } } },
      caches: { main: { service: 'api', url: { container: 'CACHE_URL' } } },
    });
  });

  test('by a file that holds the URL', async () => {
    const files_ = { '/run/secrets/url': 'postgres://a:sup3rSecret@db.example/shop\n' };
    expect(await outside({ DATABASE_URL_FILE: '/run/secrets/url' }, { files: files_ })).toEqual({
      databases: { main: { service: 'api', url: { container: 'DATABASE_URL' } } },
    });
  });

  test('by parts', async () => {
    expect(
      await outside({
        PGHOST: 'db.example',
        PGUSER: 'a b',
        PGPASSWORD: 'sup3rSecret',
        PGDATABASE: 'shop',
        REDIS_HOST: 'kv.example',
      }),
    ).toEqual({
      databases: {
        main: {
          service: 'api',
          url: 'postgres://a%20b@db.example:5432/shop?sslmode=prefer',
          password: { container: 'PGPASSWORD' },
        },
      },
      caches: { main: { url: 'redis://kv.example:6379' } },
    });
  });

  test('of a cache, the number of the database that it is used by', async () => {
    const told = async (...urls: string[]): Promise<unknown> => {
      const it = world();
      add(it, 'redis', { image: 'redis:8', command: ['redis-server'] });
      for (const [index, url] of urls.entries()) add(it, `api${index.toString()}`, { env: { REDIS_URL: url } });
      return loaded(await draft(it))['caches'];
    };
    expect(await told('redis://redis:6379/2')).toEqual({ main: { service: 'redis', database: 2 } });
    expect(await told('redis://redis:6379/2', 'redis://redis/2')).toEqual({ main: { service: 'redis', database: 2 } });
    for (const urls of [['redis://redis/0'], ['redis://redis'], ['redis://redis/1', 'redis://redis/2']])
      expect(await told(...urls)).toEqual({ main: { service: 'redis' } });
    expect(await outside({ REDIS_HOST: 'kv.example', REDIS_NAME: 'sessions' })).toEqual({
      caches: { main: { url: 'redis://kv.example:6379' } },
    });
  });

  test('what is no server is not taken for one', async () => {
    expect(await outside({ DATABASE_URL: 'mysql://a:b@c/d', DB_HOST: 'not a host', REDIS_URL: '' })).toEqual({});
  });

  test('a server that its image does not tell, but a URL does', async () => {
    const it = world();
    add(it, 'api', { env: { DATABASE_URL: 'postgres://a:b1234@store/shop' } });
    add(it, 'store', { image: 'company/storage:9', ports: [exposed(7000)] });
    const text = await draft(it);
    expect(loaded(text)).toMatchObject({ services: { api: {} }, databases: { main: { service: 'store' } } });
    expect(text).toContain('DATABASE_URL of api names it');
  });
});

test('an engine elsewhere: only what is published there is asked, never loopback', async () => {
  const it = world();
  Object.assign(it.engine.facts, { local: false, host: 'ssh://deploy@docker.example' });
  add(it, 'api', { ports: [published(3000, 8080), published(9000, 9000, '127.0.0.1')] });
  it.http.answers.set('http://docker.example:8080/ping', { headers: { 'content-type': 'text/plain' }, body: 'pong' });
  expect(loaded(await draft(it))).toMatchObject({ services: { api: { health: 'http://docker.example:8080/ping' } } });
  expect(it.http.asked.some((url) => url.includes('127.0.0.1'))).toBe(false);
});

test('whatever containers are called, the file loads and says what they say', async () => {
  const hostile = fc.oneof(
    fc.string({ maxLength: 20, unit: 'binary' }),
    fc.constantFrom(
      'a: b',
      '- x',
      '#',
      '*a',
      '&a',
      '{',
      "'",
      '"',
      'a\nservices: {}',
      'no',
      '1e3',
      '~',
      '__proto__',
      '%',
      '@',
      '!!x',
      '\u001b[31m',
      '\u00a0',
      'x\u2028y',
      '\ufffd',
      '\u0085',
      'café',
      '🐳',
    ),
  );
  await fc.assert(
    fc.asyncProperty(
      hostile,
      hostile,
      hostile,
      hostile,
      fc.constantFrom('postgres', 'redis', 'nginx', 'prometheus', 'app'),
      async (image, volume, project, service, program) => {
        const it = world();
        const name = project === '' ? 'x' : project;
        it.engine.add({
          name: 'one',
          project: name,
          service: service === '' ? 'svc' : service,
          image,
          started: { environment: { A: image, DATABASE_URL: `postgres://u:p@${image}/x` }, command: [program] },
          volumes: volume === '' ? [] : [{ volume, source: '', target: '', readOnly: false }],
        });
        const { compose, volumes } = loaded(await draft(it));
        expect(compose?.['project']).toBe(name);
        if (volumes !== undefined) expect(volumes).toEqual([volume]);
      },
    ),
    { numRuns: 400 },
  );
});
