import net from 'node:net';
import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { connectFirst, findRoutes, type Route } from '../../../src/adapters/route.ts';
import { isLoopback, parseServerUrl } from '../../../src/adapters/server-url.ts';
import { greet } from '../../../src/adapters/tunnel.ts';
import { OpsError } from '../../../src/core/errors.ts';
import type { Container } from '../../../src/core/ports/engine.ts';
import { container, engineOf, type EngineParts } from '../../support/containers.ts';

const target = { subject: 'postgres main', project: 'test', service: 'db', port: 5432, protected: false };

async function ways(
  one: Partial<Container>,
  parts: EngineParts = {},
  more: Partial<typeof target> = {},
): Promise<string[]> {
  const { routes } = await findRoutes(engineOf([container(one)], parts), { ...target, ...more });
  return routes.map((route) => route.describe);
}

const published = (address: string): Partial<Container> => ({
  ports: [{ container: 5432, protocol: 'tcp', host: { address, port: 15_432 } }],
});
const networks = [{ name: 'net', address: '172.18.0.3' }];
const tcp = { local: false, host: 'tcp://engine.test:2376' };
const TUNNEL = 'tunnel through test-db-1';

describe('the ways to a container must be', () => {
  test.each<[string, Partial<Container>, EngineParts, boolean, string[]]>([
    ['only the tunnel when it has neither port nor address', {}, {}, false, [TUNNEL]],
    ['its address, then the tunnel', { networks }, {}, false, ['address of test-db-1, 172.18.0.3:5432', TUNNEL]],
    [
      'its published port first',
      { ...published('0.0.0.0'), networks },
      {},
      false,
      ['published port 127.0.0.1:15432', 'address of test-db-1, 172.18.0.3:5432', TUNNEL],
    ],
    ['the port where it is bound', published('192.0.2.7'), {}, false, ['published port 192.0.2.7:15432', TUNNEL]],
    ['the port on IPv6', published('::1'), {}, false, ['published port [::1]:15432', TUNNEL]],
    [
      "this machine's port when it is in the host's network",
      { networks: [{ name: 'host', address: '' }] },
      {},
      false,
      ['address of test-db-1, 127.0.0.1:5432', TUNNEL],
    ],
    [
      'the tunnel on an engine elsewhere, since a password must not cross a network',
      { ...published('0.0.0.0'), networks },
      tcp,
      false,
      [TUNNEL],
    ],
    [
      'the port on an engine elsewhere under TLS',
      { ...published('0.0.0.0'), networks },
      tcp,
      true,
      ['published port engine.test:15432', TUNNEL],
    ],
    ['not the port that only the engine itself reaches', published('127.0.0.1'), tcp, true, [TUNNEL]],
    [
      'not a port of UDP',
      { ports: [{ container: 5432, protocol: 'udp', host: { address: '', port: 1 } }] },
      {},
      false,
      [TUNNEL],
    ],
    [
      'by the only port that it has',
      { networks, ports: [{ container: 6000, protocol: 'tcp' }] },
      {},
      false,
      ['address of test-db-1, 172.18.0.3:6000', TUNNEL],
    ],
  ])('%s', async (_, one, parts, isProtected, expected) => {
    expect(await ways(one, parts, { protected: isProtected })).toEqual(expected);
  });
});

describe('a container that cannot be reached', () => {
  test('must be told by its absence', async () => {
    await expect(findRoutes(engineOf([]), target)).rejects.toMatchObject({
      code: 'NOT_FOUND',
      hint: expect.stringContaining('opsctl status'),
    });
  });
  test('must be told by its state at once, with what to run', async () => {
    await expect(ways({ state: 'exited' })).rejects.toMatchObject({
      code: 'UNREACHABLE',
      message: 'postgres main does not run: container test-db-1 is exited',
      hint: 'See why: opsctl logs db.',
    });
    await expect(ways({ state: 'paused' })).rejects.toMatchObject({ hint: 'Let it go on: docker unpause test-db-1.' });
  });
  test('must not hide a running one of the same service', async () => {
    const engine = engineOf([
      container({ name: 'a', state: 'exited' }),
      container({ name: 'c' }),
      container({ name: 'b' }),
    ]);
    expect((await findRoutes(engine, target)).container.name).toBe('b');
  });
});

describe('the first way that works must be taken', () => {
  const way = (describe: string, connect: Route['connect']): Route => ({
    kind: 'address',
    describe,
    name: 'x',
    connect,
  });
  const refuse = (message: string) => async (): Promise<never> => {
    throw new OpsError('UNREACHABLE', message);
  };

  test('and no later one be tried', async () => {
    const good = way('good', async () => new PassThrough());
    const never = way('never', async () => expect.unreachable('tried'));
    expect((await connectFirst([way('bad', refuse('no')), good, never], 1000)).route.describe).toBe('good');
  });
  test('or all of them be told', async () => {
    await expect(connectFirst([way('one', refuse('no 1')), way('two', refuse('no 2'))], 1000)).rejects.toMatchObject({
      message: 'no 2',
      details: { tried: ['one: no 1', 'two: no 2'] },
    });
  });
  test('an address that nobody routes must cost half a second at most', async () => {
    const engine = engineOf([container({ networks: [{ name: 'net', address: '192.0.2.1' }] })]);
    const { routes } = await findRoutes(engine, target);
    const started = performance.now();
    await expect(connectFirst(routes, 3000)).rejects.toMatchObject({ message: 'no tunnel here' });
    expect(performance.now() - started).toBeLessThan(2500);
  });
  test('a published port must carry bytes', async () => {
    const server = net.createServer((socket) => socket.end('hello'));
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as net.AddressInfo;
    const one = container({ ports: [{ container: 5432, protocol: 'tcp', host: { address: '0.0.0.0', port } }] });
    const { stream, route } = await connectFirst((await findRoutes(engineOf([one]), target)).routes, 1000);
    expect(route.kind).toBe('published');
    expect(String((await stream.take(1).toArray())[0])).toBe('hello');
  });
});

describe('the greeting of a tunnel', () => {
  const greeted = async (text: string, end = false): Promise<string> => {
    const stream = new PassThrough();
    stream.write(text);
    if (end) stream.end();
    const open = await greet('redis main', 'box', stream, 200);
    open.end();
    return Buffer.concat(await open.toArray()).toString();
  };
  test('must be taken off and nothing else', async () => {
    expect(await greeted('+\nfirst\nbytes')).toBe('first\nbytes');
  });
  test('must tell why there is no way', async () => {
    await expect(greeted('refused\n', true)).rejects.toMatchObject({
      message: 'redis main refuses connections inside container box',
    });
    await expect(greeted('program\n', true)).rejects.toMatchObject({
      hint: expect.stringContaining('bash, nc and socat'),
    });
    await expect(greeted('', true)).rejects.toMatchObject({ code: 'UNREACHABLE' });
    await expect(greeted('x'.repeat(100_000))).rejects.toMatchObject({ code: 'UNREACHABLE' });
    await expect(greeted('+')).rejects.toMatchObject({ code: 'TIMED_OUT' });
  });
});

describe('a URL', () => {
  const usual = {
    schemes: ['postgresql', 'postgres'],
    port: 5432,
    socket: (directory: string, port: number) => `${directory}/.s.PGSQL.${port}`,
  };
  const parse = (text: string): ReturnType<typeof parseServerUrl> => parseServerUrl('postgres main', text, usual);

  test.each([
    [
      'postgresql://me:p%40ss@db.test:6000/shop?sslmode=require',
      { address: { host: 'db.test', port: 6000 }, user: 'me', path: 'shop' },
    ],
    ['postgres://[::1]/shop', { address: { host: '::1', port: 5432 }, path: 'shop' }],
    ['postgresql:///shop', { address: { host: 'localhost', port: 5432 }, path: 'shop' }],
    ['postgresql://me@/shop?host=/run/pg', { address: { path: '/run/pg/.s.PGSQL.5432' }, user: 'me' }],
    ['postgresql://me@%2Frun%2Fpg:6000/shop', { address: { path: '/run/pg/.s.PGSQL.6000' } }],
  ])('%s must be understood', (text, expected) => {
    expect(parse(text)).toMatchObject(expected);
  });
  test('must give its password only as a secret', () => {
    const url = parse('postgresql://me:p%40ssword@db.test/shop');
    expect(url.password?.reveal()).toBe('p@ssword');
    expect(JSON.stringify(url)).not.toContain('p@ss');
  });
  test.each([
    '',
    'db.test',
    'mysql://db.test',
    'postgresql://a:top/secret@db.test',
    'postgresql://a,b/x?host=a,b',
    'postgresql://a/x?port=0',
  ])('%j must be refused without being repeated', (text) => {
    expect(() => parse(text)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.not.stringContaining('secret') }),
    );
  });
  test('whatever it is must be understood or refused as configuration', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.webUrl(),
          fc.string().map((text) => `postgresql://${text}`),
        ),
        (text) => {
          try {
            parse(text);
          } catch (error) {
            expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
          }
        },
      ),
    );
  });
  test('must know what stays inside this machine', () => {
    expect([{ host: 'localhost', port: 1 }, { host: '127.0.0.9', port: 1 }, { path: '/run/x' }].every(isLoopback)).toBe(
      true,
    );
    expect(
      [
        { host: '127.example.test', port: 1 },
        { host: '10.0.0.1', port: 1 },
      ].some(isLoopback),
    ).toBe(false);
  });
});
