/** What only a real engine can show: exec, tunnels, files, use of resources. Logs are in engine-logs.test.ts. */
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';

import { putArchive } from '../../src/adapters/docker/archive.ts';
import type { DockerClient } from '../../src/adapters/docker/client.ts';
import { openEngine, type Engine } from '../../src/adapters/docker/engine.ts';
import { apiUsage } from '../../src/adapters/docker/stats.ts';
import { waitUntil } from '../support/process.ts';
import {
  pauseContainer,
  removeContainer,
  runContainer,
  testDocker,
  type TestContainer,
} from '../support/test-containers.ts';

const WAIT = "trap 'exit 0' TERM; while :; do sleep 0.1; done";
let docker: DockerClient;
let engine: Engine;
const made: string[] = [];

beforeAll(() => {
  docker = testDocker();
  engine = openEngine(docker);
});
afterEach(async () => void (await Promise.all(made.splice(0).map((id) => removeContainer(docker, id)))));
afterAll(() => docker.close());

const box = async (script: string, more: Partial<TestContainer> = {}): Promise<string> => {
  const id = await runContainer(docker, { argv: ['sh', '-c', script], ...more });
  made.push(id);
  return id;
};
const ended = async (id: string): Promise<string> => {
  await waitUntil(
    () => engine.isStopped(id),
    () => 'never ended',
  );
  return id;
};

describe('exec', () => {
  it('gives exit code and both outputs, cut at the limit', async () => {
    const id = await box(WAIT);
    expect(await engine.exec(id, ['sh', '-c', 'echo out; echo err >&2; exit 5'])).toEqual({
      exitCode: 5,
      stdout: 'out\n',
      stderr: 'err\n',
      truncated: false,
    });
    const long = await engine.exec(id, ['sh', '-c', 'yes | head -c 3000000'], { outputLimit: 1000 });
    expect([long.stdout.length, long.truncated, long.exitCode]).toEqual([1000, true, 0]);
  });

  it('has a deadline, and exit code 126 or 127 for a program that is not there', async () => {
    const id = await box(WAIT);
    const started = performance.now();
    await expect(engine.exec(id, ['sleep', '30'], { timeoutMs: 500 })).rejects.toMatchObject({ code: 'TIMED_OUT' });
    expect(performance.now() - started).toBeLessThan(10_000);
    expect([126, 127]).toContain((await engine.exec(id, ['opsctl-nowhere'])).exitCode);
  });

  it('is refused by containers that do not run or are not there', async () => {
    const id = await ended(await box('exit 0'));
    await expect(engine.exec(id, ['true'])).rejects.toMatchObject({ code: 'REJECTED' });
    await expect(engine.exec('opsctl-nowhere', ['true'])).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('tunnel', () => {
  it('carries all bytes both ways, and its end ends the program', async () => {
    const id = await box(WAIT);
    const stream = await engine.tunnel(id, ['cat']);
    const sent = Buffer.alloc(3_000_000, Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)));
    const chunks: Buffer[] = [];
    const done = (async () => {
      for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
    })();
    stream.end(sent);
    await done;
    expect(Buffer.concat(chunks).equals(sent)).toBe(true);
    await waitUntil(
      async () => !(await engine.processes(id)).some(({ command }) => command === 'cat'),
      () => 'never no cat left',
    );
  });

  it('reaches a port that is published nowhere', async () => {
    const id = await box('while :; do echo pong | nc -l -p 7000; done');
    await waitUntil(
      async () => (await engine.exec(id, ['sh', '-c', 'netstat -ltn | grep -q :7000'])).exitCode === 0,
      () => 'never listens',
    );
    expect(await text(await engine.tunnel(id, ['nc', '127.0.0.1', '7000']))).toBe('pong\n');
  });

  it('destroyed, it leaves no program behind', async () => {
    const id = await box(WAIT);
    const stream = await engine.tunnel(id, ['cat']);
    const cats = async () => (await engine.processes(id)).filter(({ command }) => command === 'cat').length;
    await waitUntil(
      async () => (await cats()) === 1,
      () => 'never a cat',
    );
    stream.destroy();
    await waitUntil(
      async () => (await cats()) === 0,
      () => 'never no cat left',
    );
    expect(await cats()).toBe(0);
  });

  it('tells why nothing came', async () => {
    const id = await box(WAIT);
    await expect(text(await engine.tunnel(id, ['opsctl-nowhere']))).rejects.toMatchObject({ code: 'REJECTED' });
    await expect(text(await engine.tunnel(id, ['sh', '-c', 'echo no >&2; exit 1']))).rejects.toMatchObject({
      code: 'NOT_READY',
      details: { exitCode: 1, text: 'no' },
    });
  });
});

describe('files', () => {
  it('follows links inside the container, and refuses what is large or no file', async () => {
    const id = await ended(
      await box(
        'mkdir -p /a/b; echo hi >/a/b/real; ln -s ../a/b/real /etc/one; ln -s one /etc/two; ln -s loop /loop; head -c 2000000 /dev/zero >/big',
      ),
    );
    expect(await engine.readFile(id, '/etc/two')).toBe('hi\n');
    await expect(engine.readFile(id, '/loop')).rejects.toMatchObject({ name: 'OpsError' });
    await expect(engine.readFile(id, '/big')).rejects.toMatchObject({ code: 'REJECTED' });
    await expect(engine.readFile(id, '/a')).rejects.toMatchObject({ code: 'REJECTED' });
  });

  it('writes files that read back the same', async () => {
    const id = await box('true', { start: false });
    await putArchive(docker, id, '/', [{ name: 'x/y/z.txt', data: 'grüße' }]);
    expect(await engine.readFile(id, '/x/y/z.txt')).toBe('grüße');
  });
});

describe('start, stop, serving', () => {
  it('stops a paused container with its own exit code, starts a paused one by letting it go on', async () => {
    const id = await box("trap 'exit 7' TERM; while :; do sleep 0.1; done");
    await pauseContainer(docker, id);
    expect(await engine.isServing(id)).toBe(false);
    await engine.startContainer(id);
    expect(await engine.isRunning(id)).toBe(true);
    await pauseContainer(docker, id);
    await engine.stopContainer(id, 5);
    expect(await engine.container(id)).toMatchObject({ state: 'exited', exitCode: 7 });
  });

  it('a container that restarts again and again is UNSAFE at once', async () => {
    const id = await box('echo no config; exit 9', { host: { RestartPolicy: { Name: 'always' } } });
    // Between two restarts it runs for a moment, and then nothing is to be said of it yet.
    const asked = async (): Promise<unknown> => engine.isServing(id).catch((error: unknown) => error);
    let told: unknown;
    await waitUntil(
      async () => (told = await asked()) !== false,
      () => 'never told',
    );
    expect(told).toMatchObject({ code: 'UNSAFE', details: { exitCode: 9 } });
  });

  it('a container that ended once and was started again serves, but not for who wants none that did', async () => {
    const once = `[ -e /tmp/second ] || { touch /tmp/second; sleep 0.3; exit 1; }; ${WAIT}`;
    const id = await box(once, { host: { RestartPolicy: { Name: 'always' } } });
    await waitUntil(
      async () => {
        const { restartCount, state } = await engine.container(id);
        return restartCount === 1 && state === 'running';
      },
      () => 'never started again',
    );
    await waitUntil(
      () => engine.isServing(id),
      () => 'never serves',
    );
    await expect(engine.isServing(id, 0)).rejects.toMatchObject({ code: 'UNSAFE', details: { restarts: 1 } });
    expect(await engine.isServing(id, 1)).toBe(true);
  });

  it('a container that was sent a signal is started again when it ends, as before', async () => {
    const heard = 'echo heard; touch /tmp/heard';
    const script = `trap '${heard}' HUP; while [ ! -e /tmp/end ]; do sleep 0.1; done; rm /tmp/end; exit 1`;
    const id = await box(script, { host: { RestartPolicy: { Name: 'unless-stopped' } } });
    const run = (command: string): Promise<boolean> =>
      engine.exec(id, ['sh', '-c', command]).then(({ exitCode }) => exitCode === 0);
    // The shell sets its trap some ms after its start.
    await waitUntil(
      async () => {
        await engine.signal(id, 'HUP').catch(() => undefined);
        return run('[ -e /tmp/heard ]');
      },
      () => 'never heard',
    );
    await run('touch /tmp/end');
    await waitUntil(
      async () => (await engine.container(id)).restartCount === 1,
      () => 'never started again',
    );
  });

  it('an unhealthy container does not serve', async () => {
    const id = await box(WAIT, { health: { test: ['CMD', 'false'], intervalMs: 200 } });
    await waitUntil(
      async () => (await engine.container(id)).health === 'unhealthy',
      () => 'never unhealthy',
    );
    expect(await engine.isServing(id)).toBe(false);
    expect(await engine.whyNotServing(id)).toMatchObject({ state: 'running', health: 'unhealthy' });
    expect((await engine.containers()).find((one) => one.id === id)?.health).toBe('unhealthy');
  });
});

describe('a container whose health does not matter', () => {
  const later = 3_600_000;

  it('stays up once its health check has decided, or has had its time', async () => {
    const ill = await box(WAIT, { health: { test: ['CMD', 'false'], intervalMs: 200 } });
    await waitUntil(
      async () => (await engine.container(ill)).health === 'unhealthy',
      () => 'never unhealthy',
    );
    await waitUntil(
      async () => await engine.staysUp(ill, later),
      () => 'never up',
    );
    const undecided = await box(WAIT, { health: { test: ['CMD', 'true'], intervalMs: later } });
    await waitUntil(
      async () => await engine.staysUp(undecided),
      () => 'never up without patience',
    );
    expect(await engine.staysUp(undecided, later)).toBe(false);
  });
});

describe('usage', () => {
  it('from cgroups agrees with the API', async () => {
    const limit = 64 * 1024 * 1024;
    const id = await box(
      'head -c 5000000 /dev/zero >/tmp/x; i=0; while :; do i=$((i+1)); [ $((i%20000)) -eq 0 ] && sleep 0.05; done',
      { host: { Memory: limit } },
    );
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const { local, memory } = await engine.info();
    const own = (await engine.usage([id])).get(id);
    const api = (await apiUsage(docker, [id], async () => memory)).get(id);
    expect(own?.source).toBe(local ? 'cgroup' : 'api');
    expect(api?.source).toBe('api');
    expect(own?.memoryLimit).toBe(limit);
    expect(api?.memoryLimit).toBe(limit);
    expect(Math.abs((own?.memory ?? 0) - (api?.memory ?? 0))).toBeLessThan(4e6);
    expect(Math.abs((own?.cpus ?? 0) - (api?.cpus ?? 0))).toBeLessThan(0.5);
    expect(own?.cpus).toBeGreaterThan(0.02);
    expect(own?.networkReceived).toBeGreaterThanOrEqual(0);
  });

  it('counts kills for want of memory, finds a cgroup parent of its own, leaves the network of the host out', async () => {
    const id = await box("trap 'exit 0' TERM; sh -c 'exec tail /dev/zero'; while :; do sleep 0.1; done", {
      host: {
        Memory: 16 * 1024 * 1024,
        MemorySwap: 16 * 1024 * 1024,
        NetworkMode: 'host',
        CgroupParent: '/opsctl-test',
      },
    });
    const { local } = await engine.info();
    if (!local) return;
    await waitUntil(
      async () => ((await engine.usage([id])).get(id)?.oomKills ?? 0) > 0,
      () => 'never a kill',
    );
    const usage = (await engine.usage([id])).get(id);
    expect(usage?.source).toBe('cgroup');
    expect(usage?.networkReceived).toBeUndefined();
  });
});

describe('networks, volumes, disk', () => {
  it('tells the members of a network and the users of a volume', async () => {
    const volume = `opsctl-test-${inject('runId')}-volume`;
    const id = await box(WAIT, { host: { Binds: [`${volume}:/data:ro`] } });
    const { name } = await engine.container(id);
    expect(await engine.volume(volume)).toMatchObject({
      name: volume,
      driver: 'local',
      usedBy: [{ container: name, target: '/data', readOnly: true }],
    });
    expect((await engine.volumes({ sizes: true })).find((one) => one.name === volume)?.size).toBe(0);
    const bridge = await engine.network('bridge');
    expect(bridge.members?.find((member) => member.container === id)?.address).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    expect((await engine.networks()).map((network) => network.name)).toContain('bridge');
    await removeContainer(docker, id);
    await docker.request({ method: 'DELETE', path: `/volumes/${volume}`, asked: 'remove a test volume' });
  });

  it('measures the disk of a local engine', async () => {
    const [{ local }, disk] = await Promise.all([engine.info(), engine.disk()]);
    expect(disk === undefined).toBe(!local);
    expect(disk?.free ?? 0).toBeLessThan(disk?.size ?? 1);
  });
});
