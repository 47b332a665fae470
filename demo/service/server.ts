/** The HTTP server of a service: routing, faults, access log, metrics and an orderly end. */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { mustFail, neverHealthy, slowDown } from './faults.ts';
import { HttpError, json, matchPath, type Answer, type Call, type Route } from './http.ts';
import { log, logAccess } from './log.ts';
import { metricsText, observeRequest } from './metrics.ts';
import { colour, service, version } from './release.ts';

/** Above the longest request that a client may ask for, below the usual stop grace. */
const DRAIN_MS = 30_000;

const common: Route[] = [
  {
    method: 'GET',
    path: '/live',
    internal: true,
    handle: () => json({ status: neverHealthy ? 'down' : 'ok' }, neverHealthy ? 503 : 200),
  },
  {
    method: 'GET',
    path: '/metrics',
    internal: true,
    handle: async () => ({ status: 200, ...(await metricsText()) }),
  },
];

/** Serves the routes on port 3000; `atEnd` is called after the last request was answered. */
export function serve(routes: readonly Route[], atEnd: () => Promise<void>): Server {
  const all = [...common, ...routes];
  const server = createServer((request, response) => {
    void respond(all, request, response, () => !server.listening);
  });
  server.listen(Number(process.env['PORT'] ?? 3000), '0.0.0.0', () => log('info', 'listening'));
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => void drain(server, signal, atEnd));
  }
  return server;
}

async function respond(
  routes: readonly Route[],
  request: IncomingMessage,
  response: ServerResponse,
  ending: () => boolean,
): Promise<void> {
  const started = performance.now();
  const url = new URL(request.url ?? '/', 'http://service');
  const { route, params } = find(routes, request.method ?? 'GET', url.pathname);
  const call: Call = { request, url, params, requestId: requestId(request), ip: clientIp(request) };
  const internal = route?.internal === true;
  const answer = !internal && mustFail() ? injected() : await answerTo(route, call);
  if (!internal) await slowDown(performance.now() - started);

  response.writeHead(answer.status, {
    'content-type': answer.type,
    'content-length': Buffer.byteLength(answer.body),
    'x-request-id': call.requestId,
    'x-service': service,
    'x-version': version,
    'x-colour': colour,
    // Asks a client of a server that is ending to open its next connection somewhere else.
    ...(ending() && { connection: 'close' }),
    ...answer.headers,
  });
  response.end(answer.body);
  // What was not read of a refused body would otherwise be taken for the next request.
  if (!request.complete) request.resume();
  if (internal) return;

  const ms = performance.now() - started;
  const method = request.method ?? 'GET';
  const name = route?.path ?? '(none)';
  observeRequest({ method, route: name, status: answer.status }, ms / 1_000);
  logAccess({
    requestId: call.requestId,
    ip: call.ip,
    method,
    path: url.pathname,
    route: name,
    status: answer.status,
    ms: Math.round(ms * 10) / 10,
    bytes: Buffer.byteLength(answer.body),
  });
}

function find(routes: readonly Route[], method: string, path: string) {
  for (const route of routes) {
    const params = matchPath(route.path, path);
    if (params && (route.method === method || (method === 'HEAD' && route.method === 'GET'))) {
      return { route, params };
    }
  }
  return { route: undefined, params: {} };
}

async function answerTo(route: Route | undefined, call: Call): Promise<Answer> {
  if (route === undefined) return json({ error: `nothing is at ${call.url.pathname}` }, 404);
  try {
    return await route.handle(call);
  } catch (error) {
    if (error instanceof HttpError) return json({ error: error.message }, error.status);
    const reason = error instanceof Error ? error.message : String(error);
    log('error', 'request failed', { requestId: call.requestId, path: call.url.pathname, reason });
    return json({ error: 'internal error', requestId: call.requestId }, 500);
  }
}

function injected(): Answer {
  log('error', 'request failed', { reason: 'price of a product without currency' });
  return json({ error: 'internal error' }, 500);
}

function requestId(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && given.length <= 64 ? given : randomUUID();
}

function clientIp(request: IncomingMessage): string {
  const forwarded = request.headers['x-forwarded-for'];
  const first = typeof forwarded === 'string' ? forwarded.split(',')[0]?.trim() : undefined;
  return first || request.socket.remoteAddress || 'unknown';
}

/** Stops accepting, lets what is under way finish, then closes what the service holds. */
async function drain(server: Server, signal: string, atEnd: () => Promise<void>): Promise<void> {
  log('info', 'ending', { signal });
  const timer = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  clearTimeout(timer);
  await atEnd().catch((error: Error) => log('error', 'unclean end', { reason: error.message }));
  log('info', 'ended');
  process.exit(0);
}
