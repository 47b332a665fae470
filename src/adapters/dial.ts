import net from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { OpsError } from '../core/errors.ts';
import { atItself } from './where-seen.ts';

/** Where a server listens: a host and port, or the path of a unix socket. */
export type Address = { host: string; port: number } | { path: string };

/** How the bytes to a server are protected. `prefer` takes TLS when the server offers it and verifies nothing. */
export interface TlsChoice {
  mode: 'off' | 'prefer' | 'encrypt' | 'verify-ca' | 'verify-full';
  /** PEM texts of the authorities trusted instead of the usual ones. */
  authorities?: string[];
  /** PEM texts of our own certificate, for servers that want one. */
  certificate?: { cert: string; key: string };
  /** Name expected in the server's certificate. */
  name: string;
}

/** The address as people write it. */
export const showAddress = (address: Address): string => {
  if ('path' in address) return address.path;
  return net.isIPv6(address.host) ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
};

/** What an operator should know about the protection, such as "TLS, certificate not verified". */
export function showTls(mode: TlsChoice['mode']): string {
  if (mode === 'verify-full') return 'TLS';
  if (mode === 'verify-ca') return "TLS, the certificate's name not verified";
  if (mode === 'encrypt') return 'TLS, certificate not verified';
  return mode === 'prefer' ? 'TLS only if the server offers it, certificate not verified' : 'no TLS';
}

/**
 * Waits for `work` at most `ms` milliseconds. When the time is over, `late` gives the error and may
 * end what is still under way; what `work` does afterwards is ignored.
 */
export async function within<T>(ms: number, work: Promise<T>, late: () => OpsError): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), ms);
  });
  try {
    return await Promise.race([work, over]);
  } finally {
    clearTimeout(timer);
    work.catch(() => undefined);
  }
}

/**
 * Opens a connection within `ms`. `subject` names the server in errors ("postgres main"), `service` leads to its container.
 * @throws UNREACHABLE, TIMED_OUT
 */
export async function dial(
  subject: string,
  address: Address,
  ms: number,
  service: string | undefined,
): Promise<net.Socket> {
  const socket = net.connect(address);
  const connected = new Promise<net.Socket>((resolve, reject) => {
    socket.once('connect', () => resolve(socket));
    socket.once('error', (error: NodeJS.ErrnoException) => reject(networkError({ subject, service }, address, error)));
  });
  const late = (): OpsError =>
    new OpsError('TIMED_OUT', `${subject} does not answer at ${showAddress(address)} within ${ms} ms`, {
      hint: `A firewall that drops packets or a paused host looks like this. ${atItself(service)}`,
    });
  try {
    const open = await within(ms, connected, late);
    // An error between two uses must not end the program; whoever uses the socket listens for itself.
    open.on('error', () => undefined);
    return open.setNoDelay(true);
  } catch (error) {
    socket.on('error', () => undefined).destroy();
    throw error;
  }
}

const REASONS: Record<string, string> = {
  ECONNREFUSED: 'refuses connections',
  ENOENT: 'has no socket',
  ENOTFOUND: 'has a host name that does not resolve',
  EAI_AGAIN: 'has a host name that cannot be looked up now',
  EHOSTUNREACH: 'cannot be reached: no route to the host',
  ENETUNREACH: 'cannot be reached: no route to the network',
  ECONNRESET: 'closes the connection',
  EPIPE: 'closes the connection',
  EACCES: 'may not be reached by this user',
  EPERM: 'may not be reached by this user',
};

/** A failure of the network as an OpsError, told by its code. */
function networkError(
  { subject, service }: { subject: string; service: string | undefined },
  address: Address,
  error: NodeJS.ErrnoException,
): OpsError {
  const code = error.code ?? 'closed';
  const details = { address: showAddress(address), reason: code };
  if (code === 'ETIMEDOUT') {
    return new OpsError('TIMED_OUT', `${subject} does not answer at ${showAddress(address)}`, {
      details,
      cause: error,
    });
  }
  const reason = REASONS[code] ?? `cannot be reached (${code})`;
  return new OpsError('UNREACHABLE', `${subject} ${reason} at ${showAddress(address)}`, {
    hint: `See whether it runs. ${atItself(service)}`,
    details,
    cause: error,
  });
}

/**
 * Puts TLS on an open connection.
 * @throws UNREACHABLE when the server's certificate is not the one to trust, TIMED_OUT
 */
export async function secure(subject: string, plain: Duplex, choice: TlsChoice, ms: number): Promise<tls.TLSSocket> {
  const named = net.isIP(choice.name) === 0 ? { servername: choice.name } : {};
  const socket = tls.connect({
    socket: plain,
    host: choice.name,
    ...named,
    rejectUnauthorized: choice.mode.startsWith('verify'),
    ...(choice.authorities && { ca: choice.authorities }),
    ...choice.certificate,
    ...(choice.mode === 'verify-ca' && { checkServerIdentity: () => undefined }),
  });
  const agreed = new Promise<tls.TLSSocket>((resolve, reject) => {
    socket.once('secureConnect', () => resolve(socket));
    socket.once('error', (error: NodeJS.ErrnoException) => reject(tlsError(subject, choice.name, error)));
    socket.once('close', () =>
      reject(tlsError(subject, choice.name, { name: 'Error', message: 'closed', code: 'closed' })),
    );
  });
  try {
    const open = await within(
      ms,
      agreed,
      () =>
        new OpsError('TIMED_OUT', `${subject} does not finish the TLS handshake`, {
          hint: 'Look whether the server speaks TLS on this port, then run: opsctl config check.',
        }),
    );
    open.on('error', () => undefined);
    return open;
  } catch (error) {
    socket.on('error', () => undefined).destroy();
    plain.destroy();
    throw error;
  }
}

function tlsError(subject: string, name: string, error: NodeJS.ErrnoException): OpsError {
  const code = error.code ?? 'closed';
  const details = { reason: code, expectedName: name };
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return new OpsError('UNREACHABLE', `the certificate of ${subject} is not made out to ${name}`, {
      hint: 'Set tls.serverName to the name that the certificate has, then run: opsctl config check.',
      details,
      cause: error,
    });
  }
  const certificate = /CERT|SIGNATURE|ISSUER|CRL/.test(code);
  return new OpsError(
    'UNREACHABLE',
    certificate
      ? `the certificate of ${subject} is not trusted (${code})`
      : `${subject} does not agree on TLS (${code})`,
    {
      hint: certificate
        ? 'Set tls.ca to a PEM file of its authority, then run: opsctl config check.'
        : 'Look whether the server speaks TLS on this port, then run: opsctl config check.',
      details,
      cause: error,
    },
  );
}

/** Drivers set options of a socket; a tunnel's stream has none, and there they do nothing. */
export function likeSocket(stream: Duplex): Duplex {
  for (const option of ['setNoDelay', 'setKeepAlive', 'setTimeout', 'ref', 'unref']) {
    if (!(option in stream)) Object.defineProperty(stream, option, { value: () => stream });
  }
  return stream;
}

/** The authorities to trust when `ca` (a PEM text) is trusted in addition to the usual ones. */
export const withUsualAuthorities = (ca: string): string[] => [...tls.getCACertificates('default'), ca];
