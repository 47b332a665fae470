/** Deploys under load beside what teams do without opsctl: which loses requests, and how long a rollback takes. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { execa } from 'execa';

import { composeRun, ensurePlatform } from '../demo/platform.ts';
import { attempt, run } from '../scripts/run.ts';
import { visit, type TrafficReport } from '../test/support/traffic.ts';
import { median } from './measure.ts';

const root = path.resolve(import.meta.dirname, '..');
const [BEFORE, AFTER] = ['v1.0.0', 'v1.1.0'];
/** Requests of 10 s and conversations of 6 s must not outlive what is measured. */
const SETTLE_MS = 12_000;
const SWAPPED = 'opsctl-bench-nginx';
/** Deploys and as many rollbacks of opsctl; of the others there and back. */
const DEPLOYS = 20;
const OTHERS = 5;

interface Row {
  name: string;
  switches: number;
  report: TrafficReport;
  seconds: number[];
}

type Platform = Awaited<ReturnType<typeof ensurePlatform>>;

/** A table of failures, and one of rollbacks. Each way runs on the platform as it was made, one after the other. */
export async function deploy(): Promise<string[]> {
  const platform = await ensurePlatform();
  const rollbacks: { warm: number[]; cold: number[] } = { warm: [], cold: [] };
  const rows = [await byOpsctl(platform, rollbacks), await byCompose(), await byReload()];
  await ensurePlatform();
  return [failures(rows), rollbackTable(rollbacks)];
}

/** Blue-green deploys and rollbacks, in turn. */
async function byOpsctl({ dockerHost, http }: Platform, rollbacks: { warm: number[]; cold: number[] }): Promise<Row> {
  const opsctl = async (...argv: string[]): Promise<void> => {
    const env = { DOCKER_HOST: dockerHost, OPSCTL_CONFIG: path.join(root, 'demo', 'opsctl.yaml') };
    const program = [path.join(root, 'bin', 'opsctl'), ...argv, '--yes', '--quiet', '--set', 'deploy.watchMs=2000'];
    await execa(process.execPath, program, { env, stdin: 'ignore' });
  };
  await opsctl('lb', 'setup');
  const visitors = everybody(http);
  const seconds: number[] = [];
  const back = async (into: number[]): Promise<void> => {
    const began = Date.now();
    await opsctl('deploy', 'blue-green', '--rollback');
    into.push(Math.max(0, (visitors.report.lastAsked[AFTER] ?? began) - began));
  };
  for (let round = 0; round < DEPLOYS; round += 1) {
    seconds.push(await timed(() => opsctl('deploy', 'blue-green', '--version', AFTER)));
    await back(rollbacks.warm);
  }
  const switches = DEPLOYS * 2;
  await opsctl('deploy', 'blue-green', '--version', AFTER);
  await opsctl('deploy', 'retire', '--force');
  await back(rollbacks.cold);
  return {
    name: 'opsctl deploy blue-green, and its rollback',
    switches: switches + 2,
    report: await visitors.stop(),
    seconds,
  };
}

/** The tag is changed and compose makes the container anew. */
async function byCompose(): Promise<Row> {
  const { http } = await ensurePlatform();
  const visitors = everybody(http);
  const seconds: number[] = [];
  for (let round = 0; round < OTHERS; round += 1) {
    for (const version of [AFTER, BEFORE]) {
      seconds.push(await timed(() => composeRun(['up', '--detach', '--no-deps', 'api'], { API_VERSION: version })));
      await pause(SETTLE_MS);
    }
  }
  return {
    name: '`docker-compose up -d` with another tag',
    switches: OTHERS * 2,
    report: await visitors.stop(),
    seconds,
  };
}

/** Both versions run; the upstream is written anew and nginx reloaded, with its default configuration. */
async function byReload(): Promise<Row> {
  const { dockerHost } = await ensurePlatform();
  const docker = (...argv: string[]): Promise<string> => run(['docker', '--host', dockerHost, ...argv]);
  const label = ['--label', 'opsctl.bench=reload', '--label', 'opsctl.demo=false'];
  const network = ['--network', 'ecommerce-network'];
  const made = [SWAPPED, `${SWAPPED}-api`];
  try {
    const model = JSON.parse(await docker('inspect', 'ecommerce-api-prod')) as [
      { HostConfig: { Binds: string[] }; Config: { Env: string[] } },
    ];
    const binds = model[0].HostConfig.Binds.flatMap((bind) => ['--volume', bind]);
    const env = model[0].Config.Env.flatMap((line) => (/^(?:PATH|APP_VERSION)=/.test(line) ? [] : ['--env', line]));
    await docker(
      'run',
      '--detach',
      '--name',
      `${SWAPPED}-api`,
      ...label,
      ...network,
      ...binds,
      ...env,
      `ecommerce-api:${AFTER}`,
    );
    await docker(
      'create',
      '--name',
      SWAPPED,
      ...label,
      ...network,
      '--publish',
      '127.0.0.1::80',
      '--entrypoint',
      'nginx',
      'ecommerce-nginx:demo',
      '-c',
      '/srv/bench.conf',
      '-g',
      'daemon off;',
    );
    await write(dockerHost, 'bench.conf', CONFIGURATION);
    await write(dockerHost, 'upstream.conf', upstream('api-blue'));
    await docker('start', SWAPPED);
    const [port = ''] = /\d+$/.exec((await docker('port', SWAPPED, '80')).trim()) ?? [];
    await pause(5000);
    const visitors = everybody(`http://127.0.0.1:${port}`);
    const seconds: number[] = [];
    for (let round = 0; round < OTHERS; round += 1) {
      for (const server of [`${SWAPPED}-api`, 'api-blue']) {
        await pause(SETTLE_MS);
        seconds.push(
          await timed(async () => {
            await write(dockerHost, 'upstream.conf', upstream(server));
            await docker('exec', SWAPPED, 'nginx', '-c', '/srv/bench.conf', '-s', 'reload');
          }),
        );
      }
    }
    return {
      name: 'the upstream replaced, `nginx -s reload`',
      switches: OTHERS * 2,
      report: await visitors.stop(),
      seconds,
    };
  } finally {
    for (const name of made) await attempt(['docker', '--host', dockerHost, 'rm', '--force', '--volumes', name]);
  }
}

const upstream = (server: string): string => `upstream api { server ${server}:3000; keepalive 32; }\n`;

const CONFIGURATION = `worker_processes 2; pid /tmp/nginx.pid; error_log stderr warn;
events { worker_connections 1024; }
http {
  access_log off;
  map $http_upgrade $connection_upgrade { default upgrade; "" ""; }
  include /srv/upstream.conf;
  server {
    listen 80;
    location / {
      proxy_pass http://api; proxy_http_version 1.1; proxy_read_timeout 60s;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;
    }
  }
}
`;

async function write(dockerHost: string, name: string, text: string): Promise<void> {
  const folder = await mkdtemp('/tmp/opsctl-bench-');
  await writeFile(path.join(folder, name), text, { mode: 0o644 });
  await run(['docker', '--host', dockerHost, 'cp', path.join(folder, name), `${SWAPPED}:/srv/${name}`]);
  await rm(folder, { recursive: true });
}

const everybody = (base: string): ReturnType<typeof visit> =>
  visit({ base, gets: 12, posts: 6, longs: 2, sockets: 2, thinkMs: 10 });

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}

function failures(rows: readonly Row[]): string {
  const kind = (report: TrafficReport, start: string): string =>
    report.failed.filter((line) => line.startsWith(start)).length.toString();
  const lines = rows.map(({ name, switches, report, seconds }) => {
    const short = report.failed.filter((line) => /^(?:GET \/api\/products|POST)/.test(line)).length;
    return `| ${[name, switches, report.answered, short, kind(report, 'GET /api/slow'), kind(report, 'conversation'), `${median(seconds).toFixed(1)} s`].join(' | ')} |`;
  });
  return `### Switches under load

12 keep-alive clients that GET, 6 that POST, nothing retried; 2 requests of 10 s and 2 WebSocket conversations of 6 s at any time.

| | switches | answers | failed GET and POST | failed 10 s requests | cut conversations | a deploy takes |
| --- | --- | --- | --- | --- | --- | --- |
${lines.join('\n')}
`;
}

function rollbackTable({ warm, cold }: { warm: number[]; cold: number[] }): string {
  const inSeconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;
  const shown = (times: number[]): string => {
    if (times.length === 0) return '-';
    const worst = `worst ${inSeconds(Math.max(...times))} of ${times.length.toString()}`;
    return `${inSeconds(median(times))}${times.length === 1 ? '' : ` (${worst})`}`;
  };
  return `### Rollback

From the start of the command to the last request that the version rolled back answered. Goal: under 2 s when it is warm.

| | |
| --- | --- |
| \`opsctl deploy blue-green --rollback\`, the version before still runs | ${shown(warm)} |
| the same, the version before was stopped | ${shown(cold)} |
`;
}
