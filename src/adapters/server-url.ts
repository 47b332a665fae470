import path from 'node:path';
import { OpsError } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';
import { withUsualAuthorities, type Address, type TlsChoice } from './dial.ts';
import { LARGEST_PEM, readCapped, whyUnread } from './read-capped.ts';

/** A database's or cache's URL, taken apart. */
export interface ServerUrl {
  address: Address;
  user?: string;
  password?: Secret;
  /** The path without its leading slash: the database's name or number; absent when empty. */
  path?: string;
  scheme: string;
  parameters: URLSearchParams;
}

/**
 * Takes a `scheme://user:password@host:port/path?key=value` URL apart. A host that begins with a slash
 * (percent-encoded, or the parameter `host`) is the directory of a unix socket; `socket` makes its path.
 * @throws CONFIG_INVALID that never repeats the URL, since it may hold a password
 */
export function parseServerUrl(
  subject: string,
  given: string,
  usual: { schemes: readonly string[]; port: number; socket: (directory: string, port: number) => string },
): ServerUrl {
  const invalid = (why: string): OpsError =>
    new OpsError('CONFIG_INVALID', `the url of ${subject} ${why}`, {
      hint: `Write it as ${usual.schemes[0]}://user@host:${usual.port}/name (special characters in a password as %xx), then run: opsctl config check.`,
    });
  // PostgreSQL's own form for sockets has a user and no host, which the URL standard does not know.
  const text = given.replace(/^([a-z]+:\/\/[^/?#]*@)(?=[/?]|$)/, '$1localhost');
  if (!URL.canParse(text)) throw invalid('is not a URL');
  const url = new URL(text);
  const scheme = url.protocol.slice(0, -1);
  if (!usual.schemes.includes(scheme))
    throw invalid(`begins with ${scheme}: instead of ${usual.schemes.join(': or ')}:`);
  const host = (url.searchParams.get('host') ?? decode(url.hostname)).replace(/^\[|\]$/g, '');
  if (host.includes(',')) throw invalid('names several hosts; give each its own entry');
  const port = Number(url.searchParams.get('port') ?? (url.port === '' ? usual.port : url.port));
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw invalid('has a port that is no port');
  const name = decode(url.pathname.replace(/^\//, ''));
  const user = url.searchParams.get('user') ?? decode(url.username);
  const password = url.searchParams.get('password') ?? decode(url.password);
  return {
    address: host.startsWith('/')
      ? { path: usual.socket(host, port) }
      : { host: host === '' ? 'localhost' : host, port },
    ...(user !== '' && { user }),
    ...(password !== '' && { password: new Secret(password) }),
    ...(name !== '' && { path: name }),
    scheme,
    parameters: url.searchParams,
  };
}

/** A stray percent sign is taken for itself. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** True when the bytes never leave this machine. */
export function isLoopback(address: Address): boolean {
  if ('path' in address) return true;
  return address.host === 'localhost' || address.host === '::1' || /^127(\.\d{1,3}){3}$/.test(address.host);
}

/** The `tls` part of a database or cache in the configuration. */
export interface TlsConfig {
  ca?: string | undefined;
  serverName?: string | undefined;
  insecure?: boolean | undefined;
}

/**
 * What the configuration wants of TLS. `usual` is the mode without a `tls` part.
 * @throws CONFIG_INVALID when the authority's file cannot be read
 */
export async function tlsChoice(
  subject: string,
  config: TlsConfig | undefined,
  usual: TlsChoice['mode'],
  where: { name: string; directory: string },
): Promise<TlsChoice> {
  const name = config?.serverName ?? where.name;
  if (config === undefined) return { mode: usual, name };
  const authorities =
    config.ca === undefined
      ? {}
      : { authorities: withUsualAuthorities(await readPem(subject, config.ca, where.directory)) };
  return { mode: config.insecure === true ? 'encrypt' : 'verify-full', name, ...authorities };
}

/** A PEM file. @throws CONFIG_INVALID */
export async function readPem(subject: string, file: string, directory: string): Promise<string> {
  const full = path.resolve(directory, file);
  const wrong = (why: string, cause?: unknown): OpsError =>
    new OpsError('CONFIG_INVALID', `the certificate file ${full} of ${subject} ${why}`, {
      hint: 'Correct tls.ca (or sslrootcert in the URL), then run: opsctl config check.',
      cause,
    });
  const { bytes, whole } = await readCapped(full, LARGEST_PEM).catch((error: unknown) => {
    throw wrong(whyUnread(error), error);
  });
  if (!whole) throw wrong('is larger than 4 MiB');
  return bytes.toString('utf8');
}
