/** The lock: two machines are two openings with different host names on one engine. */
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, inject, it } from 'vitest';

import { engineName } from '../../src/adapters/docker/bare.ts';
import { openDocker, type DockerClient } from '../../src/adapters/docker/client.ts';
import { openLock } from '../../src/adapters/lock.ts';
import { startHeart } from '../../src/adapters/lock-heart.ts';
import type { HeldLock, Lock } from '../../src/core/ports/lock.ts';
import { fakeLock, fakeLockState } from '../support/fakes/lock.ts';
import { waitUntil } from '../support/process.ts';
import { removeContainer, testDocker, uniqueName } from '../support/test-containers.ts';

const request = { owner: 'ana', command: 'opsctl deploy v2', change: 'c1' };
const docker = testDocker();
const scopes: string[] = [];
const held: HeldLock[] = [];

/** Everything that a test took is given back, whatever became of it. */
afterEach(async () => {
  await Promise.all(held.splice(0).map((lock) => lock.release()));
  for (const scope of scopes.splice(0)) {
    const left = await openLock({ docker, scope, host: 'cleanup', pid: 0 }).holder();
    if (left !== undefined) await removeContainer(docker, left.id);
  }
});
afterAll(() => docker.close());

const scopeOf = (): string => {
  const scope = uniqueName('lock');
  scopes.push(scope);
  return scope;
};
const take = async (lock: Lock): Promise<HeldLock> => {
  const got = await lock.acquire(request);
  held.push(got);
  return got;
};

type Machines = (ttlMs?: number) => (host: string) => Lock;
const implementations: Record<string, Machines> = {
  'the real engine': (ttlMs) => {
    const scope = scopeOf();
    // Each machine has a client of its own.
    return (host) => openLock({ docker: testDocker(), scope, host, pid: 42, ...(ttlMs !== undefined && { ttlMs }) });
  },
  'the fake': (ttlMs) => {
    const state = fakeLockState();
    return (host) => fakeLock({ state, host, pid: 42, ...(ttlMs !== undefined && { ttlMs }) });
  },
};

describe.each(Object.keys(implementations))('lock port: %s', (name) => {
  const machines = implementations[name] as Machines;

  it('is free, taken, shown, refused to others, and free again', async () => {
    const on = machines();
    expect(await on('a').holder()).toBeUndefined();
    const mine = await take(on('a'));
    expect(await on('b').holder()).toMatchObject({
      ...request,
      id: mine.id,
      host: 'a',
      pid: 42,
      ttlMs: 30_000,
      stale: false,
    });
    const refusal = {
      code: 'LOCKED',
      message: expect.stringMatching(/ana on a, running opsctl deploy v2 since .* ago\)/) as unknown,
      hint: expect.stringContaining('opsctl lock release') as unknown,
    };
    await expect(on('b').acquire(request)).rejects.toMatchObject(refusal);
    await expect(on('a').acquire(request)).rejects.toMatchObject({ code: 'LOCKED' });
    await mine.confirm();
    expect(await on('b').isFree(mine.id)).toBe(false);
    await mine.release();
    await mine.release();
    expect(await on('b').isFree(mine.id)).toBe(true);
    expect((await take(on('b'))).takenOverFrom).toBeUndefined();
  });

  it('of 20 at once, exactly one gets it', async () => {
    const on = machines();
    const results = await Promise.allSettled(Array.from({ length: 20 }, (_, index) => take(on(`m${index}`))));
    expect(results.filter((one) => one.status === 'fulfilled')).toHaveLength(1);
    const refusals = results
      .filter((one) => one.status === 'rejected')
      .map((one) => (one.reason as { code: string }).code);
    expect(refusals).toEqual(Array.from({ length: 19 }, () => 'LOCKED'));
  });

  it('broken, it is lost to its holder and free for others; another lock is not touched by the old id', async () => {
    const on = machines();
    const mine = await take(on('a'));
    await on('b').breakLock(mine.id);
    await expect(mine.confirm()).rejects.toMatchObject({ code: 'LOCKED' });
    const theirs = await take(on('b'));
    await on('c').breakLock(mine.id);
    await mine.release();
    await theirs.confirm();
  });
});

describe('the lock on a real engine', () => {
  const pair = (ttlMs: number, heartbeatMs: number) => {
    const scope = scopeOf();
    return (host: string, beat = heartbeatMs) =>
      openLock({ docker: testDocker(), scope, host, pid: 1, ttlMs, heartbeatMs: beat });
  };

  it('lives as long as it beats, longer than its TTL', async () => {
    const on = pair(5000, 300);
    const mine = await take(on('a'));
    await new Promise((resolve) => setTimeout(resolve, 7500));
    expect((await on('b').holder())?.stale).toBe(false);
    await expect(on('b').acquire(request)).rejects.toMatchObject({ code: 'LOCKED' });
    await mine.confirm();
  });

  it('without beats it is stale after the TTL; of 10 that take over one wins, and the former holder notices', async () => {
    const on = pair(3000, 300);
    const never = 1e8;
    const dead = await take(on('dead', never));
    await waitUntil(
      async () => (await on('b').holder())?.stale === true,
      () => 'never stale',
    );
    const results = await Promise.allSettled(Array.from({ length: 10 }, (_, index) => take(on(`m${index}`))));
    const won = results.filter((one) => one.status === 'fulfilled').map((one) => one.value);
    expect(won).toHaveLength(1);
    expect(won[0]?.takenOverFrom).toMatchObject({ id: dead.id, host: 'dead' });
    await expect(dead.confirm()).rejects.toMatchObject({
      code: 'LOCKED',
      message: expect.stringMatching(/lost: ana on m\d+ holds it/) as unknown,
    });
    await won[0]?.confirm();
  });

  it('a holder that slept too long and was not replaced goes on', async () => {
    // Looked at again within the TTL, by a machine that may be slow.
    const on = pair(6000, 1e8);
    const mine = await take(on('a'));
    await waitUntil(
      async () => (await on('b').holder())?.stale === true,
      () => 'never stale',
    );
    await mine.confirm();
    expect((await on('b').holder())?.stale).toBe(false);
  });

  it('of two that judged it stale at the same moment, the slower one leaves the new lock alone', async () => {
    const scope = scopeOf();
    const options = { scope, pid: 1, ttlMs: 3000 };
    await take(openLock({ ...options, docker, host: 'dead', heartbeatMs: 1e8 }));
    const fast = openLock({ ...options, docker, host: 'fast' });
    let judged = (): void => undefined;
    const slowHasJudged = new Promise<void>((resolve) => {
      judged = resolve;
    });
    let goOn = (): void => undefined;
    const fastHasIt = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const hesitant: DockerClient = {
      ...docker,
      request: async (call) => {
        if (call.method === 'DELETE') {
          judged();
          await fastHasIt;
        }
        return docker.request(call);
      },
    };
    await waitUntil(
      async () => (await fast.holder())?.stale === true,
      () => 'never stale',
    );
    const slow = openLock({ ...options, docker: hesitant, host: 'slow' }).acquire(request);
    await slowHasJudged;
    const won = await take(fast);
    goOn();
    await expect(slow).rejects.toMatchObject({ code: 'LOCKED' });
    await won.confirm();
    expect(won.takenOverFrom?.host).toBe('dead');
  });

  it.each([
    ['fast', 3_600_000],
    ['slow', -3_600_000],
  ])('a client whose clock is %s by an hour holds its lock while it lives, and loses it after', async (_word, skew) => {
    const ttlMs = 4000;
    const scope = scopeOf();
    const on = (host: string) => openLock({ docker, scope, host, pid: 1, ttlMs, heartbeatMs: 1e8 });
    const real = Date.now;
    Date.now = () => real() + skew;
    try {
      const mine = await take(on('a'));
      const { since } = (await on('a').holder()) ?? { since: '' };
      const heart = startHeart(docker, mine.id, { date: Date.parse(since), ttlMs, heartbeatMs: 200 });
      await new Promise((resolve) => setTimeout(resolve, 2 * ttlMs));
      expect((await on('b').holder())?.stale).toBe(false);
      await expect(on('b').acquire(request)).rejects.toMatchObject({ code: 'LOCKED' });
      expect(await heart.confirm()).toBe('ours');
      heart.stop();
      await waitUntil(
        async () => (await on('b').holder())?.stale === true,
        () => 'never stale',
        3 * ttlMs,
      );
    } finally {
      Date.now = real;
    }
  });

  it('the heartbeat notices by itself that the lock was taken away', async () => {
    const scope = scopeOf();
    const lock = openLock({ docker, scope, host: 'a', pid: 1, ttlMs: 3000, heartbeatMs: 100 });
    const mine = await take(lock);
    const heart = startHeart(docker, mine.id, { date: Date.now(), ttlMs: 3000, heartbeatMs: 100 });
    await lock.breakLock(mine.id);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await heart.confirm()).toBe('lost');
    heart.stop();
  });

  it('a foreign container of the same name is told, and left alone', async () => {
    const scope = scopeOf();
    const name = engineName('opsctl-lock', scope);
    const { runContainer } = await import('../support/test-containers.ts');
    const id = await runContainer(docker, { name, argv: ['true'], start: false });
    scopes.pop();
    const lock = openLock({ docker, scope, host: 'a', pid: 1 });
    await expect(lock.acquire(request)).rejects.toMatchObject({ code: 'REJECTED' });
    await lock.breakLock(id).catch(() => undefined);
    await docker.request({ path: `/containers/${id}/json`, asked: 'look', thing: 'it' });
    await removeContainer(docker, id);
  });

  it('an engine that goes away: the holder goes on within the TTL, and stops after it', async () => {
    const target = inject('dockerHost');
    if (!target.startsWith('unix://')) return;
    const folder = await mkdtemp(join(tmpdir(), 'opsctl-lock-'));
    const path = join(folder, 'relay.sock');
    const open = new Set<net.Socket>();
    const relay = (): Promise<net.Server> =>
      new Promise((resolve) => {
        const server = net.createServer((socket) => {
          const up = net.connect(target.slice('unix://'.length));
          for (const end of [socket, up]) open.add(end.on('error', () => undefined));
          socket.pipe(up).pipe(socket);
        });
        server.listen(path, () => resolve(server));
      });
    const cut = (server: net.Server): Promise<unknown> => {
      for (const socket of open) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    };
    const first = await relay();
    const scope = scopeOf();
    const lock = openLock({
      docker: openDocker({ host: `unix://${path}`, env: {}, home: folder }),
      scope,
      host: 'a',
      pid: 1,
      ttlMs: 4000,
      heartbeatMs: 300,
    });
    const mine = await take(lock);
    await cut(first);
    const waiting = mine.confirm();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const second = await relay();
    await waiting;
    await cut(second);
    const started = performance.now();
    await expect(mine.confirm()).rejects.toMatchObject({
      code: 'LOCKED',
      message: expect.stringContaining('cannot be confirmed') as unknown,
    });
    expect(performance.now() - started).toBeLessThan(20_000);
    held.length = 0;
    await rm(folder, { recursive: true, force: true });
  });

  it('shows no secret in its labels', async () => {
    const scope = scopeOf();
    const { Secret } = await import('../../src/core/secret.ts');
    const secret = new Secret('hunter2-very-secret');
    const lock = openLock({ docker, scope, host: 'a', pid: 1 });
    const mine = await lock.acquire({ ...request, command: `opsctl x --password ${secret.reveal()}` });
    held.push(mine);
    const { body } = await docker.request({ path: `/containers/${mine.id}/json`, asked: 'look' });
    expect(body.toString()).not.toContain('hunter2');
  });
});
