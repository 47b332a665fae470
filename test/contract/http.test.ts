import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { openHttp } from '../../src/adapters/http/open.ts';
import type { HttpReader } from '../../src/core/ports/http.ts';
import { fakeHttp, type FakeAnswer } from '../support/fakes/http.ts';
import { openServers, type Servers } from '../support/http-servers.ts';

interface World {
  reader: HttpReader;
  /** A URL that answers so. */
  serve(answer: FakeAnswer): Promise<string>;
  /** A URL where nobody listens. */
  nowhere: string;
}

/** What every HttpReader does. */
function contract(name: string, open: () => Promise<World>): void {
  describe(`http contract: ${name}`, () => {
    let world: World;
    beforeAll(async () => {
      world = await open();
    });

    test('gives status, headers, body and timings', async () => {
      const url = await world.serve({ status: 503, headers: { 'x-colour': 'blue' }, body: '{"status":"down"}' });
      const answer = await world.reader.get(url, { timeoutMs: 2000 });
      expect(answer).toMatchObject({ status: 503, body: '{"status":"down"}', truncated: false, size: 17 });
      expect(answer.headers['x-colour']).toBe('blue');
      expect(answer.timings.total).toBeGreaterThan(0);
    });

    test('cuts the body at the limit and says so, and only then', async () => {
      const url = await world.serve({ body: 'abcdef' });
      const cut = await world.reader.get(url, { timeoutMs: 2000, bodyLimit: 5 });
      expect(cut).toMatchObject({ body: 'abcde', truncated: true });
      const whole = await world.reader.get(url, { timeoutMs: 2000, bodyLimit: 6 });
      expect(whole).toMatchObject({ body: 'abcdef', truncated: false });
    });

    test('HEAD has no body', async () => {
      const url = await world.serve({ body: 'abcdef', headers: { 'x-a': '1' } });
      expect(await world.reader.get(url, { timeoutMs: 2000, method: 'HEAD' })).toMatchObject({
        status: 200,
        body: '',
        size: 0,
      });
    });

    test('does not follow redirects', async () => {
      const url = await world.serve({ status: 302, headers: { location: world.nowhere } });
      expect(await world.reader.get(url, { timeoutMs: 2000 })).toMatchObject({ status: 302 });
    });

    test('times out', async () => {
      const url = await world.serve({ afterMs: 1000 });
      await expect(world.reader.get(url, { timeoutMs: 100 })).rejects.toMatchObject({ code: 'TIMED_OUT' });
    });

    test('a server that is not there is unreachable', async () => {
      await expect(world.reader.get(world.nowhere, { timeoutMs: 2000 })).rejects.toMatchObject({ code: 'UNREACHABLE' });
      const secure = world.nowhere.replace('http:', 'https:');
      await expect(world.reader.certificate(secure, { timeoutMs: 2000 })).rejects.toMatchObject({
        code: 'UNREACHABLE',
      });
    });

    test('a text without a certificate is a bad answer', () => {
      expect(() => world.reader.parseCertificate('hello')).toThrow(expect.objectContaining({ code: 'BAD_ANSWER' }));
    });
  });
}

/** Nothing listens there; a port that was just closed may be another test's in the next moment. */
const CLOSED_PORT = 1;
const servers: Servers = openServers();
afterAll(() => servers.close());

contract('the fake', async () => {
  const reader = fakeHttp();
  let next = 0;
  return {
    reader,
    nowhere: 'http://nowhere.test/',
    serve: async (answer) => {
      const url = `http://fake.test/${(next += 1).toString()}`;
      reader.answers.set(url, answer);
      return url;
    },
  };
});

contract('node:http', async () => ({
  reader: openHttp({ directory: '/' }),
  nowhere: `http://127.0.0.1:${CLOSED_PORT.toString()}/`,
  serve: (answer) =>
    servers.http((_request, response) => {
      setTimeout(() => response.writeHead(answer.status ?? 200, answer.headers).end(answer.body), answer.afterMs ?? 0);
    }),
}));

describe('http against bad servers', () => {
  const reader = openHttp({ directory: '/' });
  const rawUrl = async (answer: string | Buffer, keepOpen = false): Promise<string> => {
    const port = await servers.raw((socket) => {
      socket.once('data', () => (keepOpen ? socket.write(answer) : socket.end(answer)));
    });
    return `http://127.0.0.1:${port.toString()}/health`;
  };
  const within = async (ms: number, work: () => Promise<void>): Promise<void> => {
    const began = performance.now();
    await work();
    expect(performance.now() - began).toBeLessThan(ms);
  };

  test('the deadline covers each phase and the error names it', async () => {
    const silent = await servers.raw(() => undefined);
    const plain = `http://127.0.0.1:${silent.toString()}/`;
    await within(5000, async () => {
      await expect(reader.get(plain, { timeoutMs: 150 })).rejects.toThrow(/within 150 ms: waited for the answer$/);
    });
    await expect(reader.get(plain.replace('http:', 'https:'), { timeoutMs: 150 })).rejects.toThrow(
      /the TLS handshake$/,
    );
    const secure = plain.replace('http:', 'https:');
    await expect(reader.certificate(secure, { timeoutMs: 150 })).rejects.toMatchObject({ code: 'TIMED_OUT' });
    const stuck = await rawUrl('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc', true);
    await expect(reader.get(stuck, { timeoutMs: 150 })).rejects.toThrow(/the rest of the answer$/);
  });

  test('a slow drip of headers or body cannot outlast the deadline', async () => {
    for (const start of ['HTTP/1.1 200 OK\r\nx-a: ', 'HTTP/1.1 200 OK\r\n\r\n']) {
      const port = await servers.raw((socket) => {
        socket.write(start);
        const drip = setInterval(() => socket.write('a'), 20);
        socket.on('close', () => clearInterval(drip));
      });
      await within(10_000, async () => {
        await expect(reader.get(`http://127.0.0.1:${port.toString()}/`, { timeoutMs: 300 })).rejects.toMatchObject({
          code: 'TIMED_OUT',
        });
      });
    }
  });

  test('of 100 MB hardly more than the limit is read', async () => {
    let sent = 0;
    const chunk = Buffer.alloc(64 * 1024, 'x');
    const url = await servers.http((_request, response) => {
      response.writeHead(200, { 'content-length': 100 * 1024 * 1024 });
      const more = (): void => {
        while (sent < 100 * 1024 * 1024 && !response.destroyed) {
          sent += chunk.length;
          if (!response.write(chunk)) return void response.once('drain', more);
        }
      };
      more();
    });
    const answer = await reader.get(url, { timeoutMs: 5000 });
    expect(answer).toMatchObject({ truncated: true });
    expect(answer.body).toHaveLength(64 * 1024);
    await sleep(200);
    // What the sockets' buffers took is all that left the server.
    expect(sent).toBeLessThan(20 * 1024 * 1024);
  });

  test('a compressed bomb is decoded to the limit and no further', async () => {
    const { brotliCompressSync, gzipSync } = await import('node:zlib');
    const zeros = Buffer.alloc(200 * 1024 * 1024);
    for (const [encoding, bomb] of [
      ['gzip', gzipSync(zeros)],
      ['br', brotliCompressSync(zeros, { params: { 1: 1 } })],
    ] as const) {
      const url = await servers.http((_request, response) =>
        response.writeHead(200, { 'content-encoding': encoding }).end(bomb),
      );
      const before = process.memoryUsage();
      const answer = await reader.get(url, { timeoutMs: 5000, bodyLimit: 1000 });
      const after = process.memoryUsage();
      expect(answer).toMatchObject({ truncated: true });
      expect(answer.body).toHaveLength(1000);
      expect(after.arrayBuffers + after.heapUsed - before.arrayBuffers - before.heapUsed).toBeLessThan(
        30 * 1024 * 1024,
      );
    }
  });

  test('compressed bodies are decoded, damaged and unknown ones refused, absent ones are empty', async () => {
    const { brotliCompressSync, deflateSync, gzipSync } = await import('node:zlib');
    const answered = async (
      encoding: string,
      body: Buffer | string,
      method: 'GET' | 'HEAD' = 'GET',
    ): Promise<string> => {
      const url = await servers.http((_request, response) =>
        response.writeHead(200, { 'content-encoding': encoding }).end(body),
      );
      return (await reader.get(url, { timeoutMs: 2000, method })).body;
    };
    expect(await answered('gzip', gzipSync('grüße'))).toBe('grüße');
    expect(await answered('br', brotliCompressSync('grüße'))).toBe('grüße');
    expect(await answered('deflate', deflateSync('grüße'))).toBe('grüße');
    expect(await answered('gzip', gzipSync('grüße'), 'HEAD')).toBe('');
    expect(await answered('gzip', '')).toBe('');
    await expect(answered('gzip', 'not gzip at all')).rejects.toMatchObject({ code: 'BAD_ANSWER' });
    await expect(answered('gzip', gzipSync('grüße'.repeat(99)).subarray(0, 20))).rejects.toMatchObject({
      code: 'BAD_ANSWER',
    });
    await expect(answered('gzip, gzip', gzipSync('a'))).rejects.toMatchObject({ code: 'BAD_ANSWER' });
  });

  test('a character that the limit cuts in two is left out', async () => {
    const url = await servers.http((_request, response) => response.end('aüb'));
    expect((await reader.get(url, { timeoutMs: 2000, bodyLimit: 2 })).body).toBe('a');
  });

  test('an answer of HTTP/1.0 ends with its connection', async () => {
    const answer = await reader.get(await rawUrl('HTTP/1.0 200 OK\r\n\r\nfine'), { timeoutMs: 2000 });
    expect(answer).toMatchObject({ httpVersion: '1.0', body: 'fine', remoteAddress: '127.0.0.1' });
    expect(answer.timings.dns).toBeUndefined();
  });

  test.each([
    ['closed without a word', '', 'UNREACHABLE'],
    ['not HTTP', 'SSH-2.0-OpenSSH_9.2\r\n', 'BAD_ANSWER'],
    ['broken off', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc', 'BAD_ANSWER'],
    ['broken off in a chunk', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nabc', 'BAD_ANSWER'],
    ['headers without end', `HTTP/1.1 200 OK\r\nx: ${'x'.repeat(100_000)}\r\n\r\n`, 'BAD_ANSWER'],
    ['another protocol asked for', 'HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n', 'BAD_ANSWER'],
  ])('%s', async (_name, answer, code) => {
    await expect(reader.get(await rawUrl(answer), { timeoutMs: 1000 })).rejects.toMatchObject({ code });
  });

  test('a reset is unreachable before the answer, a bad answer inside it', async () => {
    for (const [start, code] of [
      ['', 'UNREACHABLE'],
      ['HTTP/1.1 200 OK\r\n\r\nabc', 'BAD_ANSWER'],
    ] as const) {
      const port = await servers.raw((socket) => {
        socket.once('data', () => socket.write(start, () => setTimeout(() => socket.resetAndDestroy(), 50)));
      });
      await expect(reader.get(`http://127.0.0.1:${port.toString()}/`, { timeoutMs: 1000 })).rejects.toMatchObject({
        code,
      });
    }
  });

  test('a name that does not resolve is named', async () => {
    await expect(reader.get('http://no-such-host.invalid/x', { timeoutMs: 5000 })).rejects.toMatchObject({
      code: 'UNREACHABLE',
      message: expect.stringContaining('no-such-host.invalid does not resolve') as string,
    });
  });

  test('credentials are sent and never shown', async () => {
    let got: string | undefined;
    const url = await servers.http((request, response) => {
      got = request.headers.authorization;
      response.end();
    });
    await reader.get(url.replace('//', '//ops:s%40cret%20x@'), { timeoutMs: 2000 });
    expect(got).toBe(`Basic ${Buffer.from('ops:s@cret x').toString('base64')}`);
    const gone = `http://ops:s%40cret@127.0.0.1:${CLOSED_PORT.toString()}/x?token=abc`;
    const error: unknown = await reader.get(gone, { timeoutMs: 2000 }).catch((thrown: unknown) => thrown);
    expect(JSON.stringify(error) + String(error)).not.toMatch(/cret|token=/);
  });

  test('what is no URL is a usage error that shows no secret', async () => {
    for (const url of ['nonsense', 'ftp://u:secret@host/', 'http://u:secret@host:99999/', 'http://']) {
      const error: unknown = await reader.get(url, { timeoutMs: 10 }).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'USAGE' });
      expect(String(error)).not.toContain('secret');
    }
  });
});
