/** How a container goes: after its requests, with its own volumes, and nothing of others with it. On the real engine. */
import { afterAll, afterEach, describe, expect, it } from 'vitest';

import { openEngine } from '../../src/adapters/docker/engine.ts';
import { openReplicas } from '../../src/adapters/docker/replicas.ts';
import type { Removal } from '../../src/core/ports/replicas.ts';
import { ECHO_SERVER, visiting } from '../support/test-connections.ts';
import {
  removeContainer,
  runContainer,
  type TestContainer,
  testDocker,
  uniqueName,
} from '../support/test-containers.ts';

const docker = testDocker();
const engine = openEngine(docker);
const replicas = openReplicas({ docker, engine, env: {}, home: '/nonexistent' });
const made: string[] = [];
const run = async (script: string, more: Partial<TestContainer> = {}): Promise<string> => {
  const id = await runContainer(docker, { argv: ['sh', '-c', script], ...more });
  made.push(id);
  return id;
};
afterEach(async () => void (await Promise.all(made.splice(0).map((id) => removeContainer(docker, id)))));
afterAll(() => docker.close());

const LABELS = { 'opsctl.deploy': '7' };
const WAIT = "trap 'exit 0' TERM; while :; do sleep 0.2; done";
/** Longer than a test may take: who waits for all of it fails. */
const FOREVER_MS = 600_000;

const server = (name: string): Promise<string> => run(ECHO_SERVER, { name, labels: LABELS });
/** Sends `ping` on a connection that it has had for some seconds, and logs what comes back; `never` only has it. */
const visitor = async (to: string, after: number | 'never' = 'never'): Promise<string> => {
  const sends = after === 'never' ? {} : { sends: `sleep ${after.toString()}; echo ping` };
  const id = await run(await visiting(engine, to, sends));
  await expect.poll(() => engine.connections(to, [id]), { timeout: 20_000 }).toEqual({ established: 1 });
  return id;
};
const logOf = async (id: string): Promise<string[]> => {
  const lines: string[] = [];
  for await (const { text } of engine.logs(id, {})) lines.push(text);
  return lines;
};
const removal = (container: string, more: Partial<Removal> = {}): Removal => ({
  container,
  labels: LABELS,
  graceSeconds: 1,
  ...more,
});

describe('what has requests of others', () => {
  it('is removed when they are finished, also where one of the others is gone', async () => {
    const name = uniqueName('busy');
    const from = [await visitor(await server(name), 8), 'opsctl-nowhere'];
    await replicas.remove(removal(name, { drain: { from, forMs: FOREVER_MS } }));
    expect(await replicas.isAbsent(name)).toBe(true);
    expect(await logOf(from[0] as string)).toEqual(['ping']);
  });

  it('is removed when their time is over', async () => {
    const name = uniqueName('endless');
    const from = [await visitor(await server(name))];
    await replicas.remove(removal(name, { drain: { from, forMs: 1000 } }));
    expect(await replicas.isAbsent(name)).toBe(true);
  });

  it('does not wait for those whom nobody asked for', async () => {
    const name = uniqueName('asked');
    await visitor(await server(name));
    const other = await run(WAIT);
    await replicas.remove(removal(name, { drain: { from: [other], forMs: FOREVER_MS } }));
    expect(await replicas.isAbsent(name)).toBe(true);
  });

  it('does not wait where nothing ever ran', async () => {
    const name = uniqueName('created');
    await run(WAIT, { name, labels: LABELS, start: false });
    await replicas.remove(removal(name, { drain: { from: [await run(WAIT)], forMs: FOREVER_MS } }));
    expect(await replicas.isAbsent(name)).toBe(true);
  });

  it('is what is removed, whoever has its name by then', async () => {
    const name = uniqueName('renamed');
    const id = await server(name);
    const from = [await visitor(id)];
    const removing = replicas.remove(removal(name, { drain: { from, forMs: FOREVER_MS } }));
    await new Promise((resolve) => setTimeout(resolve, 1000));
    // As compose does when it makes a container anew.
    const call = { method: 'POST' as const, path: `/containers/${id}/rename`, asked: 'rename', timeoutMs: 20_000 };
    await docker.request({ ...call, query: { name: `${name}-old` } });
    const next = await run(WAIT, { name });
    await engine.stopContainer(from[0] as string, 0);
    await removing;
    expect(await replicas.isAbsent(id)).toBe(true);
    expect(await engine.isRunning(next)).toBe(true);
  });
});

it('what is removed twice at the same time is gone, and nobody failed', async () => {
  const name = uniqueName('twice');
  const id = await run(WAIT, { name, labels: LABELS });
  const twice = [removal(name), removal(id), removal(name)].map((one) => replicas.remove(one));
  await Promise.all(twice);
  expect(await replicas.isAbsent(name)).toBe(true);
});

it('what does not end by itself is ended after its grace', async () => {
  const name = uniqueName('deaf');
  await run("trap '' TERM; while :; do sleep 0.2; done", { name, labels: LABELS });
  await replicas.remove(removal(name));
  expect(await replicas.isAbsent(name)).toBe(true);
});

it('its anonymous volumes go with it, those with a name stay', async () => {
  const name = uniqueName('volumes');
  const volume = uniqueName('kept');
  const id = await run(WAIT, {
    name,
    labels: LABELS,
    host: { Binds: [`${volume}:/kept`] },
    config: { Volumes: { '/anonymous': {} } },
  });
  const { volumes } = await engine.container(id);
  const anonymous = volumes.find(({ target }) => target === '/anonymous')?.volume;
  expect(anonymous).toMatch(/^[0-9a-f]{64}$/);
  await replicas.remove(removal(name));
  const left = (await engine.volumes()).map((one) => one.name);
  expect(left).toContain(volume);
  expect(left).not.toContain(anonymous);
});
