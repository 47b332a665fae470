import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { TLSSocket } from 'node:tls';

import { OpsError } from '../../core/errors.ts';
import type { Certificate } from '../../core/ports/http.ts';
import { distrust, timedOut, translate, type Phase } from './errors.ts';
import { pemBlocks } from './pem.ts';
import type { Target } from './target.ts';
import type { Trust } from './trust.ts';

/**
 * The leaf certificate that a server shows, trusted or not, even by a server that then wants one of ours.
 * @throws UNREACHABLE, TIMED_OUT, BAD_ANSWER (it does not speak TLS), USAGE for a URL without TLS
 */
export async function shownCertificate(target: Target, trust: Trust, timeoutMs: number): Promise<Certificate> {
  if (!target.secure) throw new OpsError('USAGE', `${target.label} is not an https:// URL and has no certificate`);
  const { default: tls } = await import('node:tls');
  const watched = Promise.withResolvers<never>();
  let phase: Phase = isIP(target.host) === 0 ? 'dns' : 'connect';
  const deadline = setTimeout(() => watched.reject(timedOut(target, phase, timeoutMs)), timeoutMs);
  let socket: TLSSocket | undefined;
  try {
    const { promise: shaken, resolve } = Promise.withResolvers<Certificate>();
    const open = tls.connect({
      host: target.host,
      port: target.port,
      ALPNProtocols: ['http/1.1'],
      // Without the name a server with many certificates shows its default one, or none.
      ...(isIP(target.host) === 0 ? { servername: target.host } : {}),
      ...trust,
      rejectUnauthorized: false,
    });
    socket = open;
    open.once('lookup', () => (phase = 'connect'));
    open.once('connect', () => (phase = 'tls'));
    open.once('secureConnect', () => {
      const leaf = open.getPeerX509Certificate();
      if (leaf === undefined) watched.reject(new OpsError('BAD_ANSWER', `${target.label} shows no certificate`));
      else resolve(withTrust(leaf, open));
    });
    open.on('error', (thrown) => {
      // A server that insists on a client certificate ends the handshake after it has shown its own.
      const leaf = open.getPeerX509Certificate();
      if (leaf === undefined) watched.reject(thrown);
      else resolve(withTrust(leaf, open));
    });
    return await Promise.race([shaken, watched.promise]);
  } catch (thrown) {
    throw translate(thrown, target, phase);
  } finally {
    clearTimeout(deadline);
    socket?.destroy();
  }
}

/* Node's type says that the reason is an Error; what it sets is the code of the verification error. */
function withTrust(leaf: X509Certificate, socket: TLSSocket): Certificate {
  if (socket.authorized) return described(leaf);
  const reason: unknown = socket.authorizationError;
  const untrusted =
    typeof reason === 'string' ? distrust(reason) : 'the server ended the handshake before it could be verified';
  return { ...described(leaf), untrusted };
}

/**
 * The leaf certificate in a PEM text: the first one that signed none of the others, since some files hold the
 * chain in the wrong order. Whether it is trusted is not judged (`untrusted` is absent).
 * @throws BAD_ANSWER for a text without a certificate, or with one that cannot be parsed
 */
export function parseCertificate(pem: string): Certificate {
  const blocks = pemBlocks(pem);
  if (blocks.length === 0) throw new OpsError('BAD_ANSWER', 'the text holds no PEM certificate');
  let all: X509Certificate[];
  try {
    all = blocks.slice(0, MOST_IN_CHAIN).map((block) => new X509Certificate(block));
  } catch (thrown) {
    throw new OpsError('BAD_ANSWER', 'the PEM text holds a certificate that cannot be parsed', { cause: thrown });
  }
  const leaf = all.find((one) => !all.some((other) => other !== one && other.checkIssued(one))) ?? all[0];
  if (leaf === undefined) throw new OpsError('BUG', 'a chain without certificates');
  return described(leaf);
}

/** Real chains have three or four; comparing each with each is quadratic. */
const MOST_IN_CHAIN = 20;

function described(certificate: X509Certificate): Certificate {
  return {
    subject: oneLine(certificate.subject),
    issuer: oneLine(certificate.issuer),
    names: alternativeNames(certificate.subjectAltName ?? ''),
    notBefore: certificate.validFromDate.toISOString(),
    notAfter: certificate.validToDate.toISOString(),
    fingerprint256: certificate.fingerprint256,
  };
}

/** Node gives a line an attribute, and nothing at all for an empty name. */
const oneLine = (name: string | undefined): string => (name ?? '').split('\n').filter(Boolean).join(', ');

/**
 * DNS names and addresses out of Node's text of the extension: `DNS:a, IP Address:10.0.0.1, URI:"x, DNS:y"`. A value
 * with a comma, a quote or anything odd in it is written as a JSON string (Node's documentation of
 * `x509.subjectAltName`), so a name hidden inside another entry is not taken for one.
 */
export function alternativeNames(text: string): string[] {
  const names: string[] = [];
  for (const [, kind, value = ''] of text.matchAll(/(?:^|, )([A-Za-z0-9 ]+):("(?:[^"\\]|\\.)*"|[^,]*)/gy)) {
    if (kind === 'DNS' || kind === 'IP Address') names.push(unquoted(value));
  }
  return names;
}

function unquoted(value: string): string {
  if (!value.startsWith('"')) return value;
  try {
    return String(JSON.parse(value));
  } catch {
    return value;
  }
}
