/**
 * Real Redis servers for tests: Debian's redis-server, installed when it is missing and the tests run as root; and those
 * of a newer Debian (debian.ts).
 * Each listens on a free loopback port in a temporary directory of its own, runs as an unprivileged user and
 * is ended by its process id.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { chmod, chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { hasProgram, install } from '../../scripts/packages.ts';
import { debianProgram } from './debian.ts';
import { freePort, nobody, waitUntil } from './process.ts';

export interface RedisServer {
  port: number;
  home: string;
  pid(): number;
  url(user?: string, password?: string): string;
  /** A connection as the tests' own, with the password given at the start; closed with the server. */
  client(): Redis;
  kill(signal: NodeJS.Signals): Promise<void>;
  start(): Promise<void>;
  /** Starts without waiting until it serves. */
  launch(): void;
  stop(): Promise<void>;
}

/** Products and versions that the tests run: the machine's Redis, and those of Debian 13. */
export const REDIS = {
  'Redis of this machine': undefined,
  'Redis 8': { release: 'trixie', name: 'redis-server', program: 'redis-server' },
  Valkey: { release: 'trixie', name: 'valkey-server', program: 'valkey-server' },
} as const;
export type Product = keyof typeof REDIS;

/** How a product is started; its arguments follow. */
async function programOf(product: Product): Promise<string[]> {
  const debian = REDIS[product];
  if (debian !== undefined) return await debianProgram(debian.release, debian.name, debian.program);
  if (!hasProgram('redis-server')) await install(['redis-server']);
  return ['redis-server'];
}

/** A new server. `settings` are directives of redis.conf, in the order given; several words of one are a list. */
export async function startRedis(
  settings: Record<string, string | number | readonly string[]> = {},
  product: Product = 'Redis of this machine',
): Promise<RedisServer> {
  const [program = '', ...first] = await programOf(product);
  const user = await nobody();
  const home = await mkdtemp(path.join(tmpdir(), 'opsctl-redis-'));
  if (user.uid !== undefined) await chown(home, user.uid, user.gid ?? user.uid);
  const port = await freePort();
  const password = settings['requirepass'];
  const directives = { bind: '127.0.0.1', port, dir: home, save: '', appendonly: 'no', ...settings };
  const args = [
    ...first,
    ...Object.entries(directives).flatMap(([name, value]) => [
      `--${name}`,
      ...(Array.isArray(value) ? value : [String(value)]),
    ]),
  ];
  let child: ChildProcess | undefined;
  let log = '';
  const clients = new Set<Redis>();
  const server: RedisServer = {
    port,
    home,
    pid: () => child?.pid ?? 0,
    url: (name = '', secret = '') =>
      `redis://${secret === '' ? '' : `${encodeURIComponent(name)}:${encodeURIComponent(secret)}@`}127.0.0.1:${port}`,
    client() {
      const client = new Redis({
        port,
        host: '127.0.0.1',
        protocol: 2,
        // What it would ask by itself is still on its way when a test ends early.
        disableClientInfo: true,
        enableReadyCheck: false,
        ...(password !== undefined && { password: String(password) }),
      });
      client.on('error', () => undefined);
      clients.add(client);
      return client;
    },
    launch() {
      child = spawn(program, args, { ...user, stdio: ['ignore', 'pipe', 'ignore'] });
      child.stdout?.on('data', (chunk: Buffer) => (log = `${log}${String(chunk)}`.slice(-4000)));
    },
    async start() {
      server.launch();
      await waitUntil(
        async () => log.includes('Ready to accept connections'),
        () => `Redis does not start: ${log}`,
      );
    },
    async kill(signal) {
      const current = child;
      if (current === undefined || current.exitCode !== null || current.signalCode !== null) return;
      const ended = new Promise((resolve) => current.once('exit', resolve));
      current.kill('SIGCONT');
      current.kill(signal);
      await ended;
      log = '';
    },
    async stop() {
      for (const client of clients) client.disconnect();
      await server.kill('SIGKILL');
      await rm(home, { recursive: true, force: true });
    },
  };
  await server.start();
  return server;
}

/** Takes the right to write its directory from a server, and lets it save: returns when that has failed. */
export async function failSave(server: RedisServer): Promise<void> {
  const client = server.client();
  await chmod(server.home, 0o555);
  await client.bgsave();
  await waitUntil(
    async () => (await client.info('persistence')).includes('rdb_last_bgsave_status:err'),
    () => 'the save does not fail',
  );
}
