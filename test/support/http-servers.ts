/** Small servers on loopback ports, good and bad, all closed together. */
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';

export interface Servers {
  /** A server that speaks HTTP; its URL without a slash at the end. */
  http(handler: http.RequestListener, options?: https.ServerOptions): Promise<string>;
  /** A server that does to each connection what it is told; its port. */
  raw(handler: (socket: net.Socket) => void): Promise<number>;
  close(): Promise<void>;
}

export function openServers(): Servers {
  const closing: (() => Promise<void>)[] = [];
  const listen = async (server: net.Server, host = '127.0.0.1'): Promise<number> => {
    const sockets = new Set<net.Socket>();
    server.on('connection', (socket: net.Socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, host, resolve));
    closing.push(async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    });
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  };
  return {
    http: async (handler, options) => {
      const server = options === undefined ? http.createServer(handler) : https.createServer(options, handler);
      const port = await listen(server);
      return `${options === undefined ? 'http' : 'https'}://localhost:${port.toString()}`;
    },
    raw: (handler) => listen(net.createServer(handler)),
    close: async () => {
      await Promise.all(closing.splice(0).map((close) => close()));
    },
  };
}
