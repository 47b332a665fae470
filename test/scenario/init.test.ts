/** `opsctl init` must write, for compose projects it has never seen, a file that works as it is. */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { parse } from 'yaml';

import { compose } from '../../scripts/engine.ts';
import { attempt, run } from '../../scripts/run.ts';
import { makeCertificate } from '../support/certificate.ts';
import { opsctl, type Result } from '../support/opsctl.ts';
import { pause, waitUntil } from '../support/process.ts';

const PROJECTS = path.join(import.meta.dirname, 'projects');
const id = randomBytes(4).toString('hex');
const password = `pw${randomBytes(8).toString('hex')}`;
const network = `opsctl-outside-${id}`;
const outside = `opsctl-outside-pg-${id}`;
/** Not a usual one, so that it collides with nobody's; another a run, so that two runs do not collide. */
const subnet = `10.213.${(1 + ((randomBytes(1)[0] ?? 0) % 250)).toString()}`;
const names = { bookshop: `bookshop-${id}`, gateway: `gateway-${id}`, crm: `crm-${id}` };
type Name = keyof typeof names;
const files: Record<Name, string> = {
  bookshop: 'docker-compose.yml',
  gateway: 'compose.yaml',
  crm: 'docker-compose.yml',
};

let work: string;
let certificate: Awaited<ReturnType<typeof makeCertificate>>;

async function composeIn(name: Name, args: string[]): Promise<unknown> {
  const { dockerHost } = inject('platform');
  const url = `postgres://crm:${password}@${subnet}.10:5432/crm?sslmode=disable`;
  const env = {
    DOCKER_HOST: dockerHost,
    RUN: id,
    PASSWORD: password,
    CERTIFICATES: path.dirname(certificate.cert),
    NETWORK: network,
    DATABASE_URL: url,
  };
  const cwd = path.join(PROJECTS, name);
  return run([...(await compose()), '-f', files[name], '-p', names[name], ...args], { cwd, env });
}

/** The program in a folder of its own, without any configuration but what is there. */
const inFolder = (folder: string, argv: string[]): Promise<Result> =>
  opsctl(argv, { cwd: folder, env: { OPSCTL_CONFIG: '', OPSCTL_STATE_DIR: path.join(work, 'state'), COLUMNS: '100' } });

beforeAll(async () => {
  process.env['DOCKER_HOST'] = inject('platform').dockerHost;
  work = await mkdtemp(path.join(tmpdir(), 'opsctl-init-'));
  certificate = await makeCertificate('gateway.example');
  const label = ['--label', `opsctl.test=${id}`];
  await run(['docker', 'network', 'create', ...label, '--subnet', `${subnet}.0/24`, network]);
  const variables = ['-e', 'POSTGRES_USER=crm', '-e', `POSTGRES_PASSWORD=${password}`];
  await run([
    'docker',
    'run',
    '-d',
    ...label,
    '--name',
    outside,
    '--network',
    network,
    '--ip',
    `${subnet}.10`,
    ...variables,
    'ecommerce-postgres:17',
  ]);
  for (const name of Object.keys(names) as Name[]) await composeIn(name, ['up', '-d']);
  await settled();
});

/** Until the databases take connections, and Prometheus has scraped more than once. */
async function settled(): Promise<void> {
  const starting = ['docker', 'ps', '--quiet', '--filter', `label=opsctl.test=${id}`, '--filter', 'health=starting'];
  await waitUntil(
    async () => (await run(starting)).trim() === '',
    () => 'the databases do not become healthy',
    90_000,
  );
  await pause(3000);
}

afterAll(async () => {
  for (const name of Object.keys(names) as Name[])
    await composeIn(name, ['down', '-v', '--timeout', '2']).catch(() => undefined);
  await attempt(['docker', 'rm', '-f', '-v', outside]);
  await attempt(['docker', 'network', 'rm', network]);
  await certificate.remove();
  await rm(work, { recursive: true, force: true });
});

interface Written {
  environments: { production: Record<string, Record<string, unknown>> };
}

/** init, config check and health in a new folder, as a newcomer would. */
async function discover(
  name: Name,
): Promise<{ folder: string; text: string; written: Written['environments']['production'] }> {
  const folder = await mkdtemp(path.join(work, `${name}-`));
  const init = await inFolder(folder, ['init', '--project', names[name]]);
  expect(init.stderr).toBe('');
  expect(init.code).toBe(0);
  expect(init.stdout).toContain('opsctl config check');
  const text = await readFile(path.join(folder, 'opsctl.yaml'), 'utf8');
  expect(text).not.toContain(password);
  const check = await inFolder(folder, ['config', 'check', '--fail-on', 'warn']);
  expect(check.stdout + check.stderr).toMatch(/✓ ok: \d+ ok\n$/);
  expect(check.code).toBe(0);
  const health = await inFolder(folder, ['health']);
  expect(health.stdout).toMatch(/✓ ok: \d+ ok;/);
  expect(health.code).toBe(0);
  return { folder, text, written: (parse(text) as Written).environments.production };
}

const statuses = async (folder: string): Promise<Record<string, string>> => {
  const health = await inFolder(folder, ['health', '--json']);
  const { data } = health.json<{ data: { checks: { id: string; status: string }[] } }>();
  return Object.fromEntries(data.checks.map((check) => [check.id, check.status]));
};

describe('a project without Redis and Prometheus, an nginx of files behind another nginx', () => {
  test('the file must work as it is', async () => {
    const { folder, text, written } = await discover('bookshop');
    expect(written).toMatchObject({
      compose: { project: names.bookshop },
      services: {
        backend: {
          health: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/rest\/healthz$/),
          components: { database: 'checks.db' },
        },
        site: { health: expect.stringMatching(/:\d+\/$/) },
      },
      loadBalancer: { service: 'proxy', health: expect.stringMatching(/\/alive$/) },
      databases: { main: { service: 'db' } },
      volumes: [`${names.bookshop}_books`, `${names.bookshop}_covers`],
    });
    expect(Object.keys(written)).not.toContain('caches');
    expect(Object.keys(written)).not.toContain('prometheus');
    expect(text).toContain('docker-compose.yml');
    expect(await statuses(folder)).toEqual({ backend: 'ok', site: 'ok', database: 'ok', 'load-balancer': 'ok' });
  });
});

describe('two APIs behind one nginx that speaks https', () => {
  test('the file must work as it is', async () => {
    const { folder, written } = await discover('gateway');
    expect(written).toMatchObject({
      services: {
        'orders-api': {
          health: expect.stringMatching(/^https:\/\/127\.0\.0\.1:\d+\/v1\/orders\/health$/),
          components: { database: 'details.postgresql', cache: 'details.redis' },
          metrics: 'shop-orders-api',
        },
        'customers-api': {
          health: expect.stringMatching(/\/v1\/customers\/status$/),
          components: { database: 'storage.primary.pg' },
        },
      },
      loadBalancer: { service: 'edge' },
      databases: { main: { service: 'postgres-main' } },
      caches: { main: { service: 'keyvalue' } },
      prometheus: { service: 'metrics' },
      tls: { insecure: true },
      certificates: { edge: { url: expect.stringMatching(/^https:/) } },
    });
    expect(await statuses(folder)).toMatchObject({
      'orders-api': 'ok',
      'customers-api': 'ok',
      database: 'ok',
      redis: 'ok',
    });
  });

  test('a service that stops must turn its checks red', async () => {
    const folder = await mkdtemp(path.join(work, 'broken-'));
    await inFolder(folder, ['init', '--project', names.gateway, '--quiet']);
    await composeIn('gateway', ['stop', '-t', '1', 'keyvalue']);
    const check = await inFolder(folder, ['config', 'check', '--json']);
    await composeIn('gateway', ['start', 'keyvalue']);
    const { data } = check.json<{ data: { targets: { target: string; status: string; next: string[] }[] } }>();
    const bad = data.targets.filter(({ status }) => status !== 'ok');
    expect(bad.map(({ target }) => target)).toEqual(['caches.main']);
    expect(bad.every(({ next }) => next.length > 0)).toBe(true);
    expect(check.code).toBe(6);
  });
});

describe('a project whose Postgres is outside, given by URL', () => {
  test('the file must work as it is, without the password', async () => {
    const { folder, text, written } = await discover('crm');
    expect(written).toMatchObject({
      services: { crm: { health: expect.stringMatching(/:\d+\/api\/health$/) }, mailer: {} },
      databases: { main: { service: 'crm', url: { container: 'DATABASE_URL' } } },
      volumes: [`${names.crm}_attachments`],
    });
    expect(text).toContain('ran once and ended: migrate');
    expect(Object.keys(written)).not.toContain('loadBalancer');
    expect(await statuses(folder)).toEqual({ crm: 'ok', mailer: 'ok', database: 'ok' });
    const show = await inFolder(folder, ['config', 'show', '--origin']);
    expect(show.stdout).toMatch(/databases\.main\.url\.container\s+DATABASE_URL\s+file:\d+:\d+/);
    expect(show.stdout + (await inFolder(folder, ['config', 'show', '--json'])).stdout).not.toContain(password);
  });
});

describe('what init must not do', () => {
  test('choose among several projects', async () => {
    const init = await inFolder(work, ['init']);
    expect(init.code).toBe(2);
    expect(init.stderr).toContain(`${names.crm} (`);
    expect(init.stderr).toContain('opsctl init --project');
    expect(existsSync(path.join(work, 'opsctl.yaml'))).toBe(false);
  });

  test('replace a file without --force', async () => {
    const folder = await mkdtemp(path.join(work, 'kept-'));
    await writeFile(path.join(folder, 'opsctl.yaml'), 'mine');
    const init = await inFolder(folder, ['init', '--project', names.crm]);
    expect([init.code, await readFile(path.join(folder, 'opsctl.yaml'), 'utf8')]).toEqual([5, 'mine']);
    const forced = await inFolder(folder, ['init', '--project', names.crm, '--environment', 'staging', '--force']);
    expect(forced.stdout).toMatch(/^replaced /);
    expect(await readFile(path.join(folder, 'opsctl.yaml'), 'utf8')).toContain('\n  staging:\n');
  });

  test('write anything with --stdout', async () => {
    const folder = await mkdtemp(path.join(work, 'shown-'));
    const init = await inFolder(folder, ['init', '--project', names.crm, '--stdout']);
    expect(parse(init.stdout)).toMatchObject({ version: 1 });
    expect(existsSync(path.join(folder, 'opsctl.yaml'))).toBe(false);
  });
});
