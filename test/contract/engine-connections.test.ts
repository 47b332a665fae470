/** Connections between containers of a real engine, here and elsewhere: there they are read by a program in the container. */
import net from 'node:net';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';

import { openDocker } from '../../src/adapters/docker/client.ts';
import { type Engine, openEngine } from '../../src/adapters/docker/engine.ts';
import { openServers } from '../support/http-servers.ts';
import { ECHO_SERVER, visiting } from '../support/test-connections.ts';
import { pauseContainer, removeContainer, runContainer, testDocker } from '../support/test-containers.ts';

const servers = openServers();
const docker = testDocker();
const made: string[] = [];
const box = async (script: string): Promise<string> => {
  const id = await runContainer(docker, { argv: ['sh', '-c', script] });
  made.push(id);
  return id;
};
const server = (also = 'true'): Promise<string> => box(`${also}; ${ECHO_SERVER}`);
/** Has that many connections to a server. */
const visitor = async (to: string, count = 1): Promise<string> => await box(await visiting(here, to, { count }));
const here = openEngine(docker);
const engines: Record<string, Engine> = { here };

beforeAll(async () => {
  const path = inject('dockerHost').replace(/^unix:\/\//, '');
  // An engine that is asked by TCP cannot be told from one on another machine.
  const port = await servers.raw((socket) => void socket.pipe(net.connect(path)).pipe(socket));
  engines['elsewhere'] = openEngine(
    openDocker({ host: `tcp://127.0.0.1:${port.toString()}`, env: {}, home: '/nonexistent' }),
  );
});
afterAll(async () => {
  await Promise.all(made.map((id) => removeContainer(docker, id)));
  docker.close();
  await servers.close();
});

describe.each(['here', 'elsewhere'])('connections of an engine %s', (where) => {
  const engineHere = (): Engine => engines[where] as Engine;

  it('are counted by who has them', async () => {
    const engine = engineHere();
    const id = await server();
    const [one, two] = [await visitor(id), await visitor(id, 2)];
    const count = async (...from: string[]) => (await engine.connections(id, from)).established;
    await expect.poll(() => count(one, two), { timeout: 20_000 }).toBe(3);
    expect(await count(one)).toBe(1);
    expect(await count(two)).toBe(2);
    expect(await count(two, 'opsctl-nowhere')).toBe(2);
    expect(await count()).toBe(0);
    expect(await engine.isDrained(id, [one])).toBe(false);
    await here.stopContainer(one, 0);
    expect(await engine.isDrained(id, [one])).toBe(true);
    await here.stopContainer(id, 5);
    expect(await count(two)).toBe(0);
  });

  it('of a paused container are told by its kernel, not by a program in it', async () => {
    const id = await server();
    await pauseContainer(docker, id);
    const local = (await engineHere().info()).local;
    expect(await engineHere().connections(id, [])).toEqual(local ? { established: 0 } : {});
    expect(await engineHere().isDrained(id, [])).toBe(local);
  });
});

describe('connections of an engine elsewhere', () => {
  it('are told where there is no IPv6, which the program counts as a failure', async () => {
    const id = await server(
      `rm /bin/cat; printf '#!/bin/sh\\nbusybox cat "$@"; exit 1\\n' >/bin/cat; chmod +x /bin/cat`,
    );
    const from = await visitor(id);
    const { connections } = engines['elsewhere'] as Engine;
    await expect.poll(() => connections(id, [from]), { timeout: 20_000 }).toEqual({ established: 1 });
  });

  it('cannot be told where the program is not there', async () => {
    const id = await server('mv /bin/cat /bin/dog');
    const engine = engines['elsewhere'] as Engine;
    await expect.poll(() => engine.connections(id, []), { timeout: 20_000 }).toEqual({});
    expect(await engine.isDrained(id, [])).toBe(false);
  });
});
