/** Engines that are not there, hang, babble, restart or are no engine at all: servers of our own that misbehave. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';

import { openDocker, type DockerClient } from '../../src/adapters/docker/client.ts';
import { openEngine } from '../../src/adapters/docker/engine.ts';

let folder: string;
const servers: net.Server[] = [];
const sockets = new Set<net.Socket>();

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'opsctl-engine-'));
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
  await rm(folder, { recursive: true, force: true });
});

const at = (path = 'engine.sock'): string => join(folder, path);
const client = (host = `unix://${at()}`, env: Record<string, string> = {}): DockerClient =>
  openDocker({ host, env, home: folder });

function listen<T extends net.Server>(server: T, where: string | number = at()): Promise<T> {
  servers.push(server);
  server.on('connection', (socket: net.Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  });
  return new Promise((resolve) => {
    if (typeof where === 'number') server.listen(where, '127.0.0.1', () => resolve(server));
    else server.listen(where, () => resolve(server));
  });
}
/** An engine that answers the version and leaves all else to the test. */
const engineLike = (answer: http.RequestListener, where?: string | number): Promise<http.Server> =>
  listen(
    http.createServer((request, response) => {
      if (request.url !== '/_ping') return answer(request, response);
      response.setHeader('Api-Version', '1.41');
      response.end('OK');
    }),
    where,
  );
const list = (docker: DockerClient, timeoutMs = 500) =>
  docker.request({ path: '/containers/json', asked: 'list the containers', timeoutMs });
const portOf = (server: net.Server): number => (server.address() as net.AddressInfo).port;

describe('an engine that is not there', () => {
  it('is UNREACHABLE, and the error tells what to do', async () => {
    await expect(openEngine(client()).info()).rejects.toMatchObject({
      code: 'UNREACHABLE',
      hint: expect.stringContaining('docker --host') as unknown,
    });
    await expect(openEngine(client('tcp://127.0.0.1:1')).info()).rejects.toMatchObject({
      code: 'UNREACHABLE',
      details: { reason: 'ECONNREFUSED' },
    });
    await expect(openEngine(client('tcp://opsctl.invalid:1')).info()).rejects.toMatchObject({ code: 'UNREACHABLE' });
  });

  it('is told by what it is when the host cannot be understood', () => {
    for (const host of ['ftp://x', 'ssh://-oProxyCommand=x', 'tcp://']) {
      expect(() => client(host).endpoint).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    }
  });
});

describe('an engine that hangs', () => {
  it('costs no more than the deadline', async () => {
    await listen(net.createServer(() => undefined));
    const started = performance.now();
    await expect(client().request({ path: '/info', asked: 'describe itself', timeoutMs: 300 })).rejects.toMatchObject({
      code: 'TIMED_OUT',
    });
    expect(performance.now() - started).toBeLessThan(5000);
  });

  it('also when it begins to answer and stops', async () => {
    await engineLike((_request, response) => void response.writeHead(200).write('['));
    const started = performance.now();
    await expect(list(client())).rejects.toMatchObject({ code: 'TIMED_OUT' });
    expect(performance.now() - started).toBeLessThan(5000);
  });

  it('also when it drips', async () => {
    await engineLike((_request, response) => {
      const timer = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(timer));
    });
    await expect(list(client())).rejects.toMatchObject({ code: 'TIMED_OUT' });
  });

  it('also when it is silent in the middle of a log', async () => {
    await engineLike((request, response) => {
      if (request.url?.includes('/json')) response.end(JSON.stringify({ Id: 'a', Config: { Tty: true } }));
      else response.write('2025-01-01T00:00:00.000000000Z one\n');
    });
    const seen: string[] = [];
    const read = async () => {
      for await (const line of openEngine(client()).logs('a', {})) seen.push(line.text);
    };
    await expect(read()).rejects.toMatchObject({ code: 'TIMED_OUT' });
    expect(seen).toEqual(['one']);
  });

  it('and a caller who gives up is not kept waiting', async () => {
    await engineLike(() => undefined);
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 50);
    const call = { path: '/info', asked: 'describe itself', timeoutMs: 5000, signal: stop.signal };
    await expect(client().request(call)).rejects.toMatchObject({ code: 'INTERRUPTED' });
  });
});

describe('an engine that babbles', () => {
  it('is cut off at the limit', async () => {
    await engineLike((_request, response) => {
      const block = Buffer.alloc(1024 * 1024, 0x20);
      let left = 100;
      const more = (): void => {
        while (left-- > 0) if (!response.write(block)) return void response.once('drain', more);
        response.end();
      };
      more();
    });
    const before = process.memoryUsage().rss;
    await expect(list(client(), 10_000)).rejects.toMatchObject({ code: 'BAD_ANSWER' });
    expect(process.memoryUsage().rss - before).toBeLessThan(120e6);
  });

  it.each([
    ['no JSON', '<html>'],
    ['another shape', '{"containers":[]}'],
    ['half of it', '[{"Id":"a"'],
    ['wrong types', '[{"Id":1}]'],
  ])('%s is BAD_ANSWER', async (_what, body) => {
    await engineLike((_request, response) => response.end(body));
    await expect(openEngine(client()).containers()).rejects.toMatchObject({ code: 'BAD_ANSWER' });
  });

  it('a log that is not framed is BAD_ANSWER', async () => {
    await engineLike((request, response) =>
      response.end(
        request.url?.includes('/json') ? JSON.stringify({ Id: 'a', Config: { Tty: false } }) : 'just text, no frames',
      ),
    );
    const read = async () => {
      for await (const line of openEngine(client()).logs('a', {})) void line;
    };
    await expect(read()).rejects.toMatchObject({ code: 'BAD_ANSWER' });
  });
});

describe('what is no engine', () => {
  it('a web server that redirects is told, and followed nowhere', async () => {
    const web = await listen(
      http.createServer((_request, response) => response.writeHead(301, { location: 'http://127.0.0.1:1/' }).end()),
      0,
    );
    await expect(openEngine(client(`tcp://127.0.0.1:${portOf(web)}`)).info()).rejects.toMatchObject({
      code: 'BAD_ANSWER',
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
  });

  it('another protocol is told', async () => {
    const mail = await listen(
      net.createServer((socket) => socket.write('220 mail.example ESMTP\r\n')),
      0,
    );
    await expect(openEngine(client(`tcp://127.0.0.1:${portOf(mail)}`)).info()).rejects.toMatchObject({
      name: 'OpsError',
    });
  });

  it('an engine that is too old is told', async () => {
    await listen(http.createServer((_request, response) => response.setHeader('Api-Version', '1.24').end('OK')));
    await expect(openEngine(client()).info()).rejects.toMatchObject({
      code: 'REJECTED',
      message: expect.stringContaining('1.24') as unknown,
    });
  });

  it('an engine that is newer than this program is asked in the newest version known here', async () => {
    const seen: string[] = [];
    await listen(
      http.createServer((request, response) => {
        seen.push(request.url ?? '');
        response.setHeader('Api-Version', '1.99').end(request.url === '/_ping' ? 'OK' : '[]');
      }),
    );
    await openEngine(client()).containers();
    expect(seen[1]).toMatch(/^\/v1\.51\//);
  });
});

describe('an engine that restarts', () => {
  it('closed the connection that was kept: the read is made again', async () => {
    let calls = 0;
    const server = await engineLike((request, response) => {
      calls += 1;
      if (calls === 2) request.socket.destroy();
      else response.end('[]');
    }, 0);
    const docker = client(`tcp://127.0.0.1:${portOf(server)}`);
    await openEngine(docker).containers();
    expect(await openEngine(docker).containers()).toEqual([]);
    expect(calls).toBe(3);
    docker.close();
  });

  it('a change is not made twice', async () => {
    let calls = 0;
    await engineLike((request) => {
      calls += 1;
      request.socket.destroy();
    });
    await expect(openEngine(client()).startContainer('a')).rejects.toMatchObject({ code: 'UNREACHABLE' });
    expect(calls).toBe(1);
  });
});

describe('an engine behind ssh', () => {
  it('is reached through the ssh program, which gets no option from the host', async () => {
    const socket = inject('dockerHost').replace('unix://', '');
    if (!socket.startsWith('/')) return;
    // Stands for ssh: notes its arguments and relays, as `docker system dial-stdio` does on the other side.
    await writeFile(
      at('ssh'),
      `#!${process.execPath}\nrequire('fs').writeFileSync(${JSON.stringify(at('argv'))}, JSON.stringify(process.argv.slice(2)));\n` +
        `const s = require('net').connect(${JSON.stringify(socket)}); process.stdin.pipe(s); s.pipe(process.stdout);\n`,
    );
    await chmod(at('ssh'), 0o755);
    const docker = client('ssh://ops@platform.example:2222', { PATH: folder });
    const { version } = await openEngine(docker).info();
    expect(version).toMatch(/^\d+\./);
    const { readFile } = await import('node:fs/promises');
    const argv = JSON.parse(await readFile(at('argv'), 'utf8')) as string[];
    expect(argv.slice(-9)).toEqual([
      '-l',
      'ops',
      '-p',
      '2222',
      '--',
      'platform.example',
      'docker',
      'system',
      'dial-stdio',
    ]);
    docker.close();
  });

  it('that refuses is UNREACHABLE, with what ssh says', async () => {
    await writeFile(at('ssh'), '#!/bin/sh\necho "Host key verification failed." >&2\nexit 255\n');
    await chmod(at('ssh'), 0o755);
    await expect(openEngine(client('ssh://platform.example', { PATH: folder })).info()).rejects.toMatchObject({
      code: 'UNREACHABLE',
      message: expect.stringContaining('Host key verification failed') as unknown,
    });
  });
});
