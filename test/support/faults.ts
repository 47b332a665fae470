/**
 * The catalogue of faults that health must find on the reference platform, as data: what is broken and how, what
 * health must say of it, and what else may turn because it truly depends on what was broken.
 */
import { composeRun } from '../../demo/platform.ts';
import { replaceCertificate } from '../../demo/state.ts';
import type { Status } from '../../src/core/verdict.ts';
import { endCertificate, killForMemory, takeConnections, takeDisk, takeMemory } from './damage.ts';
import { type Dependents, docker, type Expected, type Fault, name, stateOf } from './fault.ts';
import { CONTAINER_FAULTS, hang } from './faults-containers.ts';

/**
 * These look back over a minute, or wait for Prometheus' next scrape: they follow each fault late and outlast it,
 * so that in a row of faults nothing exact can be said of them.
 */
export const LOOKING_BACK = ['alerts', 'targets', 'requests:*', 'errors:*', 'latency:*'];

const all = (status: Status, ids: readonly string[]): Expected => Object.fromEntries(ids.map((id) => [id, status]));

/** What cannot be known without the engine; the rest of the platform is looked at as ever. */
const ENGINE_GONE = all('unknown', ['engine', 'containers', 'releases', 'database.direct', 'redis.direct', 'disk']);
const PROMETHEUS_THROUGH_IT: Dependents[number] = {
  checks: all('unknown', ['prometheus', 'targets', 'alerts', 'traffic', 'host-memory']),
  because: 'the address of Prometheus is found through the engine',
};

const release = (version: string, what: string, rest: Omit<Fault, 'name' | 'inject' | 'exit'>): Fault => ({
  name: what,
  inject: async () => {
    await composeRun(['up', '--detach', '--no-deps', 'api'], { API_VERSION: version });
    return remakeApi;
  },
  exit: 1,
  ...rest,
});

const remakeApi = (): Promise<string> => composeRun(['up', '--detach', '--no-deps', '--force-recreate', 'api']);

const putCertificate = async (days: number): Promise<void> => {
  await replaceCertificate(days);
  await docker('exec', name('nginx'), 'nginx', '-s', 'reload');
};

const certificate = (what: string, days: number, status: Status, exit: number): Fault => ({
  name: what,
  inject: async () => {
    await putCertificate(days);
    return () => putCertificate(90);
  },
  expected: { 'certificate:site': status },
  exit,
  next: 'opsctl lb reload',
});

const API = name('api');

export const FAULTS: readonly Fault[] = [
  // First what must not end with 1: later, alerts of the faults before would still fire.
  {
    name: 'engine not there',
    inject: async () => async () => undefined,
    env: { DOCKER_HOST: 'unix:///nonexistent/docker.sock' },
    expected: ENGINE_GONE,
    depends: [PROMETHEUS_THROUGH_IT],
    exit: 6,
    next: 'docker --host unix:///nonexistent/docker.sock version',
  },
  {
    name: 'wrong password for postgres',
    inject: async () => async () => undefined,
    argv: ['--set', 'databases.main.password={ env: WRONG_PASSWORD }'],
    env: { WRONG_PASSWORD: 'not-the-password-of-postgres' },
    expected: { 'database.direct': 'unknown' },
    exit: 6,
    next: 'opsctl config check',
  },
  {
    name: 'wrong password for redis',
    inject: async () => {
      const password = 'the-password-of-redis';
      await docker('exec', name('redis'), 'redis-cli', 'config', 'set', 'requirepass', password);
      return () =>
        docker(
          'exec',
          '-e',
          `REDISCLI_AUTH=${password}`,
          name('redis'),
          'redis-cli',
          'config',
          'set',
          'requirepass',
          '',
        );
    },
    argv: ['--set', 'caches.main.password={ env: WRONG_PASSWORD }'],
    env: { WRONG_PASSWORD: 'not-the-password-of-redis' },
    expected: { 'redis.direct': 'unknown' },
    exit: 6,
    next: 'opsctl config check',
  },
  certificate('certificate ends in weeks', 15, 'warn', 0),
  {
    name: 'certificate of an unknown authority',
    inject: async () => async () => undefined,
    argv: ['--set', 'tls={}'],
    expected: { 'certificate:site': 'warn', 'load-balancer': 'unknown', api: 'unknown', web: 'unknown' },
    exit: 6,
    next: 'tls.ca in the configuration',
  },
  ...CONTAINER_FAULTS,
  {
    name: 'redis hangs',
    inject: () => hang(name('redis')),
    isSo: async () => /^T/m.test(await docker('top', name('redis'), '-o', 'stat,pid')),
    expected: { redis: 'crit', 'redis.direct': 'crit', api: 'warn' },
    depends: [{ checks: { [`container:${name('redis')}`]: 'crit' }, because: 'its own health check fails in time' }],
    exit: 1,
    next: 'opsctl logs redis --tail 50',
  },
  {
    name: 'postgres without ordinary connection slots',
    inject: () => takeConnections(name('postgres'), { reserved: false }),
    expected: { 'database.connections': 'crit' },
    depends: [
      { checks: { database: ['ok', 'crit'], api: ['ok', 'warn'] }, because: 'the API may need a new connection' },
      { checks: { 'database.cache-hit': ['ok', 'warn'] }, because: 'each connection reads catalogues' },
    ],
    exit: 1,
    next: 'opsctl db connections',
  },
  {
    name: 'postgres without any connection slot',
    inject: () => takeConnections(name('postgres'), { reserved: true }),
    expected: { 'database.direct': 'crit' },
    depends: [{ checks: { database: ['ok', 'crit'], api: ['ok', 'warn'] }, because: 'the API may need a new one' }],
    exit: 1,
    next: 'opsctl logs postgres --tail 50',
  },
  certificate('certificate ends in days', 5, 'crit', 1),
  {
    name: 'certificate has ended',
    inject: () => endCertificate(name('nginx'), () => putCertificate(90)),
    expected: { 'certificate:site': 'crit', 'load-balancer': 'crit', api: 'unknown', web: 'unknown' },
    exit: 1,
    next: 'opsctl lb reload',
  },
  {
    name: 'disk nearly full',
    inject: takeDisk,
    expected: { disk: 'crit' },
    exit: 1,
    next: 'opsctl volume --sizes',
  },
  {
    name: 'memory of the api near its limit',
    says: 'memory is near its limit',
    inject: () => takeMemory(API),
    expected: { [`container:${API}`]: ['warn', 'crit'] },
    exit: 1,
    argv: ['--fail-on', 'warn'],
    next: 'opsctl stats api --memory',
  },
  {
    name: 'a process of the api killed for memory',
    says: 'killed for want of memory',
    inject: async () => {
      await killForMemory(API, 'another');
      return remakeApi;
    },
    isSo: async () => (await stateOf('api')) === 'running',
    expected: { [`container:${API}`]: ['crit', 'warn'] },
    exit: 1,
    argv: ['--fail-on', 'warn'],
    next: 'opsctl stats api --memory',
  },
  {
    name: 'main process of the api killed for memory',
    says: 'was killed for want of memory and started again',
    inject: async () => {
      await killForMemory(API, 'main');
      return remakeApi;
    },
    isSo: async () => Number(await docker('inspect', '-f', '{{.RestartCount}}', API)) > 0,
    expected: { [`container:${API}`]: 'crit' },
    depends: [{ checks: { api: ['ok', 'crit'] }, because: 'it was away for a moment' }],
    exit: 1,
    next: 'opsctl stats api --memory',
  },
  release('v1.4.0-crash', 'api in a crash loop', {
    isSo: async () => Number(await docker('inspect', '-f', '{{.RestartCount}}', API)) > 3,
    expected: { api: 'crit', [`container:${API}`]: 'crit' },
    within: 30_000,
    next: 'opsctl history',
  }),
  release('v1.5.0-unhealthy', 'api never healthy', {
    isSo: async () => (await docker('inspect', '-f', '{{.State.Health.Status}}', API)) === 'unhealthy',
    expected: { api: 'crit', [`container:${API}`]: 'crit' },
    within: 45_000,
    next: 'opsctl logs api --tail 50',
  }),
  release('v1.6.0-leak', 'api leaks memory', {
    says: 'memory is near its limit',
    expected: { [`container:${API}`]: ['warn', 'crit'] },
    argv: ['--fail-on', 'warn'],
    long: true,
    within: 90_000,
    next: 'opsctl stats api --memory',
  }),
];
