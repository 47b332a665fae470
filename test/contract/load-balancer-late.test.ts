/** A switch that hangs in the container, is given up, and comes back later: visitors must not follow it any more. */
import { homedir } from 'node:os';
import { expect, inject, onTestFinished, test } from 'vitest';

import { openDocker } from '../../src/adapters/docker/client.ts';
import { openEngine } from '../../src/adapters/docker/engine.ts';
import { openHttp } from '../../src/adapters/http/open.ts';
import { openLoadBalancer } from '../../src/adapters/nginx.ts';
import { OpsError } from '../../src/core/errors.ts';
import type { Route } from '../../src/core/ports/load-balancer.ts';
import { DIRECTORY, startNginxContainer } from '../support/nginx.ts';

const BLUE: Route = { live: { api: 'blue' } };
const GREEN: Route = { live: { api: 'green' } };

test('a switch that was given up must not happen later, nor keep the next one from happening', async (context) => {
  const host = inject('dockerHost');
  const nginx = await startNginxContainer({ host, runId: inject('runId') });
  context.skip(nginx === undefined, 'the nginx image of the demo is not on the engine: npm run demo builds it');
  if (nginx === undefined) return;
  const docker = openDocker({ host, env: process.env, home: homedir() });
  onTestFinished(async () => {
    docker.close();
    await nginx.stop();
  });
  const engine = openEngine(docker);
  /** Programs that hang, each let go by its function. */
  const hanging: (() => Promise<unknown>)[] = [];
  let hangs = false;
  const writer = openLoadBalancer({
    docker: {
      ...engine,
      exec: async (id, argv, options) => {
        if (!hangs || argv[0] !== 'mv') return engine.exec(id, argv, options);
        hanging.push(() => engine.exec(id, argv, options));
        throw new OpsError('TIMED_OUT', 'mv hangs');
      },
    },
    files: docker,
    http: openHttp({ directory: '/' }),
  });
  const route = (to: Route): Promise<void> => writer.route(nginx.name, DIRECTORY, to);
  const live = async (): Promise<unknown> => (await writer.routing(nginx.name, DIRECTORY))?.live;
  await route(BLUE);

  hangs = true;
  await expect(route(GREEN)).rejects.toMatchObject({ code: 'TIMED_OUT' });
  hangs = false;
  const hasNotSwitched = (): Promise<boolean> => writer.hasNotSwitched(nginx.name, DIRECTORY, GREEN);
  expect(await hasNotSwitched()).toBe(false); // it may still
  await route(BLUE); // what the undo of the step does
  expect(await hasNotSwitched()).toBe(true);
  await hanging[0]?.();
  expect(await live()).toEqual(BLUE.live);

  // Between the files of the next switch and its own `mv`, the late one is as good.
  hangs = true;
  await expect(route(GREEN)).rejects.toMatchObject({ code: 'TIMED_OUT' });
  await hanging[1]?.();
  expect(await live()).toEqual(GREEN.live);
  hangs = false;
  await route(GREEN);
  await route(BLUE);
  expect(await live()).toEqual(BLUE.live);
});
