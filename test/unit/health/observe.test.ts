import { describe, expect, it } from 'vitest';

import { OpsError } from '../../../src/core/errors.ts';
import type { Sample } from '../../../src/core/ports/metrics.ts';
import { API, BALANCER, NOW, of, reasonOf, statuses, world } from './platform.ts';

const refused = new OpsError('UNREACHABLE', 'it refuses the connection');
const engineGone = new OpsError('UNREACHABLE', 'the docker engine is not there', { details: { engine: true } });
const badCertificate = (code: string): OpsError =>
  new OpsError('BAD_ANSWER', 'the certificate is not accepted', { details: { code, certificate: true } });

describe('the five basic checks', () => {
  it('must all be ok on a platform that is well, by what the API reports', async () => {
    const health = await world().look();
    expect(statuses(health)).toEqual({ api: 'ok', web: 'ok', database: 'ok', redis: 'ok', 'load-balancer': 'ok' });
    expect(reasonOf(health, 'database')).toBe('up, says api (components.database)');
  });

  it('must leave out what the platform does not have', async () => {
    const health = await world({ databases: {}, caches: {}, loadBalancer: undefined }).look();
    expect(Object.keys(statuses(health))).toEqual(['api', 'web']);
  });

  it('must ask database and cache themselves when no answer reports them, and say so', async () => {
    const one = world();
    one.http.answers.set(API, { body: 'OK' });
    const health = await one.look();
    expect(health.status).toBe('ok');
    expect(reasonOf(health, 'redis')).toBe('answers by itself in 0.5 ms (asked directly: no health answer reports it)');
  });

  it('must follow the configured paths, and null for what is not reported', async () => {
    const one = world({ services: { api: { health: API, components: { database: 'deep.store', cache: null } } } });
    one.http.answers.set(API, { body: JSON.stringify({ deep: { store: 'UP' }, redis: 'down' }) });
    const health = await one.look();
    expect(reasonOf(health, 'database')).toBe('up, says api (deep.store)');
    expect(reasonOf(health, 'redis')).toContain('asked directly');
    expect(health.status).toBe('ok');
  });

  it('must ask each of several databases by itself', async () => {
    const one = world({
      databases: { orders: { service: 'postgres' }, users: { url: 'postgresql://db.example/users' } },
    });
    one.databases['users'] = refused;
    const health = await one.look();
    expect(statuses(health)).toMatchObject({ 'database:orders': 'ok', 'database:users': 'crit' });
  });

  it('must judge two APIs each by its own answer', async () => {
    const second = 'http://127.0.0.1:8080/admin/health';
    const one = world({ services: { api: { health: API }, admin: { health: second } } });
    one.http.answers.set(second, { status: 500, body: '{"status":"error"}' });
    expect(statuses(await one.look())).toMatchObject({ api: 'ok', admin: 'crit', database: 'ok' });
  });

  it('must blame the part that an API reports down, and only warn of the API', async () => {
    const one = world();
    const body = JSON.stringify({
      status: 'down',
      components: { database: 'up', redis: { status: 'down', error: 'gone' } },
    });
    one.http.answers.set(API, { status: 503, body });
    one.caches['main'] = refused;
    const health = await one.look();
    expect(statuses(health)).toMatchObject({ api: 'warn', redis: 'crit', database: 'ok' });
    expect(reasonOf(health, 'redis')).toBe('down, says api (down: gone); it refuses the connection');
  });

  it('must point at the way between them when the server itself answers', async () => {
    const one = world();
    one.http.answers.set(API, { status: 503, body: '{"redis":"down"}' });
    expect(reasonOf(await one.look(), 'redis')).toContain('look at the way between them');
  });

  it('must not call services broken that nobody can ask because the load balancer is gone', async () => {
    const one = world();
    one.http.answers.clear();
    const health = await one.look();
    expect(statuses(health)).toMatchObject({ 'load-balancer': 'crit', api: 'unknown', database: 'ok' });
    expect(reasonOf(health, 'api')).toContain(
      'cannot be asked: the load balancer does not answer; its container: up 4 h',
    );
  });

  it('must call a service broken when the load balancer answers and it does not', async () => {
    const one = world();
    one.http.answers.delete(API);
    expect(statuses(await one.look())).toMatchObject({ 'load-balancer': 'ok', api: 'crit' });
  });

  it.each([
    ['CERT_HAS_EXPIRED', { 'load-balancer': 'crit', api: 'unknown' }],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', { 'load-balancer': 'unknown', api: 'unknown' }],
  ])('must tell a certificate that all refuse from one that perhaps only we do: %s', async (code, expected) => {
    const one = world();
    for (const url of [API, BALANCER]) one.http.answers.set(url, { fails: badCertificate(code) });
    expect(statuses(await one.look())).toMatchObject({ ...expected, database: 'ok', redis: 'ok' });
  });

  it.each([
    ['HTML', '<html><body>It works!</body></html>', 200, 'ok'],
    ['garbage', '\u0000\u001b[2J{{{', 200, 'ok'],
    ['nothing', '', 204, 'ok'],
    ['a list', '[1,2,3]', 200, 'ok'],
    ['100 MB, cut', `{"x":"${'x'.repeat(100_000)}`, 200, 'ok'],
    ['an HTML error page of a proxy', '<html>502 Bad Gateway</html>', 502, 'crit'],
  ])('must live with an API that answers %s', async (_what, body, status, expected) => {
    const one = world();
    one.http.answers.set(API, { body, status });
    const health = await one.look();
    expect(statuses(health)).toMatchObject({ api: expected, database: 'ok', redis: 'ok' });
  });

  it('must call an API that is slow slow, and one that is too slow for the deadline broken', async () => {
    const one = world();
    one.http.answers.set(API, { body: '{}', afterMs: 1500 });
    expect(statuses(await one.look())).toMatchObject({ api: 'warn' });
    one.http.answers.set(API, { body: '{}', afterMs: 60_000 });
    expect(statuses(await one.look())).toMatchObject({ api: 'crit' });
  });
});

describe('the detailed checks', () => {
  it('must call nothing broken that only the engine could have shown', async () => {
    const one = world({ prometheus: { service: 'prometheus' } });
    const dead = async (): Promise<never> => Promise.reject(engineGone);
    Object.assign(one.engine, { info: dead, containers: dead, container: dead, disk: dead, usage: dead });
    one.databases['main'] = engineGone;
    one.caches['main'] = engineGone;
    one.metrics.down = engineGone;
    const health = await one.look({ detailed: true });
    expect(health.status).toBe('unknown');
    expect(new Set(health.checks.filter(({ status }) => status === 'unknown').map(({ reason }) => reason))).toEqual(
      new Set(['could not be observed: the docker engine is not there']),
    );
    expect(statuses(health)).toMatchObject({ api: 'ok', 'load-balancer': 'ok', database: 'ok', web: 'unknown' });
  });

  it('must keep a dead Prometheus one critical line; what it would have told is unknown', async () => {
    const one = world({ prometheus: { service: 'prometheus' } });
    one.metrics.down = new OpsError('UNREACHABLE', 'prometheus does not answer');
    const seen = statuses(await one.look({ detailed: true }));
    expect(seen).toMatchObject({
      prometheus: 'crit',
      targets: 'unknown',
      alerts: 'unknown',
      traffic: 'unknown',
      'host-memory': 'unknown',
    });
    expect(Object.values(seen).filter((status) => status === 'crit')).toHaveLength(1);
  });

  it('must not fail for a Prometheus, a database or a cache that is not there', async () => {
    const health = await world({ databases: {}, caches: {}, loadBalancer: undefined }).look({ detailed: true });
    expect(health.status).toBe('ok');
    expect(health.checks.map(({ component }) => component)).not.toContain('prometheus');
    expect(statuses(health)).toMatchObject({ 'host-memory': 'skipped', disk: 'skipped' });
  });

  it('must give one finding, not eight, for a server that refuses the password', async () => {
    const one = world();
    one.databases['main'] = new OpsError('AUTH_FAILED', 'postgres main refuses the password', { hint: 'Correct it.' });
    const health = await one.look({ detailed: true, only: ['database'] });
    expect(statuses(health)).toEqual({ database: 'ok', 'database.direct': 'unknown' });
  });

  it.each(['web', 'nginx', 'postgres', 'redis'])(
    'must not call well a configured %s that ended, however well',
    async (service) => {
      const one = world({ caches: { main: { service: 'redis' } } });
      Object.assign(one.engine.all.find((container) => container.service === service) ?? {}, { state: 'exited' });
      const seen = statuses(await one.look({ detailed: true }));
      expect(seen[`container:shop-${service}-prod`]).toBe('crit');
      if (service === 'web') expect(seen['web']).toBe('crit');
    },
  );

  it('must let what nobody configured, and what compose ran once, end', async () => {
    const one = world();
    one.engine.add({ ...of('migrate'), state: 'exited' });
    const labels = { 'com.docker.compose.oneoff': 'True' };
    one.engine.add({ ...of('web'), name: 'shop-web-run-1', labels, state: 'exited' });
    const health = await one.look({ detailed: true });
    expect(statuses(health)).toMatchObject({ 'container:shop-migrate-prod': 'ok', 'container:shop-web-run-1': 'ok' });
    expect(reasonOf(health, 'web')).toBe('up 4 h');
  });

  it('must say that the use of resources could not be observed', async () => {
    const one = world();
    expect(statuses(await one.look({ detailed: true }))).not.toHaveProperty('containers.usage');
    Object.assign(one.engine, { usage: async (): Promise<never> => Promise.reject(refused) });
    const health = await one.look({ only: ['containers'] });
    expect(health.status).toBe('unknown');
    expect(statuses(health)).toMatchObject({ 'container:shop-api-prod': 'ok', 'containers.usage': 'unknown' });
    expect(reasonOf(health, 'containers.usage')).toContain('it refuses the connection');
  });

  it('must not mix the figures of several hosts', async () => {
    const one = world({ prometheus: { service: 'prometheus' } });
    const samples = (...values: number[]): Sample[] =>
      values.map((value, index) => ({ labels: { instance: `host-${index.toString()}` }, value }));
    one.metrics.samples.set('node_memory_MemTotal_bytes', samples(8e9, 64e9));
    one.metrics.samples.set('node_memory_MemAvailable_bytes', samples(60e9, 1e9));
    expect(reasonOf(await one.look({ only: ['host-memory'] }), 'host-memory')).toContain('several hosts');
    one.metrics.samples.set('node_memory_MemTotal_bytes', samples(8e9));
    one.metrics.samples.set('node_memory_MemAvailable_bytes', samples(1e8));
    expect(statuses(await one.look({ only: ['host-memory'] }))).toEqual({ 'host-memory': 'crit' });
  });

  it.each([
    [1, 'ok', 26],
    [30, 'warn', 26],
    [100, 'crit', 50],
  ])('must judge a backup %d hours old by the limit that it reached', async (hours, status, threshold) => {
    const one = world({ backup: { marker: '/backup/done' }, thresholds: { backupAgeHours: { warn: 26, crit: 50 } } });
    one.files.set('/backup/done', { modifiedAt: new Date(Date.parse(NOW) - hours * 3_600_000).toISOString() });
    const { checks } = await one.look({ only: ['backup'] });
    expect(checks).toMatchObject([{ status, threshold, value: hours }]);
  });

  it.each([
    [{ service: 'prom' }, ['opsctl status prom', 'opsctl logs prom --tail 50']],
    [{ url: 'http://prometheus.example:9090' }, ['opsctl config show prometheus --origin']],
  ])('must lead to a Prometheus at %j where it is', async (prometheus, next) => {
    const one = world({ prometheus });
    one.metrics.scraped = [];
    const { checks } = await one.look({ only: ['targets'] });
    expect(checks).toMatchObject([{ id: 'targets', status: 'warn', next }]);
    one.metrics.down = new OpsError('UNREACHABLE', 'prometheus does not answer');
    expect((await one.look({ only: ['prometheus'] })).checks[0]).toMatchObject({ status: 'crit', next });
  });

  it('must lead to the reports of the very server where there are several', async () => {
    const one = world({ databases: { main: { service: 'postgres' }, orders: { service: 'postgres' } } });
    one.databases['orders'] = { blockedSessions: 9, longestWaitMs: 1000 };
    one.caches['main'] = { evictedKeys: 5 };
    const { checks } = await one.look({ only: ['database:orders.locks', 'redis.evictions'] });
    expect(checks.map(({ status, next }) => [status, next])).toEqual([
      ['crit', ['opsctl db blocking --database orders']],
      ['warn', ['opsctl cache memory']],
    ]);
  });

  it('must not pass on a figure that is no number', async () => {
    const one = world();
    one.databases['main'] = { connections: 0, connectionLimit: 0, xidAge: Number.NaN };
    const health = await one.look({ detailed: true });
    expect(statuses(health)).toMatchObject({ 'database.connections': 'unknown', 'database.xid-age': 'unknown' });
    for (const { value, threshold } of health.checks)
      for (const figure of [value ?? 0, threshold ?? 0]) expect(figure).toSatisfy(Number.isFinite);
  });

  it('must end a check at its deadline and let no other wait for it', async () => {
    const one = world();
    Object.assign(one.engine, { info: () => new Promise(() => undefined) });
    const began = performance.now();
    const health = await one.look({ detailed: true, timeoutMs: 2000 });
    expect(performance.now() - began).toBeLessThan(15_000);
    expect(statuses(health)).toMatchObject({ engine: 'unknown', api: 'ok' });
    expect(reasonOf(health, 'engine')).toBe('could not be observed within 2 s');
    for (const check of health.checks.filter(({ id }) => id !== 'engine')) expect(check.durationMs).toBeLessThan(1800);
  });
});

describe('--only', () => {
  it.each([
    [['redis'], ['redis', 'redis.direct', 'redis.memory', 'redis.evictions', 'redis.hit-ratio', 'redis.persistence']],
    [['container:shop-api*'], ['container:shop-api-prod']],
    [
      ['database.size', 'api'],
      ['api', 'database.size'],
    ],
  ])('must leave nothing but %s', async (only, expected) => {
    expect(Object.keys(statuses(await world().look({ only })))).toEqual(expected);
  });

  it('must be as bad as the probe that could not look', async () => {
    const one = world();
    Object.assign(one.engine, { containers: async (): Promise<never> => Promise.reject(engineGone) });
    one.databases['main'] = refused;
    const container = await one.look({ only: ['container:nope'] });
    expect([container.status, statuses(container)]).toEqual(['unknown', { containers: 'unknown' }]);
    const database = await one.look({ only: ['database.connections'] });
    expect([database.status, statuses(database)]).toEqual(['crit', { 'database.direct': 'crit' }]);
    const both = await one.look({ only: ['redis.memory', 'database.connections'] });
    expect([both.status, statuses(both)]).toEqual(['crit', { 'database.direct': 'crit', 'redis.memory': 'ok' }]);
  });

  it('must not call well what does not exist', async () => {
    const health = await world().look({ only: ['container:nope', 'api'] });
    expect([health.status, statuses(health)]).toEqual(['unknown', { api: 'ok', 'container:nope': 'unknown' }]);
    expect(reasonOf(health, 'container:nope')).toContain('there is: container:shop-api-prod, ');
  });

  it.each([
    [['*'], []],
    [['redis*'], ['redis.memory']],
  ])('must refuse to judge nothing at all: disabled %s, asked for %s', async (disable, only) => {
    const asked = world({ checks: { disable } }).look({ only });
    await expect(asked).rejects.toMatchObject({ code: 'USAGE', hint: /checks\.disable/ });
  });

  it('must say which checks there are when a name is none of them', async () => {
    await expect(world().look({ only: ['reddis'] })).rejects.toMatchObject({ code: 'USAGE', hint: /redis/ });
  });
});
