/** `health --detailed --json` beside the runbook's own commands, run one by one. */
import net from 'node:net';
import path from 'node:path';

import { ensurePlatform } from '../demo/platform.ts';
import { attempt, run } from '../scripts/run.ts';
import { compare, type Contestant, table, type Timing } from './measure.ts';

const root = path.resolve(import.meta.dirname, '..');
const LABEL = 'opsctl.bench=idle';
const IDLE = 200;

const opsctl = (name: string, dockerHost: string): Contestant => ({
  name,
  commands: [[process.execPath, path.join(root, 'bin', 'opsctl'), 'health', '--detailed', '--json']],
  env: { DOCKER_HOST: dockerHost, OPSCTL_CONFIG: path.join(root, 'demo', 'opsctl.yaml') },
});

/** What the runbook types to see what `health --detailed` shows. */
function runbook({ dockerHost, https, prometheus, ca }: Awaited<ReturnType<typeof ensurePlatform>>): Contestant {
  const curl = (url: string): string[] => ['curl', '-fsS', '--cacert', ca, '-o', '/dev/null', url];
  const psql = (sql: string): string[] => [
    'docker',
    'exec',
    'ecommerce-postgres-prod',
    'psql',
    '-U',
    'postgres',
    '-c',
    sql,
  ];
  const redis = (...words: string[]): string[] => ['docker', 'exec', 'ecommerce-redis-prod', 'redis-cli', ...words];
  return {
    name: "the runbook's commands",
    env: { DOCKER_HOST: dockerHost },
    commands: [
      curl(`${https}/api/health`),
      curl(`${https}/health`),
      curl(`${https}/health`),
      ['docker', 'ps', '-a'],
      ['docker', 'stats', '--no-stream'],
      ['docker', 'exec', 'ecommerce-postgres-prod', 'pg_isready', '-U', 'postgres'],
      psql('SELECT count(*) FROM pg_stat_activity;'),
      psql('SELECT * FROM pg_stat_activity;'),
      psql('SELECT * FROM pg_locks WHERE NOT granted;'),
      redis('ping'),
      redis('info', 'memory'),
      redis('info', 'stats'),
      curl(`${prometheus}/api/v1/query?query=rate(http_requests_total%7Bstatus%3D~%225..%22%7D%5B5m%5D)`),
      ['docker', 'exec', 'ecommerce-nginx-prod', 'openssl', 'x509', '-in', '/run/tls/server.pem', '-noout', '-enddate'],
    ],
  };
}

/** Tables for local engine and API alone, and for an engine with many idle containers. */
export async function health(rounds: number): Promise<string[]> {
  const platform = await ensurePlatform();
  const relay = await relayTo(platform.dockerHost);
  try {
    const local = opsctl('opsctl, local engine', platform.dockerHost);
    const remote = opsctl('opsctl, through the API alone', `tcp://127.0.0.1:${relay.port.toString()}`);
    const timings = await compare([local, remote, runbook(platform)], rounds);
    return [
      table(
        '`health --detailed --json` beside the runbook',
        `${timesFaster(timings)} Goals: at least 8 and 2.5 times. Through the API alone, statistics take the engine a second (20.10).`,
        timings,
      ),
      await manyContainers(local, platform.dockerHost, rounds),
    ];
  } finally {
    relay.close();
  }
}

function timesFaster([local, remote, book]: Timing[]): string {
  const times = (one: Timing | undefined): string => ((book?.ms ?? Number.NaN) / (one?.ms ?? Number.NaN)).toFixed(1);
  return `On a local engine ${times(local)} times faster than the runbook's commands, through the API alone ${times(remote)} times.`;
}

async function manyContainers(local: Contestant, dockerHost: string, rounds: number): Promise<string> {
  const docker = ['docker', '--host', dockerHost];
  const remove = async (): Promise<void> => {
    const ids = (await run([...docker, 'ps', '-aq', '--filter', `label=${LABEL}`])).split('\n').filter(Boolean);
    if (ids.length > 0) await attempt([...docker, 'rm', '--force', ...ids]);
  };
  await remove();
  const [before] = await compare([local], rounds);
  try {
    for (let count = 0; count < IDLE; count += 1) {
      await run([
        ...docker,
        'run',
        '--detach',
        '--network',
        'none',
        '--no-healthcheck',
        '--label',
        LABEL,
        '--entrypoint',
        'sleep',
        'ecommerce-redis:8',
        '86400',
      ]);
    }
    const [after] = await compare([local], rounds);
    const rows = [
      { ...(before as Timing), name: 'the platform alone', ratio: 1 },
      {
        ...(after as Timing),
        name: `with ${IDLE.toString()} idle containers more`,
        ratio: (after?.ms ?? Number.NaN) / (before?.ms ?? Number.NaN),
      },
    ];
    return table('`health --detailed --json` on a crowded engine', 'Goal: at most 2 times.', rows);
  } finally {
    await remove();
  }
}

/** A TCP port in front of the engine's socket: what is behind it cannot be told to be this machine. */
async function relayTo(dockerHost: string): Promise<{ port: number; close: () => void }> {
  const socketPath = dockerHost.replace(/^unix:\/\//, '');
  const server = net.createServer((client) => {
    const upstream = net.connect(socketPath);
    const end = (): void => void [client.destroy(), upstream.destroy()];
    client.pipe(upstream).pipe(client);
    client.on('error', end);
    upstream.on('error', end);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return { port: typeof address === 'object' && address !== null ? address.port : 0, close: () => void server.close() };
}
