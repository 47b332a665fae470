/** The replica port on images of registries: of a real one, of the fake's, and of those that fail. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, test } from 'vitest';

import { openDocker } from '../../src/adapters/docker/client.ts';
import { openEngine } from '../../src/adapters/docker/engine.ts';
import { openReplicas } from '../../src/adapters/docker/replicas.ts';
import type { ReplicaWriter } from '../../src/core/ports/replicas.ts';
import { fakeEngine } from '../support/fakes/engine.ts';
import { fakeReplicas } from '../support/fakes/replicas.ts';
import { openServers } from '../support/http-servers.ts';
import { freePort } from '../support/process.ts';
import { MEMBER, noRegistry, startRegistry, type TestRegistry } from '../support/registry.ts';
import { testDocker } from '../support/test-containers.ts';
import { importImage, moveToRegistry, removeImage } from '../support/test-images.ts';

const docker = testDocker();
const engine = openEngine(docker);
const open = (env: Record<string, string> = {}): ReplicaWriter =>
  openReplicas({ docker, engine, env, home: '/nonexistent' });

/** Why no registry of this machine can be asked; undefined when it can. */
const away = (await engine.info()).local
  ? undefined
  : 'the engine is on another machine, from where a registry of this one is not reached';
const missing = away ?? (await noRegistry());

const left: string[] = [];
const homes: string[] = [];
afterEach(async () => {
  await Promise.all(homes.splice(0).map((home) => rm(home, { recursive: true, force: true })));
  for (const reference of left.splice(0)) await removeImage(docker, reference);
});
afterAll(() => docker.close());
/** An image that only that registry has. */
const push = async (reference: string, label?: string): Promise<string> => {
  await importImage(docker, reference, label);
  await moveToRegistry(docker, reference, MEMBER);
  left.push(reference);
  return reference;
};

/** The port with what `docker login` has kept for a registry. */
const loggedIn = async (host: string, password = MEMBER.password): Promise<ReplicaWriter> => {
  const home = await mkdtemp(join(tmpdir(), 'opsctl-login-'));
  homes.push(home);
  const auth = Buffer.from(`${MEMBER.username}:${password}`).toString('base64');
  await writeFile(join(home, 'config.json'), JSON.stringify({ auths: { [host]: { auth } } }));
  return open({ DOCKER_CONFIG: home });
};
/** Neither tells of an image nor pulls it. */
const neither = async (replicas: ReplicaWriter, reference: string, failure: object): Promise<void> => {
  await expect(replicas.registryDigest(reference)).rejects.toMatchObject(failure);
  await expect(replicas.pull(reference)).rejects.toMatchObject(failure);
};

interface World {
  replicas: ReplicaWriter;
  /** Puts an image into the registry that the engine does not have; gives its reference with that tag. */
  publish(tag: string): Promise<string>;
  close(): Promise<void>;
}

const worlds: Record<string, () => Promise<World>> = {
  'the real engine and a real registry': async () => {
    const registry = await startRegistry({ password: false });
    return {
      replicas: open(),
      publish: (tag) => push(`${registry.host}/shop/api:${tag}`),
      close: registry.stop,
    };
  },
  'the fake': async () => {
    const replicas = fakeReplicas(fakeEngine());
    return {
      replicas,
      publish: async (tag) => {
        const reference = `127.0.0.1:5000/shop/api:${tag}`;
        replicas.registry.set(reference, `sha256:${tag}`);
        return reference;
      },
      close: async () => undefined,
    };
  },
};

describe.each(Object.keys(worlds))('images of a registry: %s', (which) => {
  const why = which === 'the fake' ? undefined : missing;
  let world: World;
  beforeAll(async () => {
    if (why === undefined) world = await (worlds[which] as () => Promise<World>)();
  });
  afterAll(() => (why === undefined ? world.close() : undefined));
  beforeEach((context) => context.skip(why !== undefined, why));

  it('are known by a digest before the engine has them, and are just that when they were pulled', async () => {
    const { replicas } = world;
    const [one, two] = [await world.publish('v1'), await world.publish('v2')];
    const digest = await replicas.registryDigest(one);
    expect(digest).toMatch(/^sha256:/);
    expect(await replicas.registryDigest(two)).not.toBe(digest);
    expect(await replicas.image(one)).toBeUndefined();
    expect(await replicas.hasImage(one, digest)).toBe(false);

    await replicas.pull(one);
    expect(await replicas.hasImage(one, digest)).toBe(true);
    expect((await replicas.image(one))?.digests).toEqual([`${one.slice(0, -':v1'.length)}@${digest}`]);
    expect(await replicas.hasImage(one, await replicas.registryDigest(two))).toBe(false);
    expect(await replicas.image(two)).toBeUndefined();
    await replicas.pull(one, digest);
    expect(await replicas.hasImage(one, digest)).toBe(true);
    await expect(replicas.pull(one, await replicas.registryDigest(two))).rejects.toMatchObject({ code: 'UNSAFE' });
  });

  it('that it does not have are NOT_FOUND', async () => {
    const unknown = (await world.publish('v3')).replace(':v3', ':v4');
    const failure = { code: 'NOT_FOUND', message: expect.stringContaining('has no image') as unknown };
    await expect(world.replicas.registryDigest(unknown)).rejects.toMatchObject(failure);
    await expect(world.replicas.pull(unknown)).rejects.toMatchObject(failure);
    expect(await world.replicas.image(unknown)).toBeUndefined();
  });
});

describe('a real registry', () => {
  const registries: TestRegistry[] = [];
  beforeEach((context) => context.skip(missing !== undefined, missing));
  afterEach(async () => {
    await Promise.all(registries.splice(0).map((one) => one.stop()));
  });
  const start = async (how: { password: boolean }): Promise<TestRegistry> => {
    const registry = await startRegistry(how);
    registries.push(registry);
    return registry;
  };
  it('gives what its images say: their labels', async () => {
    const { host } = await start({ password: false });
    const reference = await push(`${host}/shop/api:v1`, 'opsctl.rollback.forbidden=why');
    await open().pull(reference);
    await expect(open().lacksLabel(reference, 'opsctl.rollback.forbidden')).rejects.toMatchObject({ code: 'UNSAFE' });
    expect(await open().lacksLabel(reference, 'other')).toBe(true);
  });

  it('gives the latest of what is named without a tag, and by digest just that', async () => {
    const { host } = await start({ password: false });
    const [v1, latest] = [await push(`${host}/shop/api:v1`), await push(`${host}/shop/api:latest`)];
    await open().pull(`${host}/shop/api`);
    expect(await open().image(latest)).toBeDefined();
    expect(await open().image(v1)).toBeUndefined();
    const digest = await open().registryDigest(v1);
    await open().pull(`${host}/shop/api@${digest}`);
    expect(await open().hasImage(`${host}/shop/api@${digest}`, digest)).toBe(true);
    left.push(`${host}/shop/api@${digest}`);
  });

  it('that wants a password lets in who was logged in, and nobody else: AUTH_FAILED', async () => {
    const { host } = await start({ password: true });
    const reference = await push(`${host}/shop/api:v1`);
    const refused = { code: 'AUTH_FAILED', hint: expect.stringContaining(`docker login ${host}`) as unknown };
    await neither(open(), reference, refused);
    await neither(await loggedIn(host, 'wrong'), reference, refused);
    await neither(await loggedIn('other.example'), reference, refused);
    expect(await open().image(reference)).toBeUndefined();

    const member = await loggedIn(host);
    const digest = await member.registryDigest(reference);
    await neither(member, `${host}/shop/api:v2`, { code: 'NOT_FOUND' });
    await member.pull(reference);
    expect(await member.hasImage(reference, digest)).toBe(true);
  });

  it('that is down is UNREACHABLE, and nothing is waited for', async () => {
    const host = `127.0.0.1:${(await freePort()).toString()}`;
    const down = { code: 'UNREACHABLE', details: { outcome: 'none' } };
    await neither(open(), `${host}/shop/api:v1`, down);
    await neither(await loggedIn(host), `${host}/shop/api:v1`, down);
    await neither(open(), 'registry.opsctl.invalid/shop/api:v1', down);
  });

  it('that has lost what an image is made of does not give it: REJECTED', async () => {
    const registry = await start({ password: false });
    const reference = await push(`${registry.host}/shop/api:v1`);
    await registry.loseLayers();
    await open().registryDigest(reference);
    await expect(open().pull(reference)).rejects.toMatchObject({ code: 'REJECTED' });
    expect(await open().image(reference)).toBeUndefined();
  });
});

describe('a registry that hands out tokens', () => {
  const servers = openServers();
  beforeEach((context) => context.skip(away !== undefined, away));
  afterAll(() => servers.close());

  /** Gives a token to nobody and to members, and answers all else with that status. */
  const tokens = async (status: number, code: string): Promise<{ host: string; strangers: string[] }> => {
    const strangers: string[] = [];
    const member = `Basic ${Buffer.from(`${MEMBER.username}:${MEMBER.password}`).toString('base64')}`;
    const url = await servers.http((request, response) => {
      const { authorization = '' } = request.headers;
      const { pathname } = new URL(request.url ?? '/', url);
      const answer = (as: number, json: unknown): void => {
        response.writeHead(as, { 'content-type': 'application/json' }).end(JSON.stringify(json));
      };
      const refuse = (as: number, why: string): void => answer(as, { errors: [{ code: why, message: 'no' }] });
      if (pathname === '/token') {
        if (['', member].includes(authorization)) return answer(200, { token: 't' });
        strangers.push(authorization);
        return refuse(401, 'UNAUTHORIZED');
      }
      if (authorization.startsWith('Bearer ')) return pathname === '/v2/' ? answer(200, {}) : refuse(status, code);
      response.setHeader('www-authenticate', `Bearer realm="${url}/token",service="test"`);
      refuse(401, 'UNAUTHORIZED');
    });
    return { host: url.replace('http://', ''), strangers };
  };

  test.each([
    [503, 'UNAVAILABLE', 'UNREACHABLE'],
    [401, 'UNAUTHORIZED', 'AUTH_FAILED'],
    [403, 'DENIED', 'AUTH_FAILED'],
    [404, 'MANIFEST_UNKNOWN', 'NOT_FOUND'],
  ])('and answers %i %s to everybody is %s, and is tried with no made-up password', async (status, says, code) => {
    const { host, strangers } = await tokens(status, says);
    for (const replicas of [open(), await loggedIn(host)])
      await expect(replicas.registryDigest(`${host}/shop/api:v1`)).rejects.toMatchObject({ code });
    expect(strangers).toEqual([]);
  });

  test('and gives none for a wrong password is AUTH_FAILED', async () => {
    const { host } = await tokens(503, 'UNAVAILABLE');
    await neither(await loggedIn(host, 'expired'), `${host}/shop/api:v1`, { code: 'AUTH_FAILED' });
  });
});

test('an engine that is down is not taken for a registry that is', async () => {
  const absent = openDocker({ host: 'unix:///nonexistent/docker.sock', env: {}, home: '/' });
  const { registryDigest, pull } = openReplicas({ docker: absent, engine, env: {}, home: '/' });
  const down = { code: 'UNREACHABLE', details: { engine: true } };
  await expect(registryDigest('shop/api:v1')).rejects.toMatchObject(down);
  await expect(pull('shop/api:v1')).rejects.toMatchObject(down);
});
