/**
 * One HTTP request on a connection of its own, its phases timed. Node's own client is used and not axios: only
 * the socket tells when its name was resolved, when it was connected and when TLS stood, and axios hands
 * the socket out too late and its deadline does not cover name resolution and a dripping body. It is also what loads
 * soonest (measured, Node 24, over bare node: node:http and node:https 30 ms, axios 102 ms, bundled 56 ms).
 *
 * Connections are direct: proxy variables are not obeyed, because what is asked is the health of one's own
 * platform, and a proxy's answer would be taken for it.
 */
import type { ClientRequest, IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

import { OpsError } from '../../core/errors.ts';
import type { Timings } from '../../core/ports/http.ts';
import { readBody, type Body } from './body.ts';
import { timedOut, translate, type Phase } from './errors.ts';
import type { Target } from './target.ts';
import type { Trust } from './trust.ts';

/** Bytes of header lines accepted; twice Node's default, still small enough to hold for any number of checks. */
const HEADER_LIMIT = 32 * 1024;

export interface Request {
  method: 'GET' | 'HEAD' | 'POST';
  headers?: Record<string, string>;
  /** Sent with POST. */
  form?: URLSearchParams;
  /** For all of it: name, connection, TLS, answer and the last byte of the body, in ms. */
  timeoutMs: number;
  bodyLimit: number;
  /** Needed for https. */
  trust?: Trust | undefined;
}

export interface RawAnswer {
  status: number;
  headers: IncomingMessage['headers'];
  body: Body;
  remoteAddress: string;
  httpVersion: string;
  timings: Timings;
}

/** @throws UNREACHABLE, TIMED_OUT, BAD_ANSWER */
export async function send(target: Target, request: Request): Promise<RawAnswer> {
  // TLS alone is most of what loading this costs, so plain HTTP goes without it.
  const { default: client } = target.secure ? await import('node:https') : await import('node:http');
  const clock = startClock();
  const watched = Promise.withResolvers<never>();
  watched.promise.catch(() => undefined);
  const deadline = setTimeout(() => {
    watched.reject(timedOut(target, clock.phase(target), request.timeoutMs));
  }, request.timeoutMs);
  let open: ClientRequest | undefined;
  try {
    open = client.request(target.url, {
      method: request.method,
      headers: headersOf(target, request),
      // No agent: no connection is shared or kept, and none goes through a proxy.
      agent: false,
      maxHeaderSize: HEADER_LIMIT,
      ...(target.secure ? request.trust : {}),
    });
    const answered = Promise.withResolvers<IncomingMessage>();
    answered.promise.catch(() => undefined);
    open.on('error', watched.reject);
    open.on('response', answered.resolve);
    open.on('upgrade', (_answer, socket) => {
      // Left alone, the socket would stay open until the deadline.
      socket.destroy();
      watched.reject(
        new OpsError('BAD_ANSWER', `${target.label} switched to another protocol, which nobody asked for`),
      );
    });
    open.on('socket', (socket) => {
      socket.once('lookup', () => clock.mark('dns'));
      socket.once('connect', () => clock.mark('connect'));
      socket.once('secureConnect', () => clock.mark('tls'));
      socket.once('data', () => clock.mark('firstByte'));
    });
    open.end(request.form?.toString());
    const answer = await Promise.race([answered.promise, watched.promise]);
    const remoteAddress = answer.socket.remoteAddress ?? '';
    clock.mark('headers');
    const body = await Promise.race([readBody(answer, request.bodyLimit, target.label), watched.promise]);
    clock.mark('end');
    return {
      status: answer.statusCode ?? 0,
      headers: answer.headers,
      body,
      remoteAddress,
      httpVersion: answer.httpVersion,
      timings: clock.timings(),
    };
  } catch (thrown) {
    throw translate(thrown, target, clock.phase(target));
  } finally {
    clearTimeout(deadline);
    open?.destroy();
  }
}

function headersOf(target: Target, request: Request): Record<string, string> {
  return {
    'user-agent': 'opsctl',
    accept: '*/*',
    'accept-encoding': 'identity',
    ...(target.authorization === undefined ? {} : { authorization: target.authorization.reveal() }),
    ...(request.form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
    ...request.headers,
  };
}

type Mark = 'dns' | 'connect' | 'tls' | 'firstByte' | 'headers' | 'end';

/** Keeps when each phase ended, and so knows which one runs now. */
interface Clock {
  mark(mark: Mark): void;
  phase(target: Target): Phase;
  timings(): Timings;
}

function startClock(): Clock {
  const start = performance.now();
  const at: Partial<Record<Mark, number>> = {};
  return {
    mark: (mark) => {
      at[mark] ??= performance.now();
    },
    phase: (target) => {
      if (at.headers !== undefined) return 'body';
      if (at.tls !== undefined || (at.connect !== undefined && !target.secure)) return 'answer';
      if (at.connect !== undefined) return 'tls';
      return at.dns === undefined && isIP(target.host) === 0 ? 'dns' : 'connect';
    },
    timings: () => {
      const { dns, connect = start, tls, firstByte = connect, end = firstByte } = at;
      return {
        ...(dns === undefined ? {} : { dns: dns - start }),
        connect: connect - (dns ?? start),
        ...(tls === undefined ? {} : { tls: tls - connect }),
        firstByte: firstByte - (tls ?? connect),
        total: end - start,
      };
    },
  };
}
