/**
 * What went wrong at the engine, as OpsError: by code and status, never by message text. `details.engine` tells
 * such a failure from one of a server that is reached through the engine.
 */
import { OpsError } from '../../core/errors.ts';
import type { Call } from './client.ts';

/** Characters of the engine's own text that are kept. */
const TEXT_LIMIT = 2000;

const CERTIFICATE = /^(?:ERR_TLS|ERR_SSL|UNABLE_TO|SELF_SIGNED|DEPTH_ZERO|CERT_|EPROTO)/;

/** A failure below HTTP. `expired`: our own deadline ended it; `aborted`: the caller did. */
export function networkFailure(
  host: string,
  call: Call,
  error: NodeJS.ErrnoException,
  why: { expired: boolean; aborted: boolean; ms: number },
): OpsError {
  if (why.expired) {
    return new OpsError(
      'TIMED_OUT',
      `the docker engine at ${host} did not answer within ${why.ms} ms when asked to ${call.asked}`,
      {
        hint: `See whether it answers at all: docker --host ${host} version.`,
        details: { engine: true, host, timeoutMs: why.ms },
        cause: error,
      },
    );
  }
  if (why.aborted)
    return new OpsError('INTERRUPTED', `asking the docker engine to ${call.asked} was interrupted`, { cause: error });
  const code = error.code ?? 'closed';
  const extras = { details: { engine: true, host, reason: code }, cause: error };
  if (code === 'EACCES' || code === 'EPERM') {
    return new OpsError('UNREACHABLE', `this user may not use the docker engine at ${host}`, {
      ...extras,
      hint: 'Add the user to the group that owns the socket and log in again (sudo usermod -aG docker "$USER"), or run it as root.',
    });
  }
  if (CERTIFICATE.test(code)) {
    return new OpsError('UNREACHABLE', `the docker engine at ${host} and opsctl do not agree on TLS (${code})`, {
      ...extras,
      hint: 'Check DOCKER_CERT_PATH and DOCKER_TLS_VERIFY, or the docker context, then run: opsctl config check.',
    });
  }
  if (code === 'SSH_FAILED') {
    return new OpsError(
      'UNREACHABLE',
      `ssh does not reach the docker engine at ${host}: ${error.message.slice(0, TEXT_LIMIT)}`,
      {
        ...extras,
        hint: `See whether it works by hand, without a password: docker --host ${host} version.`,
      },
    );
  }
  return new OpsError('UNREACHABLE', `the docker engine at ${host} ${REASONS[code] ?? `cannot be reached (${code})`}`, {
    ...extras,
    hint: `Start it, or set engine.host or DOCKER_HOST to where it is; see whether it answers: docker --host ${host} version.`,
  });
}

const REASONS: Record<string, string> = {
  ENOENT: 'is not there: no such socket',
  ECONNREFUSED: 'does not run: the connection is refused',
  ECONNRESET: 'closed the connection',
  EPIPE: 'closed the connection',
  ENOTFOUND: 'has a host name that does not resolve',
  EAI_AGAIN: 'has a host name that cannot be looked up now',
  EHOSTUNREACH: 'cannot be reached: no route to the host',
  ENETUNREACH: 'cannot be reached: no route to the network',
  ETIMEDOUT: 'does not answer',
};

/** An answer with a status that the call did not expect. */
export function statusFailure(host: string, call: Call, status: number, body: Buffer): OpsError {
  const text = engineText(body) || `HTTP ${status}`;
  const details = { engine: true, host, status, text };
  if (status === 404 && call.thing !== undefined) {
    return new OpsError('NOT_FOUND', `there is no ${call.thing} on the docker engine at ${host}`, { details });
  }
  if (status < 400) {
    return new OpsError('BAD_ANSWER', `the docker engine at ${host} answered ${status} when asked to ${call.asked}`, {
      details,
      hint: `Something else may listen there; see: docker --host ${host} version.`,
    });
  }
  // From 500 on the engine failed in the middle of it: what was asked may have happened all the same.
  const outcome = status >= 500 ? { outcome: 'unknown' } : {};
  return new OpsError('REJECTED', `the docker engine refused to ${call.asked}: ${text}`, {
    details: { ...details, ...outcome },
  });
}

export const isNotFound = (thrown: unknown): boolean => thrown instanceof OpsError && thrown.code === 'NOT_FOUND';

/** Undefined for what is not there. */
export const ifThere = <T>(looked: Promise<T>): Promise<T | undefined> =>
  looked.catch((thrown: unknown) => {
    if (isNotFound(thrown)) return undefined;
    throw thrown;
  });

/** The engine's own words: `{"message": …}`, or plain text from what stands before it. */
export function engineText(body: Buffer): string {
  const text = body.toString('utf8').trim();
  try {
    const value = JSON.parse(text) as { message?: unknown } | null;
    if (typeof value?.message === 'string') return value.message.trim().slice(0, TEXT_LIMIT);
  } catch {
    // not JSON: the text itself
  }
  return text.slice(0, TEXT_LIMIT);
}

/** An answer that cannot be understood. */
export function badAnswer(host: string, call: Call, why: string, cause?: unknown): OpsError {
  return new OpsError(
    'BAD_ANSWER',
    `the docker engine at ${host} gave an answer that cannot be understood when asked to ${call.asked}: ${why}`,
    {
      details: { engine: true, host },
      cause,
    },
  );
}
