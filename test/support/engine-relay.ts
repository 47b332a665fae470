/** A relay in front of the engine's socket: shows what a program asks of the engine, in order, and breaks off where a test says. */
import http from 'node:http';
import net from 'node:net';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** One call of the engine's API. */
export interface Asked {
  method: string;
  /** Without the version of the API. */
  path: string;
  /** Begin of the body as text, for archives that are put. */
  body: string;
}

export interface Instead {
  status: number;
  json: unknown;
}

/** What a test does at a call; a thrown error breaks the connection off. */
export interface Hooks {
  /** Before the engine sees the call. What it gives is answered in the engine's place. */
  before?: (asked: Asked, index: number) => Promise<Instead | void> | Instead | void;
  /** After the engine has answered, before the program sees the answer. */
  after?: (asked: Asked, index: number) => Promise<void> | void;
}

export interface Relay {
  /** For DOCKER_HOST. */
  host: string;
  /** Every call that changes something, in order, each when the engine had answered it. */
  changes: Asked[];
  hooks: Hooks;
  /** While true, every call is broken off unseen by the engine, as while it restarts. */
  down: boolean;
  /** From now on nobody listens. */
  cut(): void;
  close(): Promise<void>;
}

export async function openRelay(dockerHost: string): Promise<Relay> {
  const socketPath = dockerHost.replace(/^unix:\/\//, '');
  const folder = mkdtempSync(path.join(tmpdir(), 'opsctl-relay-'));
  const file = path.join(folder, 'engine.sock');
  const open = new Set<net.Socket>();
  const relay: Relay = {
    host: `unix://${file}`,
    changes: [],
    hooks: {},
    down: false,
    cut: () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
    close: async () => {
      relay.cut();
      await rm(folder, { recursive: true, force: true });
    },
  };
  let count = 0;
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => undefined);
    request.on('end', () => void pass(request, Buffer.concat(chunks), response).catch(() => request.socket.destroy()));
  });

  async function pass(request: http.IncomingMessage, body: Buffer, response: http.ServerResponse): Promise<void> {
    const method = request.method ?? 'GET';
    const asked = {
      method,
      path: (request.url ?? '').replace(/^\/v1\.\d+/, ''),
      body: body.subarray(0, 65_536).toString('latin1'),
    };
    const changes = method !== 'GET' && method !== 'HEAD';
    const index = changes ? count++ : -1;
    if (relay.down) throw new Error('down');
    const instead = changes ? await relay.hooks.before?.(asked, index) : undefined;
    if (instead) return void response.writeHead(instead.status).end(JSON.stringify(instead.json));
    const { status, headers, data } = await forward(socketPath, request, body);
    if (changes) {
      relay.changes.push(asked);
      await relay.hooks.after?.(asked, index);
    }
    if (relay.down) throw new Error('down');
    response.writeHead(status, headers).end(data);
  }

  // exec and attach hand over the connection.
  server.on('upgrade', (request, client: net.Socket, head) => {
    const upstream = net.connect(socketPath, () => {
      const lines = request.rawHeaders.flatMap((name, at, all) =>
        at % 2 === 0 ? [`${name}: ${all[at + 1] ?? ''}`] : [],
      );
      upstream.write(`${request.method ?? 'POST'} ${request.url ?? '/'} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
      upstream.write(head);
      upstream.pipe(client).pipe(upstream);
    });
    for (const socket of [upstream, client])
      socket.on('error', () => [upstream, client].forEach((one) => one.destroy()));
  });
  server.on('connection', (socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket)).on('error', () => undefined);
  });
  await new Promise<void>((resolve) => void server.listen(file, resolve));
  return relay;
}

function forward(
  socketPath: string,
  from: http.IncomingMessage,
  body: Buffer,
): Promise<{ status: number; headers: http.OutgoingHttpHeaders; data: Buffer }> {
  return new Promise((resolve, reject) => {
    const to = http.request({ socketPath, method: from.method, path: from.url, headers: from.headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject);
      answer.on('end', () => {
        const { 'transfer-encoding': _, connection: __, ...headers } = answer.headers;
        resolve({ status: answer.statusCode ?? 500, headers, data: Buffer.concat(chunks) });
      });
    });
    to.on('error', reject);
    to.end(body);
  });
}
