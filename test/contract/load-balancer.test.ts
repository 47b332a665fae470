import { connect } from 'node:net';
import { homedir } from 'node:os';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';

import { openDocker } from '../../src/adapters/docker/client.ts';
import { openEngine } from '../../src/adapters/docker/engine.ts';
import { openHttp } from '../../src/adapters/http/open.ts';
import { openLoadBalancer } from '../../src/adapters/nginx.ts';
import type { Colour, LoadBalancerWriter, Route } from '../../src/core/ports/load-balancer.ts';
import { snippetsFor } from '../../src/lb/snippets.ts';
import { fakeLoadBalancer } from '../support/fakes/load-balancer.ts';
import { DIRECTORY, processesOnly, startNginx, startNginxContainer, type RunningNginx } from '../support/nginx.ts';
import { pause, waitUntil } from '../support/process.ts';
import { removeContainer, runContainer } from '../support/test-containers.ts';

interface World {
  writer: LoadBalancerWriter;
  container: string;
  /** Makes the configuration on disk good or bad, or need the files of opsctl. */
  configure(how: { mistake?: boolean; needs?: boolean }): Promise<void>;
  /** Where nginx is asked which files of opsctl it runs with; absent where it can have none. */
  served?: { url: string };
  /** A container that is no load balancer, and may have got the name of one; absent where there can be none. */
  stranger?: string;
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

    describe('with files of opsctl', () => {
      const filesFor = (port: number) => snippetsFor([{ name: 'api', port }], DIRECTORY, '1.29.3');
      const [old, now] = [filesFor(3000), filesFor(3001)];
      const none = now.files.map(({ name: file }) => ({ name: file, text: null }));
      beforeEach(async (context) => {
        context.skip(world.served === undefined, 'it has no files');
        await world.configure({});
        await world.writer.restoreSnippets(world.container, DIRECTORY, none);
      });
      const runs = ({ digest }: { digest: string }): Promise<boolean> => {
        const request = { url: world.served?.url ?? '', timeoutMs: 2000 };
        return world.writer.runs(world.container, DIRECTORY, digest, request);
      };
      /** Written and loaded. */
      const load = async (wanted: typeof now): Promise<void> => {
        await world.writer.writeSnippets(world.container, DIRECTORY, wanted.files);
        await world.writer.reload(world.container);
        await waitUntil(
          () => runs(wanted),
          () => 'nginx does not run with its files',
        );
      };

      test('nginx tells which it runs with, whatever is on its disk', async () => {
        const { writer, container } = world;
        expect(await runs(old)).toBe(false);
        await load(old);
        await writer.writeSnippets(container, DIRECTORY, now.files);
        expect(await writer.hasSnippets(container, DIRECTORY, now.files)).toBe(true);
        expect([await runs(old), await runs(now)]).toEqual([true, false]);
        const request = { url: world.served?.url ?? '', timeoutMs: 2000 };
        expect(await writer.loaded(container, DIRECTORY, request)).toEqual({ digest: old.digest });
      });

      test('those that are put back are loaded, again and again', async () => {
        const { writer, container } = world;
        await load(old);
        await load(now);
        for (let time = 0; time < 2; time += 1) {
          await writer.restoreSnippets(container, DIRECTORY, old.files);
          expect(await runs(old)).toBe(true);
          expect(await writer.hasSnippets(container, DIRECTORY, old.files)).toBe(true);
        }
      });

      test('where there were none, none are left, on disk and loaded', async () => {
        const { writer, container } = world;
        await load(now);
        await writer.restoreSnippets(container, DIRECTORY, none);
        expect(await runs(now)).toBe(false);
        expect(await writer.hasSnippets(container, DIRECTORY, none)).toBe(true);
        expect(await writer.snippet(container, DIRECTORY, none[0]?.name ?? '')).toBeUndefined();
      });

      test('those without which nginx would not start again stay', async () => {
        const { writer, container } = world;
        await load(now);
        await world.configure({ needs: true });
        await expect(writer.restoreSnippets(container, DIRECTORY, none)).rejects.toMatchObject({ code: 'UNSAFE' });
        expect(await writer.loads(container)).toBe(true);
        expect(await writer.hasSnippets(container, DIRECTORY, now.files)).toBe(true);
        expect(await runs(now)).toBe(true);
      });

      test('a configuration that loads neither way is as it was, and nginx goes on', async () => {
        const { writer, container } = world;
        await load(now);
        await world.configure({ mistake: true });
        const before = await writer.workers(container);
        await writer.restoreSnippets(container, DIRECTORY, old.files);
        expect(await writer.hasSnippets(container, DIRECTORY, old.files)).toBe(true);
        expect(await writer.workers(container)).toEqual(before);
        expect(await runs(now)).toBe(true);
      });

      test('a container that is no load balancer is told nothing', async () => {
        const { writer, stranger = '' } = world;
        const refused = { code: 'NOT_FOUND' };
        await expect(writer.route(stranger, DIRECTORY, { live: {} })).rejects.toMatchObject(refused);
        await expect(writer.writeSnippets(stranger, DIRECTORY, now.files)).rejects.toMatchObject(refused);
        await expect(writer.restoreSnippets(stranger, DIRECTORY, none)).rejects.toMatchObject(refused);
        await expect(writer.reload(stranger)).rejects.toMatchObject(refused);
      });

      test('where traffic goes is written once, and forgotten only where that changes nothing', async () => {
        const { writer, container } = world;
        expect(await writer.routing(container, DIRECTORY)).toBeUndefined();
        const route = async (colour: Colour, canary?: Route['canary']): Promise<void> => {
          const to: Route = { live: { api: colour }, ...(canary === undefined ? {} : { canary }) };
          await writer.route(container, DIRECTORY, to);
          expect(await writer.isRouted(container, DIRECTORY, to)).toBe(true);
          expect(await writer.hasNotSwitched(container, DIRECTORY, to)).toBe(false);
          expect(await writer.hasNotSwitched(container, DIRECTORY, { live: { api: 'blue', other: 'green' } })).toBe(
            true,
          );
        };
        const left = async (): Promise<number | undefined> => {
          await writer.unroute(container, DIRECTORY);
          return (await writer.routing(container, DIRECTORY))?.generation;
        };
        await route('blue');
        await route('blue');
        expect(await writer.routing(container, DIRECTORY)).toMatchObject({ generation: 1, live: { api: 'blue' } });
        await route('green');
        expect(await left()).toBe(2);
        await route('blue', { services: ['api'], percent: 5 });
        expect(await left()).toBe(3);
        await route('blue');
        expect(await left()).toBeUndefined();
        expect(await left()).toBeUndefined();
        await route('blue');
        expect(await left()).toBeUndefined();
      });
    });
  });
}

contract('the fake', async () => {
  const writer = fakeLoadBalancer({ lb: {} });
  return {
    writer,
    container: 'lb',
    served: { url: 'http://lb' },
    stranger: 'cat',
    configure: async ({ mistake, needs }) => {
      const nginx = writer.containers.get('lb');
      if (nginx === undefined) return;
      delete nginx.mistake;
      delete nginx.needs;
      if (mistake === true) nginx.mistake = 'unknown directive "no_such_directive"';
      if (needs === true) nginx.needs = 'server/opsctl.conf';
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
  const stranger = await runContainer(docker, { argv: ['sleep', '600'] });
  return {
    writer: openLoadBalancer({ docker: openEngine(docker), files: docker, http: openHttp({ directory: '/' }) }),
    // As steps call it.
    container: nginx.name,
    served: { url: nginx.url },
    stranger,
    configure: nginx.configure,
    close: async () => {
      await removeContainer(docker, stranger);
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
