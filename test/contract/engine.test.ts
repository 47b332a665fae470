/** The engine port: what holds for every implementation. What only a real engine can show is in engine-real.test.ts. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { openEngine } from '../../src/adapters/docker/engine.ts';
import type { EngineWriter } from '../../src/core/ports/engine.ts';
import { fakeEngine } from '../support/fakes/engine.ts';
import { ECHO_SERVER, visiting } from '../support/test-connections.ts';
import { waitUntil } from '../support/process.ts';
import { removeContainer, runContainer, testDocker, uniqueName } from '../support/test-containers.ts';

/** The scene that every implementation sets: names of containers in these conditions. */
interface Scene {
  engine: EngineWriter;
  project: string;
  /** Runs, has logged one, two, three on stdout, has a file /etc/scene with the text `scene`. */
  running: string;
  /** Has logged `dying` and ended with 3. */
  failed: string;
  healthy: string;
  /** Of no project. */
  stranger: string;
  /** Was never started. */
  created: string;
  /** Has one open connection to `running`. */
  visitor: string;
  close(): Promise<void>;
}

const scenes: Record<string, () => Promise<Scene>> = {
  'the real engine': async () => {
    const docker = testDocker();
    const project = uniqueName('project');
    const labels = (service: string): Record<string, string> => ({
      'com.docker.compose.project': project,
      'com.docker.compose.service': service,
    });
    const sh = (script: string): string[] => ['sh', '-c', `trap 'exit 0' TERM; ${script}`];
    const wait = 'while :; do sleep 0.1; done';
    const running = uniqueName('running');
    const failed = uniqueName('failed');
    const healthy = uniqueName('healthy');
    const stranger = uniqueName('stranger');
    const created = uniqueName('created');
    const visitor = uniqueName('visitor');
    const ids = await Promise.all([
      runContainer(docker, {
        name: running,
        labels: labels('api'),
        argv: sh(`printf scene >/etc/scene; echo one; echo two; echo three; ${ECHO_SERVER}`),
      }),
      runContainer(docker, { name: failed, labels: labels('job'), argv: ['sh', '-c', 'echo dying; exit 3'] }),
      runContainer(docker, {
        name: healthy,
        labels: labels('web'),
        argv: sh(wait),
        health: { test: ['CMD', 'true'], intervalMs: 200 },
      }),
      runContainer(docker, { name: stranger, argv: sh(wait) }),
      runContainer(docker, { name: created, argv: sh(wait), start: false }),
    ]);
    const engine = openEngine(docker);
    ids.push(await runContainer(docker, { name: visitor, argv: sh(await visiting(engine, running)) }));
    await waitUntil(
      async () => (await engine.container(healthy)).health === 'healthy',
      () => 'never healthy',
    );
    await waitUntil(
      async () => (await engine.container(failed)).state === 'exited',
      () => 'never failed',
    );
    return {
      engine,
      project,
      running,
      failed,
      healthy,
      stranger,
      created,
      visitor,
      close: async () => void (await Promise.all(ids.map((id) => removeContainer(docker, id)))),
    };
  },
  'the fake': async () => {
    const engine = fakeEngine();
    const line = (text: string, second: number) => ({
      at: `2025-01-01T00:00:0${second}.000000000Z`,
      stream: 'stdout' as const,
      text,
    });
    const of = (service: string) => ({
      project: 'p',
      service,
      labels: { 'com.docker.compose.project': 'p', 'com.docker.compose.service': service },
    });
    engine.add({
      name: 'running',
      ...of('api'),
      connections: 1,
      log: [line('one', 1), line('two', 2), line('three', 3)],
      files: { '/etc/scene': 'scene' },
    });
    engine.add({ name: 'failed', ...of('job'), state: 'exited', exitCode: 3, log: [line('dying', 1)] });
    engine.add({ name: 'healthy', ...of('web'), health: 'healthy' });
    engine.add({ name: 'stranger' });
    engine.add({ name: 'created', state: 'created' });
    engine.add({ name: 'visitor' });
    return {
      engine,
      project: 'p',
      running: 'running',
      failed: 'failed',
      healthy: 'healthy',
      stranger: 'stranger',
      created: 'created',
      visitor: 'visitor',
      close: async () => undefined,
    };
  },
};

describe.each(Object.keys(scenes))('engine port: %s', (name) => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await (scenes[name] as () => Promise<Scene>)();
  });
  afterAll(() => scene.close());

  const lines = async (container: string, query: { tail?: number } = {}): Promise<string[]> => {
    const found: string[] = [];
    for await (const line of scene.engine.logs(container, query)) found.push(line.text);
    return found;
  };

  it('lists all containers, stopped ones too, and those of one project', async () => {
    const all = await scene.engine.containers();
    expect(all.map((one) => one.name)).toEqual(
      expect.arrayContaining([scene.running, scene.failed, scene.healthy, scene.stranger]),
    );
    const own = await scene.engine.containers({ project: scene.project });
    expect(new Set(own.map((one) => [one.name, one.service, one.state, one.health].join(' ')))).toEqual(
      new Set([
        `${scene.running} api running none`,
        `${scene.failed} job exited none`,
        `${scene.healthy} web running healthy`,
      ]),
    );
  });

  it('inspects by name and by id', async () => {
    const byName = await scene.engine.container(scene.failed);
    expect(byName).toMatchObject({
      name: scene.failed,
      state: 'exited',
      exitCode: 3,
      oomKilled: false,
      pid: 0,
      tty: false,
    });
    expect((await scene.engine.container(byName.id)).name).toBe(scene.failed);
    expect((await scene.engine.container(scene.running)).pid).toBeGreaterThan(0);
  });

  it('says NOT_FOUND for what is not there', async () => {
    const missing = { code: 'NOT_FOUND' };
    await expect(scene.engine.container('opsctl-nowhere')).rejects.toMatchObject(missing);
    await expect(scene.engine.isRunning('opsctl-nowhere')).rejects.toMatchObject(missing);
    await expect(scene.engine.startContainer('opsctl-nowhere')).rejects.toMatchObject(missing);
    await expect(scene.engine.stopContainer('opsctl-nowhere', 1)).rejects.toMatchObject(missing);
    await expect(scene.engine.network('opsctl-nowhere')).rejects.toMatchObject(missing);
    await expect(scene.engine.volume('opsctl-nowhere')).rejects.toMatchObject(missing);
    await expect(scene.engine.readFile(scene.running, '/opsctl-nowhere')).rejects.toMatchObject(missing);
    await expect(lines('opsctl-nowhere')).rejects.toMatchObject(missing);
    await expect(scene.engine.setRestartPolicy('opsctl-nowhere', 'always')).rejects.toMatchObject(missing);
    await expect(scene.engine.hasRestartPolicy('opsctl-nowhere', 'always')).rejects.toMatchObject(missing);
    await expect(scene.engine.isDrained('opsctl-nowhere', [scene.running])).rejects.toMatchObject(missing);
    await expect(scene.engine.connections('opsctl-nowhere', [])).rejects.toMatchObject(missing);
    await expect(scene.engine.staysUp('opsctl-nowhere')).rejects.toMatchObject(missing);
  });

  it('reads the log, all of it or its tail', async () => {
    await waitUntil(
      async () => (await lines(scene.running)).length === 3,
      () => 'never three lines',
    );
    expect(await lines(scene.running)).toEqual(['one', 'two', 'three']);
    expect(await lines(scene.running, { tail: 2 })).toEqual(['two', 'three']);
    expect(await lines(scene.running, { tail: 0 })).toEqual([]);
  });

  it('reads a file', async () => {
    expect(await scene.engine.readFile(scene.running, '/etc/scene')).toBe('scene');
  });

  it('tells the processes of a running container and refuses for one that ended', async () => {
    const processes = await scene.engine.processes(scene.running);
    expect(processes.length).toBeGreaterThan(0);
    expect(processes[0]?.pid).toBeGreaterThan(0);
    await expect(scene.engine.processes(scene.failed)).rejects.toMatchObject({ code: 'REJECTED' });
  });

  it('a container serves when it runs and is healthy; one that ended is UNSAFE, with its exit code and last lines', async () => {
    await expect.poll(() => scene.engine.isServing(scene.running), { timeout: 15_000 }).toBe(true);
    expect(await scene.engine.isServing(scene.healthy)).toBe(true);
    await expect(scene.engine.isServing(scene.failed)).rejects.toMatchObject({
      code: 'UNSAFE',
      details: { exitCode: 3, log: ['dying'] },
    });
  });

  it('a container stays up when it has run for a while, whatever its health', async () => {
    await expect.poll(() => scene.engine.staysUp(scene.running), { timeout: 15_000 }).toBe(true);
    expect(await scene.engine.staysUp(scene.created)).toBe(false);
    await expect(scene.engine.staysUp(scene.failed)).rejects.toMatchObject({
      code: 'UNSAFE',
      details: { exitCode: 3, log: ['dying'] },
    });
  });

  it('counts the connections that others have to a container; those who are gone have none', async () => {
    const { engine, running, visitor, created, failed } = scene;
    const one = { established: 1 };
    await expect.poll(() => engine.connections(running, [visitor]), { timeout: 15_000 }).toEqual(one);
    expect(await engine.connections(running, ['opsctl-nowhere', visitor])).toEqual(one);
    expect(await engine.isDrained(running, [visitor])).toBe(false);
    for (const idle of [created, failed]) {
      expect(await engine.connections(idle, [visitor])).toEqual({ established: 0 });
      expect(await engine.isDrained(idle, [visitor])).toBe(true);
    }
  });

  it('sets what becomes of a container when it ends, and what runs goes on', async () => {
    const { engine, running } = scene;
    const { startedAt, restartPolicy, memoryLimit } = await engine.container(running);
    expect(restartPolicy).toBe('no');
    for (const policy of ['always', 'unless-stopped'] as const) {
      await engine.setRestartPolicy(running, policy);
      await engine.setRestartPolicy(running, policy);
      expect(await engine.hasRestartPolicy(running, policy)).toBe(true);
    }
    expect(await engine.hasRestartPolicy(running, 'always')).toBe(false);
    expect(await engine.container(running)).toMatchObject({ state: 'running', startedAt });
    expect((await engine.container(running)).memoryLimit).toBe(memoryLimit);
  });

  it('starts and stops, and doing so again succeeds', async () => {
    await scene.engine.stopContainer(scene.stranger, 2);
    expect(await scene.engine.isStopped(scene.stranger)).toBe(true);
    expect(await scene.engine.isRunning(scene.stranger)).toBe(false);
    await scene.engine.stopContainer(scene.stranger, 2);
    await scene.engine.startContainer(scene.stranger);
    expect(await scene.engine.isRunning(scene.stranger)).toBe(true);
    await scene.engine.startContainer(scene.stranger);
    expect(await scene.engine.isStopped(scene.stranger)).toBe(false);
  });

  it('measures no container that does not run', async () => {
    const { id } = await scene.engine.container(scene.failed);
    expect((await scene.engine.usage([id])).size).toBe(0);
  });
});
