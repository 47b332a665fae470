import { OpsError, type ErrorCode } from '../../core/errors.ts';
import type { Target } from './target.ts';

/** What a request was doing when it failed. */
export type Phase = 'dns' | 'connect' | 'tls' | 'answer' | 'body';

const WAITED_FOR: Record<Phase, string> = {
  dns: 'its name to resolve',
  connect: 'the connection',
  tls: 'the TLS handshake',
  answer: 'the answer',
  body: 'the rest of the answer',
};

const UNRESOLVED = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_NODATA', 'EAI_NONAME', 'EAI_FAIL']);

/** Why a certificate is not trusted, by the codes that OpenSSL and Node give (Node's documentation of `node:tls`). */
const DISTRUST: Record<string, string> = {
  CERT_HAS_EXPIRED: 'it has expired',
  CERT_NOT_YET_VALID: 'it is not valid yet',
  CERT_REVOKED: 'it was revoked',
  CERT_UNTRUSTED: 'its authority is not trusted',
  CERT_REJECTED: 'its authority is not trusted',
  CERT_SIGNATURE_FAILURE: 'its signature is wrong',
  CERT_CHAIN_TOO_LONG: 'its chain is too long',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'its authority is self-signed and not trusted here',
  UNABLE_TO_GET_ISSUER_CERT: 'its authority is not known here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its authority is not known here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its authority is not known here, or the server does not send the intermediate one',
  INVALID_CA: 'its authority may not sign certificates',
  INVALID_PURPOSE: 'it was not made for servers',
  PATH_LENGTH_EXCEEDED: 'its chain is longer than its authority allows',
  HOSTNAME_MISMATCH: 'it was made for another name',
  ERR_TLS_CERT_ALTNAME_INVALID: 'it was made for another name',
};

/** In words why a certificate is not trusted; an unknown code is given as it is. */
export function distrust(code: string): string {
  const words = DISTRUST[code];
  return words === undefined ? code : `${words} (${code})`;
}

export function timedOut(target: Target, phase: Phase, timeoutMs: number): OpsError {
  return new OpsError(
    'TIMED_OUT',
    `${target.label} did not answer within ${timeoutMs.toString()} ms: waited for ${WAITED_FOR[phase]}`,
    { details: { phase, timeoutMs } },
  );
}

/** An error of Node's sockets, TLS or HTTP parser in our words. Only its code is looked at, never its text. */
export function translate(thrown: unknown, target: Target, phase: Phase): OpsError {
  if (thrown instanceof OpsError) return thrown;
  const code = codeOf(thrown);
  const at = target.label;
  const made = (kind: ErrorCode, message: string, hint?: string): OpsError =>
    new OpsError(kind, message, { details: { code, phase }, cause: thrown, ...(hint === undefined ? {} : { hint }) });

  if (DISTRUST[code] !== undefined) {
    return new OpsError('BAD_ANSWER', `the certificate of ${target.label} is not accepted: ${distrust(code)}`, {
      details: { code, phase, certificate: true },
      cause: thrown,
      hint: advice(code),
    });
  }
  if (UNRESOLVED.has(code)) return made('UNREACHABLE', `the name ${target.host} does not resolve (${code})`);
  if (code === 'ECONNREFUSED') return made('UNREACHABLE', `${at} refuses the connection: nothing listens there`);
  if (code === 'ETIMEDOUT') return made('TIMED_OUT', `${at} does not answer: waited for ${WAITED_FOR[phase]}`);
  if (code === 'ECONNRESET' || code === 'EPIPE') {
    if (phase === 'body') return made('BAD_ANSWER', `${target.label} broke off in the middle of its answer`);
    return made('UNREACHABLE', `${at} closed the connection while opsctl waited for ${WAITED_FOR[phase]}`);
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')) {
    return made(
      'BAD_ANSWER',
      `the TLS handshake with ${at} failed (${code})`,
      `If it speaks plain HTTP, write http:// in the URL; else look at it: openssl s_client -connect ${target.host}:${target.port.toString()}`,
    );
  }
  if (code === 'HPE_HEADER_OVERFLOW')
    return made('BAD_ANSWER', `${target.label} answered with headers that are too large`);
  if (code.startsWith('HPE_')) return made('BAD_ANSWER', `${at} does not answer in HTTP (${code})`);
  if (code === '') return made('BUG', `unexpected while asking ${target.label}: ${String(thrown)}`);
  return made('UNREACHABLE', `${at} cannot be reached (${code})`);
}

function advice(code: string): string {
  if (code === 'CERT_HAS_EXPIRED') return 'Renew it and reload the server.';
  if (code === 'CERT_NOT_YET_VALID') return 'Compare the clocks of both machines: date -u';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID' || code === 'HOSTNAME_MISMATCH') {
    return 'If another name is right, write it as tls.serverName in the configuration.';
  }
  return 'If it is your own, write the PEM file of its authority as tls.ca in the configuration.';
}

function codeOf(thrown: unknown): string {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  return typeof code === 'string' ? code : '';
}
