/** Which engine is meant, and how it is reached. Follows the docker client: what works there works here. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { platform } from 'node:os';
import { join } from 'node:path';

import { OpsError } from '../../core/errors.ts';

/** TLS material as PEM texts. Without `verify`, any server is accepted (DOCKER_TLS, or a context that says so). */
export interface EngineTls {
  verify: boolean;
  ca?: string;
  cert?: string;
  key?: string;
}

/** How the engine is reached. */
export type Endpoint = { url: string } & (
  | { kind: 'socket'; path: string }
  | { kind: 'tcp'; host: string; port: number; tls?: EngineTls }
  | { kind: 'ssh'; host: string; port?: number; user?: string }
);

/** Where to look; `env` and `home` come in because adapters do not read the process. */
export interface EngineSource {
  /** Named by the configuration; wins over everything else. */
  host?: string | undefined;
  env: Readonly<Record<string, string | undefined>>;
  home: string;
}

const DEFAULT_PORT = { plain: 2375, tls: 2376 };

/**
 * The engine that is meant: named by the configuration, DOCKER_HOST, the docker context, the default socket.
 * @throws CONFIG_INVALID for a host or a context that cannot be understood
 */
export function findEndpoint({ host, env, home }: EngineSource): Endpoint {
  const named = host ?? (env['DOCKER_HOST'] || undefined);
  if (named !== undefined) return parseEndpoint(named, tlsFromEnvironment(env, home));
  const folder = env['DOCKER_CONFIG'] || join(home, '.docker');
  const context = env['DOCKER_CONTEXT'] || currentContext(folder);
  if (context !== undefined && context !== 'default') return contextEndpoint(folder, context);
  return parseEndpoint(
    platform() === 'win32' ? 'npipe:////./pipe/docker_engine' : 'unix:///var/run/docker.sock',
    undefined,
  );
}

/** @throws CONFIG_INVALID */
export function parseEndpoint(text: string, tls: EngineTls | undefined): Endpoint {
  const url = text.includes('://') ? text : `tcp://${text}`;
  if (url.startsWith('unix://')) {
    return { url, kind: 'socket', path: url.slice('unix://'.length) || '/var/run/docker.sock' };
  }
  if (url.startsWith('npipe://')) return { url, kind: 'socket', path: url.slice('npipe://'.length) };
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const host = parsed?.hostname.replace(/^\[|\]$/g, '') ?? '';
  // A host that begins with a dash would be an option to the ssh program.
  if (parsed === undefined || host === '' || host.startsWith('-')) throw notUnderstood(text);
  const port = parsed.port === '' ? undefined : Number(parsed.port);
  if (parsed.protocol === 'ssh:') {
    const user = decodeURIComponent(parsed.username);
    return {
      url: `ssh://${user === '' ? '' : `${user}@`}${parsed.host}`,
      kind: 'ssh',
      host,
      ...(port !== undefined && { port }),
      ...(user !== '' && { user }),
    };
  }
  if (!['tcp:', 'http:', 'https:'].includes(parsed.protocol)) throw notUnderstood(text);
  const secured = tls ?? (parsed.protocol === 'https:' ? { verify: true } : undefined);
  return {
    url: `tcp://${parsed.host}`,
    kind: 'tcp',
    host,
    port: port ?? (secured ? DEFAULT_PORT.tls : DEFAULT_PORT.plain),
    ...(secured && { tls: secured }),
  };
}

function notUnderstood(text: string): OpsError {
  return new OpsError('CONFIG_INVALID', `the docker host ${text} is not understood`, {
    hint: 'Set engine.host or DOCKER_HOST to unix:///path, tcp://host:port, ssh://user@host or npipe:////./pipe/name, then run: opsctl config check.',
  });
}

/** As the docker client: DOCKER_TLS_VERIFY verifies the server, DOCKER_TLS alone does not. */
function tlsFromEnvironment(env: EngineSource['env'], home: string): EngineTls | undefined {
  const verify = Boolean(env['DOCKER_TLS_VERIFY']);
  if (!verify && !env['DOCKER_TLS']) return undefined;
  const folder = env['DOCKER_CERT_PATH'] || env['DOCKER_CONFIG'] || join(home, '.docker');
  const material = readMaterial(folder);
  if (verify && material.ca === undefined) {
    throw new OpsError('CONFIG_INVALID', `DOCKER_TLS_VERIFY is set but ${join(folder, 'ca.pem')} cannot be read`, {
      hint: 'Set DOCKER_CERT_PATH to the folder with ca.pem, cert.pem and key.pem, then run: opsctl config check.',
    });
  }
  return { verify, ...material };
}

function readMaterial(folder: string): Omit<EngineTls, 'verify'> {
  const [ca, cert, key] = ['ca.pem', 'cert.pem', 'key.pem'].map((name) => readText(join(folder, name)));
  return { ...(ca !== undefined && { ca }), ...(cert !== undefined && { cert }), ...(key !== undefined && { key }) };
}

function currentContext(folder: string): string | undefined {
  const name = readObject(join(folder, 'config.json'))?.['currentContext'];
  return typeof name === 'string' && name !== '' ? name : undefined;
}

/** The client keeps a context in a folder named by the SHA-256 of its name. */
function contextEndpoint(folder: string, name: string): Endpoint {
  const id = createHash('sha256').update(name).digest('hex');
  const meta = readObject(join(folder, 'contexts', 'meta', id, 'meta.json'));
  const docker = (meta?.['Endpoints'] as Record<string, unknown> | undefined)?.['docker'] as
    { Host?: unknown; SkipTLSVerify?: unknown } | undefined;
  if (typeof docker?.Host !== 'string' || docker.Host === '') {
    throw new OpsError('CONFIG_INVALID', `the docker context ${name} does not exist or names no host`, {
      hint: 'See which contexts there are: docker context ls.',
    });
  }
  const material = readMaterial(join(folder, 'contexts', 'tls', id, 'docker'));
  const secured = Object.keys(material).length > 0 || docker.SkipTLSVerify === true;
  return parseEndpoint(docker.Host, secured ? { verify: docker.SkipTLSVerify !== true, ...material } : undefined);
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function readObject(path: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(readText(path) ?? 'null');
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
