/**
 * Which Docker engine is there? Looks, in Docker's own order, at DOCKER_HOST, the current context and
 * the default socket, and last at the demo's private engine. Changes nothing and needs nothing
 * installed, since every `npm run -s opsctl` goes through here.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Fixed paths: there is one private engine on a machine, shared by all checkouts. */
export const PRIVATE_RUN = '/run/opsctl-demo';
export const PRIVATE_DATA = '/var/lib/opsctl-demo';
export const PRIVATE_HOST = `unix://${PRIVATE_RUN}/docker.sock`;
const DEFAULT_HOST = process.platform === 'win32' ? 'npipe:////./pipe/docker_engine' : 'unix:///var/run/docker.sock';
const PING_MS = 3_000;

export interface Engine {
  readonly host: string;
  /** How it was found, in words for the user. */
  readonly source: string;
  /** True for the engine that the demo started and may stop. */
  readonly ours: boolean;
}

/** The places to look at, best first. */
export function candidates(env: NodeJS.ProcessEnv = process.env): Engine[] {
  const named = env['DOCKER_HOST'];
  const foreign = (host: string, source: string): Engine => ({
    host,
    source,
    ours: host === PRIVATE_HOST,
  });
  const context = contextHost(env);
  return [
    ...(named ? [foreign(named, 'DOCKER_HOST')] : []),
    ...(context !== undefined ? [foreign(context.host, `Docker context ${context.name}`)] : []),
    foreign(DEFAULT_HOST, 'default socket'),
    foreign(PRIVATE_HOST, 'private engine of the demo'),
  ];
}

/** The first engine that answers. */
export async function findEngine(): Promise<Engine | undefined> {
  for (const candidate of candidates()) {
    if (await answers(candidate.host)) return candidate;
  }
  return undefined;
}

/** True when an engine answers there within the time. */
export async function answers(host: string, timeoutMs = PING_MS): Promise<boolean> {
  const url = URL.canParse(host) ? new URL(host) : undefined;
  if (url?.protocol === 'unix:') return ping({ socketPath: url.pathname }, timeoutMs);
  if (url?.protocol === 'npipe:') return ping({ socketPath: host.slice('npipe:'.length) }, timeoutMs);
  if (url?.protocol === 'tcp:' && !process.env['DOCKER_TLS_VERIFY']) {
    return ping({ host: url.hostname, port: url.port || '2375' }, timeoutMs);
  }
  return askClient(host, timeoutMs);
}

function ping(where: { socketPath: string } | { host: string; port: string }, timeoutMs: number) {
  return new Promise<boolean>((resolve) => {
    const call = request({ ...where, path: '/_ping', timeout: timeoutMs }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    call.on('timeout', () => call.destroy());
    call.on('error', () => resolve(false));
    call.end();
  });
}

/** ssh and TLS are left to the docker client, which knows the keys. */
function askClient(host: string, timeoutMs: number): Promise<boolean> {
  const args = ['--host', host, 'version', '--format', '{{.Server.Version}}'];
  return new Promise((resolve) => {
    execFile('docker', args, { timeout: Math.max(timeoutMs, 10_000) }, (error) => {
      resolve(error === null);
    });
  });
}

/** The current context's host: its name is in config.json, its data in a folder named by a hash. */
function contextHost(env: NodeJS.ProcessEnv): { name: string; host: string } | undefined {
  const folder = env['DOCKER_CONFIG'] ?? join(homedir(), '.docker');
  const name = env['DOCKER_CONTEXT'] || readJson(join(folder, 'config.json'))?.['currentContext'];
  if (typeof name !== 'string' || name === '' || name === 'default') return undefined;
  const id = createHash('sha256').update(name).digest('hex');
  const meta = readJson(join(folder, 'contexts', 'meta', id, 'meta.json'));
  const endpoints = meta?.['Endpoints'] as { docker?: { Host?: string } } | undefined;
  const host = endpoints?.docker?.Host;
  return host === undefined || host === '' ? undefined : { name, host };
}

function readJson(path: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
