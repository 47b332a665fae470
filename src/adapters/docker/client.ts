/** The engine's API as the adapters use it: every call with a deadline, a bound and an error of ours. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type * as z from 'zod';

import { OpsError } from '../../core/errors.ts';
import { startDeadline } from './deadline.ts';
import { badAnswer, networkFailure, statusFailure } from './failures.ts';
import { findEndpoint, type Endpoint, type EngineSource } from './host.ts';
import { openTransport, type Incoming, type Outgoing, type Transport } from './transport.ts';

/** One call of the API. */
export interface Call {
  method?: Outgoing['method'];
  /** Without the version; names in it escaped with `named`. */
  path: string;
  /** Undefined values are left out; objects are sent as JSON. */
  query?: Record<string, string | number | boolean | object | undefined>;
  json?: unknown;
  bytes?: Buffer;
  contentType?: string;
  headers?: Record<string, string>;
  /** What the engine is asked to do, for errors: "list the containers". */
  asked: string;
  /** What a 404 is about: "container api"; without it a 404 is a refusal like any other. */
  thing?: string;
  /** Until the answer is complete, for `stream` and `hijack` until it begins. Default 5 s. */
  timeoutMs?: number;
  /** Bytes of body accepted. Default 32 MiB. */
  limit?: number;
  /** Looks at the head of an answer before its body is read, and may refuse it: what it throws ends the call. */
  head?: (headers: IncomingHttpHeaders) => void;
  /** Statuses from 300 on that are an answer and no failure. */
  accept?: readonly number[];
  signal?: AbortSignal | undefined;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** A docker engine. Nothing is looked up, loaded or connected before the first call. */
export interface DockerClient {
  /** For people and errors: `unix:///var/run/docker.sock`. @throws CONFIG_INVALID */
  readonly host: string;
  readonly endpoint: Endpoint;
  /** The API version in use, such as 1.41: the newest that both sides know. */
  apiVersion(): Promise<string>;
  /** @throws UNREACHABLE, TIMED_OUT, NOT_FOUND, REJECTED, BAD_ANSWER */
  request(call: Call): Promise<Answer>;
  /** A JSON answer of the expected shape. */
  json<T>(call: Call, schema: z.ZodType<T>): Promise<T>;
  /** An answer whose body the caller reads, and destroys when it has enough. */
  stream(call: Call): Promise<IncomingMessage>;
  /** A raw connection (exec, attach). */
  hijack(call: Call): Promise<Duplex>;
  close(): void;
}

const DEFAULT_TIMEOUT_MS = 5000;
const DEFAULT_LIMIT = 32 * 1024 * 1024;
/** Bytes read of an error's body. */
const ERROR_LIMIT = 64 * 1024;

/** API versions known here: engine 20.10 … 28. Engines from 29 on still accept 1.44 and later. */
const OLDEST_API = 41;
const NEWEST_API = 51;

/** A path segment made of a name or id. @throws NOT_FOUND for what no engine would ever call a thing */
export function named(kind: string, name: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9_.:-]*$/.test(name))
    throw new OpsError('NOT_FOUND', `there is no ${kind} called ${JSON.stringify(name)}`);
  return encodeURIComponent(name);
}

/** Opens an engine, lazily. */
export function openDocker(source: EngineSource): DockerClient {
  let endpoint: Endpoint | undefined;
  let transport: Promise<Transport> | undefined;
  let version: Promise<string> | undefined;
  const where = (): Endpoint => (endpoint ??= findEndpoint(source));

  /** One exchange up to the head of its answer. The deadline lives on for the body, ended by `clear`. */
  const begin = async (
    call: Call,
    prefix: string,
    hijack: boolean,
  ): Promise<Incoming & { clear: () => void; end: () => void; failure: (error: unknown) => OpsError }> => {
    const host = where().url;
    const ms = call.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const deadline = startDeadline(ms, call.signal);
    const failure = (error: unknown): OpsError =>
      error instanceof OpsError
        ? error
        : networkFailure(host, call, error as NodeJS.ErrnoException, {
            expired: deadline.expired(),
            aborted: call.signal?.aborted === true,
            ms,
          });
    try {
      const wire = await (transport ??= openTransport(where(), source.env));
      const outgoing = outgoingOf(call, prefix, hijack);
      const incoming = await wire.send(outgoing, deadline.signal).catch((error: unknown) => {
        // A kept connection that the engine closed meanwhile (a restart): once more on a new one.
        if (!isStale(error) || outgoing.method === 'POST' || deadline.signal.aborted) throw error;
        return wire.send(outgoing, deadline.signal);
      });
      const end = (): void => void ('response' in incoming ? incoming.response : incoming.socket).destroy();
      deadline.signal.addEventListener('abort', end, { once: true });
      return Object.assign(incoming, { clear: deadline.clear, end, failure });
    } catch (error) {
      deadline.clear();
      throw failure(error);
    }
  };

  const complete = async (call: Call, prefix: string): Promise<Answer> => {
    const incoming = await begin(call, prefix, false);
    try {
      if (!('response' in incoming)) throw badAnswer(where().url, call, 'it switched protocols');
      const { response } = incoming;
      const status = response.statusCode ?? 0;
      const good = isGood(call, status);
      if (good) call.head?.(response.headers);
      const { body, whole } = await collect(response, good ? (call.limit ?? DEFAULT_LIMIT) : ERROR_LIMIT);
      if (!good) throw statusFailure(where().url, call, status, body);
      if (!whole) throw badAnswer(where().url, call, `it is longer than ${body.length} bytes`);
      return { status, headers: response.headers, body };
    } catch (error) {
      incoming.end();
      throw incoming.failure(error);
    } finally {
      incoming.clear();
    }
  };

  const negotiate = async (timeoutMs: number): Promise<string> => {
    const call: Call = { path: '/_ping', asked: 'say its version', limit: 1024, timeoutMs };
    const { headers } = await complete(call, '');
    const [, minor] = /^1\.(\d+)$/.exec(String(headers['api-version'])) ?? [];
    if (minor === undefined) throw badAnswer(where().url, call, 'it names no API version');
    if (Number(minor) >= OLDEST_API) return `1.${Math.min(Number(minor), NEWEST_API)}`;
    throw new OpsError(
      'REJECTED',
      `the docker engine at ${where().url} is too old: it speaks API 1.${minor}, opsctl needs 1.${OLDEST_API}`,
      {
        hint: 'Upgrade it to Docker 20.10 or newer; see its version: docker version.',
      },
    );
  };
  const apiVersion = (timeoutMs = DEFAULT_TIMEOUT_MS): Promise<string> =>
    (version ??= negotiate(timeoutMs).catch((error: unknown) => {
      version = undefined;
      throw error;
    }));
  /** A call that is in a hurry does not wait longer for the version than for its answer. */
  const prefix = async ({ timeoutMs = DEFAULT_TIMEOUT_MS }: Call): Promise<string> =>
    `/v${await apiVersion(Math.min(timeoutMs, DEFAULT_TIMEOUT_MS))}`;

  const head = async (call: Call, hijack: boolean): Promise<Incoming> => {
    const incoming = await begin(call, await prefix(call), hijack);
    try {
      if (!('response' in incoming)) return incoming;
      const status = incoming.response.statusCode ?? 0;
      if (!isGood(call, status))
        throw statusFailure(where().url, call, status, (await collect(incoming.response, ERROR_LIMIT)).body);
      return incoming;
    } catch (error) {
      throw incoming.failure(error);
    } finally {
      incoming.clear();
    }
  };

  const request = async (call: Call): Promise<Answer> => complete(call, await prefix(call));
  return {
    get host() {
      return where().url;
    },
    get endpoint() {
      return where();
    },
    apiVersion: () => apiVersion(),
    request,
    json: async (call, schema) => {
      const { body } = await request(call);
      try {
        return schema.parse(JSON.parse(body.toString('utf8')));
      } catch (error) {
        throw badAnswer(where().url, call, 'it is not what the API describes', error);
      }
    },
    stream: async (call) => {
      const incoming = await head(call, false);
      if ('response' in incoming) return incoming.response;
      incoming.socket.destroy();
      throw badAnswer(where().url, call, 'it switched protocols');
    },
    hijack: async (call) => {
      const incoming = await head(call, true);
      if ('response' in incoming) {
        incoming.response.destroy();
        throw badAnswer(where().url, call, 'it does not hand over the connection; a proxy in between may not allow it');
      }
      if (incoming.head.length > 0) incoming.socket.unshift(incoming.head);
      return incoming.socket;
    },
    close: () => {
      const open = transport;
      transport = undefined;
      void open?.then(
        (wire) => wire.close(),
        () => undefined,
      );
    },
  };
}

function outgoingOf(call: Call, prefix: string, hijack: boolean): Outgoing {
  const query: Record<string, string> = {};
  for (const [key, value] of Object.entries(call.query ?? {})) {
    if (value !== undefined) query[key] = typeof value === 'object' ? JSON.stringify(value) : String(value);
  }
  return {
    method: call.method ?? 'GET',
    path: `${prefix}${call.path}`,
    query,
    ...(call.json !== undefined && { json: call.json }),
    ...(call.bytes !== undefined && { bytes: call.bytes }),
    headers: { ...call.headers, ...(call.contentType !== undefined && { 'Content-Type': call.contentType }) },
    ...(hijack && { hijack }),
  };
}

const isGood = (call: Call, status: number): boolean =>
  (status >= 200 && status < 300) || (call.accept?.includes(status) ?? false);

const isStale = (error: unknown): boolean =>
  ['ECONNRESET', 'EPIPE'].includes((error as NodeJS.ErrnoException).code ?? '');

/** The body up to a number of bytes; the rest is not read. */
async function collect(response: IncomingMessage, limit: number): Promise<{ body: Buffer; whole: boolean }> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) {
      response.destroy();
      return { body: Buffer.concat(chunks).subarray(0, limit), whole: false };
    }
    chunks.push(chunk);
  }
  return { body: Buffer.concat(chunks), whole: true };
}
