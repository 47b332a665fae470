import { connect } from 'node:net';
import { homedir } from 'node:os';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';

import { openDocker } from '../../src/adapters/docker/client.ts';
import { openEngine } from '../../src/adapters/docker/engine.ts';
import { openHttp } from '../../src/adapters/http/open.ts';
import { openLoadBalancer } from '../../src/adapters/nginx.ts';
import type { LoadBalancerWriter } from '../../src/core/ports/load-balancer.ts';
import { fakeLoadBalancer } from '../support/fakes/load-balancer.ts';
import { processesOnly, startNginx, startNginxContainer, type RunningNginx } from '../support/nginx.ts';
import { pause, waitUntil } from '../support/process.ts';

interface World {
  writer: LoadBalancerWriter;
  container: string;
  /** Makes the configuration on disk good or bad. */
  configure(how: { mistake: boolean }): Promise<void>;
  close(): Promise<void>;
}

/** What every LoadBalancerWriter does, on an nginx with two workers; skipped for the reason that `open` gives instead of one. */
function contract(name: string, open: () => Promise<World | string>): void {
  describe(`load balancer contract: ${name}`, () => {
    let world: World;
    beforeAll(async () => {
      const opened = await open();
      if (typeof opened === 'string') missing = opened;
      else world = opened;
    });
    let missing: string | undefined;
    beforeEach((context) => {
      context.skip(missing !== undefined, missing);
    });
    afterAll(async () => {
      if (missing === undefined) await world.close();
    });

    test('a good configuration is ok', async () => {
      await world.configure({ mistake: false });
      expect(await world.writer.checkConfiguration(world.container)).toMatchObject({
        ok: true,
        output: expect.stringContaining('syntax is ok') as string,
      });
    });

    test('a reload replaces every worker', async () => {
      const { writer, container } = world;
      const before = await writer.workers(container);
      expect(before).toHaveLength(2);
      expect(await writer.workersReplaced(container, before)).toBe(false);
      await writer.reload(container);
      await waitUntil(
        () => writer.workersReplaced(container, before),
        5000,
        () => 'workers were not replaced',
      );
      expect(await writer.workers(container)).toHaveLength(2);
    });

    test('a broken configuration is found, and a reload with it keeps the workers', async () => {
      const { writer, container } = world;
      await world.configure({ mistake: true });
      expect(await writer.checkConfiguration(container)).toMatchObject({
        ok: false,
        output: expect.stringContaining('no_such_directive') as string,
      });
      const before = await writer.workers(container);
      await writer.reload(container);
      await pause(500);
      expect(await writer.workersReplaced(container, before)).toBe(false);
      expect(await writer.workers(container)).toEqual(before);
      await world.configure({ mistake: false });
    });
  });
}

contract('the fake', async () => {
  const writer = fakeLoadBalancer({ lb: {} });
  return {
    writer,
    container: 'lb',
    configure: async ({ mistake }) => {
      const nginx = writer.containers.get('lb');
      if (nginx === undefined) return;
      if (mistake) nginx.mistake = 'unknown directive "no_such_directive"';
      else delete nginx.mistake;
    },
    close: async () => undefined,
  };
});

contract('nginx', async () => {
  const nginx = await startNginx();
  return {
    writer: processesOnly(nginx.docker),
    container: 'lb',
    configure: nginx.configure,
    close: nginx.stop,
  };
});

contract('nginx in a container', async () => {
  const host = inject('dockerHost');
  const nginx = await startNginxContainer({ host, runId: inject('runId') });
  if (nginx === undefined) return 'the nginx image of the demo is not on the engine: npm run demo builds it';
  const docker = openDocker({ host, env: process.env, home: homedir() });
  return {
    writer: openLoadBalancer({ docker: openEngine(docker), files: docker, http: openHttp({ directory: '/' }) }),
    container: nginx.id,
    configure: nginx.configure,
    close: async () => {
      docker.close();
      await nginx.stop();
    },
  };
});

describe('nginx itself', () => {
  let nginx: RunningNginx;
  beforeAll(async () => {
    nginx = await startNginx();
  });
  afterAll(() => nginx.stop());

  test('a worker that drains a connection counts as replaced; `auto` changes their number', async () => {
    const writer = processesOnly(nginx.docker);
    const before = await writer.workers('lb');
    const { hostname, port } = new URL(nginx.url);
    const client = connect(Number(port), hostname);
    await new Promise((resolve) => client.once('connect', resolve));
    client.on('error', () => undefined);
    // Half a request keeps its worker alive until worker_shutdown_timeout.
    client.write('GET / HTTP/1.1\r\nhost: x\r\n');
    await pause(200);
    await nginx.configure({ workers: 'auto' });
    await writer.reload('lb');
    await waitUntil(
      () => writer.workersReplaced('lb', before),
      5000,
      () => 'workers were not replaced',
    );
    const titles = (await nginx.docker.processes('lb')).map((one) => one.command);
    expect(titles).toContain('nginx: worker process is shutting down');
    client.destroy();
  });

  test('a stopped container has no workers, no master, and is never "replaced"', async () => {
    const writer = processesOnly({ ...nginx.docker, processes: async () => [] });
    expect(await writer.workers('lb')).toEqual([]);
    expect(await writer.workersReplaced('lb', [1])).toBe(false);
    await expect(writer.reload('lb')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(writer.checkConfiguration('lb')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
