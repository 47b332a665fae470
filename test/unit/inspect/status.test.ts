import { UNKNOWN } from '../../../src/core/live.ts';
import { describe, expect, it } from 'vitest';

import type { FakeContainer } from '../../support/fakes/engine.ts';
import { containerStatus } from '../../../src/inspect/status.ts';
import { observeUsage } from '../../../src/inspect/stats.ts';
import type { Readers } from '../../../src/core/ports.ts';
import { statuses, world } from '../health/platform.ts';
import { contextOf, NOW, of, shop, shopEngine } from './platform.ts';

describe('the status of a container', () => {
  it.each<Partial<FakeContainer>>([
    {},
    { state: 'paused' },
    { state: 'created' },
    { state: 'removing' },
    { state: 'restarting' },
    { state: 'exited', exitCode: 0 },
    { state: 'exited', exitCode: 0, restartPolicy: 'always' },
    { state: 'exited', exitCode: 1 },
    { health: 'starting' },
    { health: 'unhealthy' },
    { networks: [] },
  ])('%j must be the one that health gives', async (facts) => {
    for (const service of ['web', 'migrate']) {
      const one = world();
      if (service === 'migrate') one.engine.add(of('migrate'));
      const made = one.engine.all.find((container) => container.service === service);
      Object.assign(made ?? {}, facts);
      const detail = await one.engine.container(made?.id ?? '');
      const { status } = containerStatus(detail, detail, { platform: shop(), engineTime: NOW, live: UNKNOWN });
      const health = await one.look({ only: [`container:${made?.name ?? ''}`] });
      expect(statuses(health)).toMatchObject({ [`container:${made?.name ?? ''}`]: status });
    }
  });

  it('must be unknown when it was gone before it could be looked at', async () => {
    const engine = shopEngine();
    const gone = engine.add({ ...of('web') });
    expect(containerStatus(gone, undefined, { platform: shop(), engineTime: NOW, live: UNKNOWN }).status).toBe(
      'unknown',
    );
  });
});

it('a container that runs but whose use is not told must not be listed as not running', async () => {
  const engine = shopEngine();
  engine.add({ ...of('api') });
  engine.add({ ...of('web'), state: 'exited' });
  const { readers, platform } = contextOf({ engine } satisfies Partial<Readers>);
  expect(await observeUsage([], platform, readers)).toEqual({
    containers: [],
    notRunning: ['shop-web-prod'],
    unobserved: ['shop-api-prod'],
  });
});
