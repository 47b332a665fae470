/** A real nginx for contract tests: Debian's package run on this machine, seen through the interface that containers have. */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';

import { hasProgram, install } from '../../scripts/packages.ts';
import { openDocker } from '../../src/adapters/docker/client.ts';
import { openHttp } from '../../src/adapters/http/open.ts';
import type { ContainerProcesses } from '../../src/adapters/nginx-master.ts';
import { openLoadBalancer } from '../../src/adapters/nginx.ts';
import type { LoadBalancerWriter } from '../../src/core/ports/load-balancer.ts';
import { freePort, waitUntil } from './process.ts';

export interface RunningNginx {
  /** Takes any container name for the one nginx. */
  docker: ContainerProcesses;
  url: string;
  /** Writes the configuration: a good one with that many workers, or one with a mistake or that needs files of opsctl. */
  configure(how: { workers?: number | 'auto'; mistake?: boolean; needs?: boolean }): Promise<void>;
  stop(): Promise<void>;
}

/** Where the files of opsctl are in the container. */
export const DIRECTORY = '/etc/opsctl';

/** The adapter on processes without an engine: for all that needs no file in a container. */
export const processesOnly = (docker: ContainerProcesses): LoadBalancerWriter =>
  openLoadBalancer({
    docker,
    files: openDocker({ host: 'unix:///nonexistent/docker.sock', env: {}, home: '/' }),
    http: openHttp({ directory: '/' }),
  });

/** Installs it where it is missing (the packaged service is not started), and starts one with two workers. */
export async function startNginx(): Promise<RunningNginx> {
  if (!hasProgram('nginx')) await install(['nginx-light']);
  const directory = await mkdtemp(join(tmpdir(), 'opsctl-nginx-'));
  const port = await freePort();
  const file = join(directory, 'nginx.conf');
  const listen = `127.0.0.1:${port.toString()}`;
  const configure: RunningNginx['configure'] = (how) => writeFile(file, configuration(directory, listen, how));
  await configure({});
  const child = spawn('nginx', ['-c', file, '-g', 'daemon off;'], { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => (log = (log + chunk.toString()).slice(-4000)));
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const pid = child.pid ?? 0;
  const docker: ContainerProcesses = {
    container: async () => ({ pid }),
    processes: async () => family(pid),
    exec: async (_id, argv, { timeoutMs }) => {
      const [program = '', ...rest] = argv;
      const { exitCode = 127, stdout, stderr } = await execa(program, rest, { reject: false, timeout: timeoutMs });
      return { exitCode, stdout, stderr, truncated: false };
    },
    signal: async (_id, name) => void process.kill(pid, `SIG${name}`),
  };
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await ended;
    await rm(directory, { recursive: true, force: true });
  };
  const url = `http://127.0.0.1:${port.toString()}`;
  try {
    await waitUntil(
      () =>
        fetch(url).then(
          (answer) => answer.ok,
          () => false,
        ),
      () => `nginx does not start: ${log}`,
    );
  } catch (thrown) {
    await stop();
    throw thrown;
  }
  return { docker, url, configure, stop };
}

/** A process and its children, as an engine lists a container's. */
async function family(parent: number): Promise<{ pid: number; command: string }[]> {
  const found: { pid: number; command: string }[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const [stat, command] = await Promise.all(
      ['stat', 'cmdline'].map((file) => readFile(`/proc/${name}/${file}`, 'utf8').catch(() => '')),
    );
    const ppid = Number(/^.*\) \S (\d+)/s.exec(stat ?? '')?.[1]);
    if (Number(name) === parent || ppid === parent) {
      found.push({ pid: Number(name), command: (command ?? '').replaceAll('\0', ' ').trim() });
    }
  }
  return found;
}

/** In a container, where files of opsctl may be. */
const INCLUDES = {
  http: `resolver 127.0.0.11 valid=1s ipv6=off; include ${DIRECTORY}/http/*.conf;`,
  server: `include ${DIRECTORY}/server/*.conf;`,
  needed: `include ${DIRECTORY}/server/opsctl.conf;`,
};

function configuration(
  directory: string,
  listen: string,
  { workers = 2, mistake = false }: Parameters<RunningNginx['configure']>[0],
  includes = { http: '', server: '' },
): string {
  return `worker_processes ${workers.toString()}; pid ${directory}/pid; error_log ${directory}/error.log;
worker_shutdown_timeout 5s;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path ${directory}/body; proxy_temp_path ${directory}/proxy; fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi; scgi_temp_path ${directory}/scgi;
  ${includes.http}
  server { listen ${listen}; ${includes.server} location / { return 200 ok; } ${mistake ? 'no_such_directive;' : ''} }
}
`;
}

const IMAGE = 'ecommerce-nginx:demo';
const PORT = 8099;

/** A container of our own from the demo's nginx image, published on this machine; undefined when the engine or the image is not there. */
export async function startNginxContainer(engine: {
  host: string;
  runId: string;
}): Promise<(Omit<RunningNginx, 'docker'> & { id: string; name: string }) | undefined> {
  const docker = (...argv: string[]): Promise<{ failed: boolean; stdout: string }> =>
    execa('docker', ['--host', engine.host, ...argv], { reject: false });
  if ((await docker('image', 'inspect', IMAGE)).failed) return undefined;
  const name = `opsctl-test-${engine.runId}-nginx`;
  const program = ['nginx', '-c', '/srv/test.conf', '-g', 'daemon off;'];
  const options = [
    '--name',
    name,
    '--label',
    `opsctl.test=${engine.runId}`,
    '--publish',
    `127.0.0.1::${PORT.toString()}`,
  ];
  const made = await execa('docker', ['--host', engine.host, 'create', ...options, IMAGE, ...program]);
  const id = made.stdout.trim();
  const folder = await mkdtemp(join(tmpdir(), 'opsctl-nginx-'));
  const configure: RunningNginx['configure'] = async (how) => {
    const includes = { http: INCLUDES.http, server: how.needs === true ? INCLUDES.needed : INCLUDES.server };
    await writeFile(join(folder, 'test.conf'), configuration('/tmp', PORT.toString(), how, includes), { mode: 0o644 });
    await execa('docker', ['--host', engine.host, 'cp', join(folder, 'test.conf'), `${id}:/srv/test.conf`]);
  };
  const stop = async (): Promise<void> => {
    await docker('rm', '-f', '-v', id);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await configure({});
    await execa('docker', ['--host', engine.host, 'start', id]);
    const up = async (): Promise<boolean> => (await docker('top', id)).stdout.includes('nginx: worker process');
    await waitUntil(up, () => 'nginx does not start in its container');
    const { stdout } = await docker('port', id, `${PORT.toString()}/tcp`);
    return { id, name, url: `http://${stdout.trim().split('\n')[0] ?? ''}`, configure, stop };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}
