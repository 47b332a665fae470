/*
 * A small service for the compose projects of the tests, without any package: it serves one page, one
 * health path, and says there whether the servers that its environment names take connections.
 */
import { createServer } from 'node:http';
import { connect } from 'node:net';

const { env } = process;
const port = Number(env.PORT ?? 3000);

/** Whether a server takes connections: all that a service without drivers can tell. */
function reaches(host, at) {
  return new Promise((resolve) => {
    const socket = connect({ host, port: at, timeout: 1000 });
    const end = (up) => () => {
      socket.destroy();
      resolve(up);
    };
    socket.on('connect', end(true)).on('error', end(false)).on('timeout', end(false));
  });
}

const target = (url, usual) => [new URL(url).hostname, Number(new URL(url).port || usual)];
const database = env.DATABASE_URL ? target(env.DATABASE_URL, 5432) : [env.DB_HOST ?? '', 5432];
const cache = env.REDIS_URL ? target(env.REDIS_URL, 6379) : undefined;

/** How differently health is told out there. */
const SHAPES = {
  checks: (db) => ({ ok: db, checks: { db: { status: db ? 'up' : 'down' } } }),
  details: (db, redis) => ({ status: db && redis ? 'UP' : 'DOWN', details: { postgresql: { state: db ? 'up' : 'down' }, redis } }),
  deep: (db) => ({ state: 'fine', storage: { primary: { pg: { status: db ? 'ok' : 'fail' } } } }),
  plain: () => ({ alive: true, version: '3' }),
};

createServer(async (request, response) => {
  const path = new URL(request.url ?? '/', 'http://x').pathname;
  const answer = (status, type, body) => response.writeHead(status, { 'content-type': type }).end(body);
  if (path === '/metrics') {
    return answer(200, 'text/plain', `http_requests_total{service="${env.METRICS_NAME ?? ''}",status="200"} ${process.uptime().toFixed(0)}\n`);
  }
  if (path === '/') return answer(200, 'text/html', '<!doctype html><title>here</title><p>here');
  if (path !== env.HEALTH_PATH) return answer(404, 'application/json', '{"error":"nothing here"}');
  const up = await reaches(...database);
  const shape = SHAPES[env.SHAPE ?? 'plain'](up, cache === undefined || (await reaches(...cache)));
  return answer(up ? 200 : 503, 'application/json', JSON.stringify(shape));
}).listen(port, '0.0.0.0');
process.on('SIGTERM', () => process.exit(0));
