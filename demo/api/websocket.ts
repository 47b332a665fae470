/** `/api/ws`: says hello, repeats what it is told, and says goodbye when the service ends. */
import type { Server } from 'node:http';
import { WebSocketServer } from 'ws';
import { colour, version } from '../service/release.ts';

const MAX_CLIENTS = 500;
const GOING_AWAY = 1001;

/** Returns what ends all conversations; the HTTP server does not count them as requests. */
export function serveWebSocket(server: Server): () => void {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: 64 * 1024 });
  server.on('upgrade', (request, socket, head) => {
    const path = (request.url ?? '').split('?')[0];
    if (path !== '/api/ws' || sockets.clients.size >= MAX_CLIENTS) {
      socket.end(`HTTP/1.1 ${path === '/api/ws' ? '503 Busy' : '404 Not Found'}\r\n\r\n`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (client) => {
      client.on('error', () => client.terminate());
      client.on('message', (data, binary) => client.send(data, { binary }));
      client.send(JSON.stringify({ type: 'hello', version, colour }));
    });
  });
  return () => {
    for (const client of sockets.clients) client.close(GOING_AWAY, 'the service is ending');
  };
}
