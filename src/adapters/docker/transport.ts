/** One HTTP exchange with the engine: dockerode's modem makes the request, this file sends it. */
import http, { type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import type { Socket } from 'node:net';

import type { Endpoint } from './host.ts';
import { sshAgent } from './ssh.ts';

/** A request to the engine's API. */
export interface Outgoing {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  /** With the version in front, without the query. Names in it are already escaped. */
  path: string;
  query: Record<string, string>;
  headers?: Record<string, string>;
  /** Sent as JSON. */
  json?: unknown;
  /** Sent as it is, with the content type of `headers`. */
  bytes?: Buffer;
  /** Asks for a raw connection after the answer. */
  hijack?: boolean;
}

/** What came back: an answer whose body is still to be read, or a raw connection. */
export type Incoming = { response: IncomingMessage } | { socket: Socket; head: Buffer };

export interface Transport {
  /** Rejects with what Node says; ended by the signal. */
  send(outgoing: Outgoing, signal: AbortSignal): Promise<Incoming>;
  close(): void;
}

/** The part of docker-modem that is used; dockerode's own types leave it `any`. */
interface Modem {
  dial(options: Record<string, unknown>, callback: (error: Error | null, result: Incoming) => void): void;
  buildRequest(
    options: RequestOptions,
    context: { signal?: AbortSignal; hijack?: boolean },
    data: string | Buffer | undefined,
    callback: (error: Error | null, result?: Incoming) => void,
  ): void;
}

/** Loads the driver and prepares connections; connects to nothing yet. */
export async function openTransport(
  endpoint: Endpoint,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Transport> {
  const { default: Docker } = await import('dockerode');
  const secured = endpoint.kind === 'tcp' ? endpoint.tls : undefined;
  // Without TLS the module is not loaded: it costs more than all the rest of a local read.
  const { default: https } = secured === undefined ? {} : await import('node:https');
  const agent =
    endpoint.kind === 'ssh'
      ? sshAgent(endpoint, env)
      : secured !== undefined && https !== undefined
        ? new https.Agent({ keepAlive: true, rejectUnauthorized: secured.verify, ...pem(secured) })
        : // Connecting to a local socket takes 0.1 ms; a connection that is not kept cannot have gone stale.
          new http.Agent({ keepAlive: endpoint.kind === 'tcp' });
  // Every key that docker-modem would else fill from the process' environment is given.
  const { modem } = new Docker({
    socketPath: endpoint.kind === 'socket' ? endpoint.path : undefined,
    host: endpoint.kind === 'socket' ? undefined : endpoint.host,
    port: endpoint.kind === 'tcp' ? endpoint.port : undefined,
    protocol: https === undefined ? 'http' : 'https',
    pathPrefix: '/',
    username: undefined,
    ca: undefined,
    cert: undefined,
    key: undefined,
    timeout: undefined,
    agent,
  } as never) as unknown as { modem: Modem };
  /* docker-modem's own sending is replaced: it formats every request for its debug log even when that is off,
     follows redirects with requests whose errors nobody hears (they end the program), and reads error bodies
     without a bound. */
  modem.buildRequest = (options, context, data, callback) => {
    try {
      /* Without TLS no name of the server is needed; Node would look whether the host is an IPv6 address, and compile an
         expression of 13 ms for that. */
      const plain = https === undefined ? { servername: '' } : {};
      exchange((https ?? http).request({ ...options, ...plain, agent, signal: context.signal }), data, callback);
    } catch (error) {
      callback(error as Error);
    }
  };
  return {
    send: (outgoing, signal) =>
      new Promise((resolve, reject) => {
        modem.dial(dialOptions(outgoing, signal), (error, result) => (error ? reject(error) : resolve(result)));
      }),
    close: () => agent.destroy(),
  };
}

const pem = ({ ca, cert, key }: { ca?: string; cert?: string; key?: string }): Record<string, string> => ({
  ...(ca !== undefined && { ca }),
  ...(cert !== undefined && { cert }),
  ...(key !== undefined && { key }),
});

function exchange(
  request: ClientRequest,
  data: string | Buffer | undefined,
  callback: (error: Error | null, result?: Incoming) => void,
): void {
  request.on('response', (response) => callback(null, { response }));
  request.on('upgrade', (_response, socket: Socket, head: Buffer) => callback(null, { socket, head }));
  request.on('error', (error) => callback(error));
  request.end(data);
}

function dialOptions(outgoing: Outgoing, signal: AbortSignal): Record<string, unknown> {
  const hasQuery = Object.keys(outgoing.query).length > 0;
  return {
    method: outgoing.method,
    // The question mark tells docker-modem to put `_query` behind it.
    path: hasQuery ? `${outgoing.path}?` : outgoing.path,
    options: {
      _query: outgoing.query,
      _body: outgoing.json ?? {},
    },
    headers: { ...outgoing.headers },
    ...(outgoing.bytes !== undefined && { file: outgoing.bytes }),
    ...(outgoing.hijack === true && { hijack: true }),
    signal,
  };
}
