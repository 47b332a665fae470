import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { componentPath } from '../../../src/discover/components.ts';
import { labelOf } from '../../../src/discover/metrics.ts';
import { parseNginx } from '../../../src/discover/nginx-text.ts';
import { roleOf } from '../../../src/discover/roles.ts';
import { factsOf, serviceOf } from '../../../src/discover/routes.ts';

const found = (image: string, command: string[] = [], ports: number[] = []): Parameters<typeof roleOf>[0] => ({
  service: 's',
  containers: [],
  image,
  command,
  environment: {},
  ports: ports.map((container) => ({ container, protocol: 'tcp' })),
});

test.each<[string, string[], number[], string]>([
  ['postgres:17-alpine', ['docker-entrypoint.sh', 'postgres'], [5432], 'database'],
  [
    'bitnami/postgresql',
    ['/opt/bitnami/scripts/postgresql/entrypoint.sh', '/opt/bitnami/scripts/postgresql/run.sh'],
    [5432],
    'database',
  ],
  ['timescale/timescaledb:latest-pg17', ['docker-entrypoint.sh', 'postgres', '-c', 'x=1'], [], 'database'],
  ['company/thing', ['/usr/lib/postgresql/17/bin/postgres', '-D', '/data'], [], 'database'],
  ['company/thing', [], [5432], 'database'],
  ['redis', ['docker-entrypoint.sh', 'redis-server', '--requirepass', 'x'], [6379], 'cache'],
  ['company/base', ['sh', '-c', 'exec redis-server --port 6379'], [], 'cache'],
  ['valkey/valkey:8', [], [6379], 'cache'],
  ['prom/prometheus:v3', ['/bin/prometheus', '--config.file=x'], [9090], 'prometheus'],
  ['prom/alertmanager', ['/bin/alertmanager'], [9093], 'tool'],
  ['oliver006/redis_exporter', ['/redis_exporter'], [9121], 'tool'],
  ['company/monitoring', ['sh', '/usr/local/bin/postgres-exporter.sh'], [], 'tool'],
  ['dpage/pgadmin4', ['/entrypoint.sh'], [80], 'tool'],
  ['prodrigestivill/postgres-backup-local', [], [], 'tool'],
  ['nginx', ['/docker-entrypoint.sh', 'nginx', '-g', 'daemon off;'], [80], 'nginx'],
  // Called after what it talks to, or told to wait for it.
  ['shop/redis-consumer', ['node', 'main.js'], [3000], 'service'],
  ['shop/postgres-api', ['node', 'main.js'], [3000], 'service'],
  ['shop/api', ['wait-for', 'postgres', '--', 'node', 'main.js'], [3000], 'service'],
  ['shop/api', [], [], 'service'],
])('%s %j %j is a %s', (image, command, ports, role) => {
  expect(roleOf(found(image, command, ports)).role).toBe(role);
});

describe('an nginx configuration', () => {
  test('upstreams, variables, prefixes that are taken off, paths that nginx answers itself', () => {
    const text = `
      # comment with { and ;
      http {
        upstream "blue" { zone x 1k; server api-blue:3000 resolve; server api-2:3000 backup; }
        server {
          listen 443 ssl default_server; listen [::]:8443 ssl;
          set $target blue;
          location = /up { return 204; }
          location = /moved { return 301 /x; }
          location /api/ { proxy_pass http://$target; }
          location ^~ /v2/ { proxy_pass http://users:80/; }
          location ~ \\.php$ { proxy_pass http://php; }
          location / { root /srv; }
        }
      }`;
    expect(factsOf(parseNginx(text))).toEqual({
      known: true,
      own: ['/up'],
      tlsPorts: [443, 8443],
      routes: [
        { prefix: '/api/', hosts: ['api-blue', 'api-2'], strips: false },
        { prefix: '/v2/', hosts: ['users'], strips: true },
      ],
    });
  });

  test('any text gives something, quickly', () => {
    fc.assert(fc.property(fc.string({ maxLength: 200, unit: 'binary' }), (text) => void factsOf(parseNginx(text))));
    const began = performance.now();
    factsOf(parseNginx('a {'.repeat(200_000)));
    factsOf(parseNginx(`"${'\\'.repeat(300_000)}`));
    expect(performance.now() - began).toBeLessThan(15_000);
  });
});

test('a host name means a service by its name, its container, or what it begins with', () => {
  const all = ['api', 'api-admin', 'web'].map((service) => ({
    ...found(''),
    service,
    containers: [{ name: `shop-${service}-1` }] as never,
  }));
  expect(
    ['api', 'shop-web-1', 'api-blue', 'api-admin-green', 'web.internal', 'other', 'apix'].map((host) =>
      serviceOf(host, all),
    ),
  ).toEqual(['api', 'web', 'api', 'api-admin', 'web', undefined, undefined]);
});

test('where health answers tell of database and cache', () => {
  const body = JSON.stringify({
    components: { db: { status: 'UP' } },
    deps: { stores: { redis: true } },
    cacheSize: 4,
  });
  expect([componentPath(body, 'database'), componentPath(body, 'cache')]).toEqual([
    'components.db',
    'deps.stores.redis',
  ]);
  expect([componentPath('{"pg":4}', 'database'), componentPath('{}', 'cache')]).toEqual([undefined, undefined]);
});

test('the label of a service in Prometheus', () => {
  const labels = ['shop-orders-api', 'web', 'shop_users', 'users-admin'];
  expect(['orders-api', 'web', 'users', 'none'].map((service) => labelOf(service, labels))).toEqual([
    'shop-orders-api',
    'web',
    undefined,
    undefined,
  ]);
});
