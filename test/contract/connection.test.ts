/* The ways to real servers: TLS, unix sockets, and the relay of the tunnel, run here instead of in a container. */
import { spawn } from 'node:child_process';
import { Duplex } from 'node:stream';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { openDatabase } from '../../src/adapters/postgres/open.ts';
import { openCache } from '../../src/adapters/redis/open.ts';
import { makeCertificate } from '../support/certificate.ts';
import { engineOf, postgresContainer } from '../support/containers.ts';
import { startPostgres, type PostgresServer } from '../support/postgres.ts';
import { freePort, waitUntil } from '../support/process.ts';
import { envSecrets, noEngine, platformOf } from '../support/readers.ts';
import { startRedis, type RedisServer } from '../support/redis.ts';

let certificate: Awaited<ReturnType<typeof makeCertificate>>;
let postgres: PostgresServer;
let redis: RedisServer;
let redisTls: number;

beforeAll(async () => {
  certificate = await makeCertificate('data.test');
  const key = `${certificate.key}.postgres`;
  const { copyFile, chmod, chown } = await import('node:fs/promises');
  const { nobody } = await import('../support/process.ts');
  const user = await nobody();
  await copyFile(certificate.key, key);
  await chmod(key, 0o600);
  if (user.uid !== undefined) await chown(key, user.uid, user.gid ?? user.uid);
  redisTls = await freePort();
  [postgres, redis] = await Promise.all([
    startPostgres(17, { settings: { ssl: 'on', ssl_cert_file: certificate.cert, ssl_key_file: key } }),
    startRedis({
      'tls-port': redisTls,
      'tls-cert-file': certificate.cert,
      'tls-key-file': certificate.key,
      'tls-auth-clients': 'no',
    }),
  ]);
});
afterAll(async () => {
  await Promise.all([postgres.stop(), redis.stop()]);
  await certificate.remove();
});

function database(url: string, more: object = {}): ReturnType<typeof openDatabase> {
  const platform = platformOf({ databases: { main: { url: { env: 'main' }, ...more } } });
  const opened = openDatabase({ platform, source: noEngine, secrets: envSecrets({ main: url }), command: 'test' });
  onTestFinished(() => opened.close());
  return opened;
}

function cache(url: string, more: object = {}): ReturnType<typeof openCache> {
  const platform = platformOf({ caches: { main: { url: { env: 'main' }, ...more } } });
  const opened = openCache({ platform, source: noEngine, secrets: envSecrets({ main: url }) });
  onTestFinished(() => opened.close());
  return opened;
}

const usesTls = async (): Promise<unknown> =>
  (
    await postgres.query(
      "select s.ssl from pg_stat_ssl s join pg_stat_activity a using (pid) where application_name = 'opsctl/test'",
    )
  )[0]?.['ssl'];

describe('PostgreSQL over TLS', () => {
  test('a certificate that nobody vouches for must be refused', async () => {
    await expect(database(`${postgres.url()}?sslmode=verify-full`).ready('main')).rejects.toMatchObject({
      code: 'UNREACHABLE',
      message: expect.stringContaining('the certificate of postgres main is not trusted'),
      hint: expect.stringContaining('tls.ca'),
    });
  });
  test('one for another name must be refused', async () => {
    await expect(database(postgres.url(), { tls: { ca: certificate.cert } }).ready('main')).rejects.toMatchObject({
      code: 'UNREACHABLE',
      message: 'the certificate of postgres main is not made out to 127.0.0.1',
    });
  });
  test.each([
    ['its authority and name given', '', { ca: true, serverName: 'data.test' }, '(TLS)'],
    [
      'only its authority given',
      '?sslmode=verify-ca&sslrootcert=ca',
      undefined,
      "(TLS, the certificate's name not verified)",
    ],
    ['not verified', '?sslmode=require', undefined, '(TLS, certificate not verified)'],
    ['not verified by configuration', '', { insecure: true }, '(TLS, certificate not verified)'],
    ['preferred', '?sslmode=prefer', undefined, '(TLS only if the server offers it, certificate not verified)'],
  ])('%s, it must be used and said', async (_, query, tls, said) => {
    const options = tls && { tls: { ...tls, ...('ca' in tls && { ca: certificate.cert }) } };
    const opened = database(`${postgres.url()}${query.replace('=ca', `=${certificate.cert}`)}`, options);
    await opened.ready('main');
    expect(await usesTls()).toBe(true);
    expect(await opened.route('main')).toBe(`127.0.0.1:${postgres.port} ${said}`);
  });
  test('a server without TLS must be refused unless it is only preferred', async () => {
    const plain = await startPostgres(17);
    onTestFinished(() => plain.stop());
    await expect(database(`${plain.url()}?sslmode=require`).ready('main')).rejects.toMatchObject({
      code: 'UNREACHABLE',
      message: 'postgres main does not speak TLS',
      hint: expect.stringContaining('sslmode=disable'),
    });
    expect((await database(`${plain.url()}?sslmode=prefer`).vitals('main')).hidden).toEqual([]);
  });
  test('a unix socket must need neither TLS nor a password', async () => {
    const opened = database(`postgresql://postgres@/postgres?host=${postgres.sockets}&port=${postgres.port}`);
    expect((await opened.ready('main')).version).toMatch(/^17\./);
  });
});

describe('Redis over TLS', () => {
  test('a certificate that nobody vouches for must be refused, and taken when it is', async () => {
    const url = `rediss://127.0.0.1:${redisTls}`;
    await expect(cache(url).ping('main')).rejects.toMatchObject({
      code: 'UNREACHABLE',
      message: expect.stringContaining('not trusted'),
    });
    const trusted = cache(url, { tls: { ca: certificate.cert, serverName: 'data.test' } });
    expect(await trusted.ping('main')).toBeGreaterThan(0);
    expect(await trusted.route('main')).toBe(`127.0.0.1:${redisTls} (TLS)`);
  });
  test('a server that speaks no TLS must be unreachable, not a hang', async () => {
    await expect(cache(`rediss://127.0.0.1:${redis.port}`).ping('main')).rejects.toMatchObject({
      code: expect.stringMatching(/UNREACHABLE|TIMED_OUT/),
    });
  });
});

describe('the tunnel', () => {
  /** Runs argv on this machine as a container would; remembers the processes. */
  function local(): { tunnel: (id: string, argv: readonly string[]) => Promise<Duplex>; running: () => number } {
    const children = new Set<number>();
    return {
      running: () => children.size,
      tunnel: async (_, [program = '', ...args]) => {
        const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'] });
        const pid = child.pid ?? 0;
        children.add(pid);
        child.once('close', () => children.delete(pid));
        return Duplex.from({ readable: child.stdout, writable: child.stdin });
      },
    };
  }

  test('must carry PostgreSQL, with the credentials of the container, and leave nothing behind', async () => {
    const { tunnel, running } = local();
    const environment = { POSTGRES_PASSWORD: postgres.password };
    const platform = platformOf({ databases: { main: { service: 'db' } } });
    const source = engineOf([postgresContainer(postgres.port)], { environment, tunnel, local: false });
    const opened = openDatabase({ platform, source, secrets: envSecrets(), command: 'test' });
    expect(await opened.route('main')).toBe('tunnel through test-db-1');
    expect((await opened.vitals('main')).hidden).toEqual([]);
    expect(running()).toBe(1);
    await opened.close();
    await waitUntil(
      async () => running() === 0,
      () => 'the relay stays',
    );
  });

  test('must carry Redis, and end when the server ends', async () => {
    const { tunnel, running } = local();
    const server = await startRedis({ requirepass: 'tunnel-secret' });
    onTestFinished(() => server.stop());
    const platform = platformOf({ caches: { main: { service: 'db' } } });
    const command = ['sh', '-c', 'exec redis-server --requirepass "$SECRET"'];
    const source = engineOf([postgresContainer(server.port)], {
      environment: { SECRET: 'tunnel-secret' },
      command,
      tunnel,
      local: false,
    });
    const opened = openCache({ platform, source, secrets: envSecrets() });
    onTestFinished(() => opened.close());
    expect((await opened.vitals('main')).role).toBe('master');
    await server.kill('SIGKILL');
    await waitUntil(
      async () => running() === 0,
      () => 'the relay stays',
    );
    await expect(opened.ping('main')).rejects.toMatchObject({
      code: 'UNREACHABLE',
      message: 'redis main refuses connections inside container test-db-1',
    });
  });
});
