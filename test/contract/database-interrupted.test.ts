/** A statement that nobody waits for any more must not run on: by every way to the server, and when the program is interrupted. */
import { spawn } from 'node:child_process';
import { copyFile, chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Duplex } from 'node:stream';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';

import { openDatabase } from '../../src/adapters/postgres/open.ts';
import { makeCertificate } from '../support/certificate.ts';
import { engineOf, postgresContainer } from '../support/containers.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { nobody, waitUntil } from '../support/process.ts';
import { databaseReader, envSecrets, platformOf } from '../support/readers.ts';

/** Runs argv on this machine as a container would. */
async function tunnel(_id: string, [program = '', ...args]: readonly string[]): Promise<Duplex> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'] });
  return Duplex.from({ readable: child.stdout, writable: child.stdin });
}

describe.each([13, 18] as const)('PostgreSQL %i', (major) => {
  let certificate: Awaited<ReturnType<typeof makeCertificate>>;
  let server: PostgresServer;
  beforeAll(async () => {
    certificate = await makeCertificate('data.test');
    const key = `${certificate.key}.postgres`;
    const { uid, gid } = await nobody();
    await copyFile(certificate.key, key);
    await chmod(key, 0o600);
    if (uid !== undefined) await chown(key, uid, gid ?? uid);
    server = await startPostgres(major, {
      settings: { ssl: 'on', ssl_cert_file: certificate.cert, ssl_key_file: key },
    });
  });
  afterAll(async () => {
    await server.stop();
    await certificate.remove();
  });

  const SLEEPS = "select from pg_stat_activity where state = 'active' and query = 'select pg_sleep(120)'";
  const running = async (count: number): Promise<void> =>
    waitUntil(
      async () => (await server.query(SLEEPS)).length === count,
      () => `never ${count.toString()} of them`,
    );

  test.each([
    ['its port', () => databaseReader({ main: server.url() })],
    ['TLS', () => databaseReader({ main: `${server.url()}?sslmode=require` })],
    ['a tunnel', throughTunnel],
  ])('reached by %s, one must be cancelled when its connection is given up', async (_way, open) => {
    const database = open();
    const asked = database.query('main', 'select pg_sleep(120)', { rows: 1, ms: 120_000 });
    asked.catch(() => undefined);
    await running(1);
    const began = performance.now();
    await database.close();
    expect(performance.now() - began).toBeLessThan(2000);
    await running(0);
    await expect(asked).rejects.toThrow('postgres main');
    // Closed is not the end: the next question opens it again.
    expect((await database.query('main', 'select 1', { rows: 1, ms: 5000 })).rows).toEqual([[1]]);
  });

  test('Ctrl-C must cancel what db query runs', async () => {
    const home = await mkdtemp(path.join(tmpdir(), 'opsctl-interrupted-'));
    onTestFinished(() => rm(home, { recursive: true }));
    const config = path.join(home, 'opsctl.yaml');
    const shop = { compose: { project: 'shop' }, databases: { main: { url: { env: 'DATABASE_URL' } } } };
    await writeFile(config, JSON.stringify({ version: 1, environments: { shop } }));
    // What the entry does with the built program.
    const parts = path.resolve(import.meta.dirname, '..', '..', 'src', 'cli', 'parts.ts');
    const words = ['db', 'query', 'select pg_sleep(120)', '--timeout', '2m'];
    const main = `const { dispatch } = await import(${JSON.stringify(parts)});
      process.exit(await dispatch('db query', ${JSON.stringify(words)}));`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', main], {
      stdio: 'ignore',
      env: { ...process.env, DATABASE_URL: server.url(), OPSCTL_CONFIG: config, OPSCTL_STATE_DIR: home },
    });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    await running(1);
    child.kill('SIGINT');
    expect(await ended).toBe(130);
    await running(0);
  });

  test('one whose server hangs must not hold up the end', async () => {
    const database = databaseReader({ main: server.url() });
    database.query('main', 'select pg_sleep(120)', { rows: 1, ms: 120_000 }).catch(() => undefined);
    await running(1);
    process.kill(server.pid(), 'SIGSTOP');
    try {
      const began = performance.now();
      await database.close();
      expect(performance.now() - began).toBeLessThan(5000);
    } finally {
      process.kill(server.pid(), 'SIGCONT');
    }
    // The request was taken meanwhile.
    await running(0);
  });

  function throughTunnel(): ReturnType<typeof openDatabase> {
    const platform = platformOf({ databases: { main: { service: 'db' } } });
    const environment = { POSTGRES_PASSWORD: server.password };
    const source = engineOf([postgresContainer(server.port)], { environment, tunnel, local: false });
    const opened = openDatabase({ platform, source, secrets: envSecrets(), command: 'test' });
    onTestFinished(() => opened.close());
    return opened;
  }
});
