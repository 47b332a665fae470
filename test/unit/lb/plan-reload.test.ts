import { expect, test } from 'vitest';

import type { Container } from '../../../src/core/ports/engine.ts';
import { planReload, runningReplicas, type Balancer } from '../../../src/lb/plan-reload.ts';
import { of } from '../inspect/platform.ts';
import { fakeEngine } from '../../support/fakes/engine.ts';

const replica = (n: number, output?: string): Balancer => ({
  container: { name: `nginx-${n.toString()}` },
  test: { ok: output === undefined, output: output ?? 'syntax is ok' },
  workers: [20 + n, 10 + n],
});

test('every running replica must be reloaded, a step each', () => {
  const made = planReload('nginx', [replica(1), replica(2)], 30_000);
  expect(made).toMatchObject({
    target: 'nginx',
    summary: 'reload nginx in 2 replicas of nginx',
    touches: [1, 2].map(
      (n) => `container nginx-${n.toString()}: 2 workers are replaced; requests in flight finish in the old ones`,
    ),
  });
  expect(made.steps.map((step) => [step.id, step.do?.args, step.verify?.args, step.timeoutMs])).toEqual([
    ['lb.reload:nginx-1', ['nginx-1'], ['nginx-1', [11, 21]], 30_000],
    ['lb.reload:nginx-2', ['nginx-2'], ['nginx-2', [12, 22]], 30_000],
  ]);
});

test('the only replica must be called by its name', () => {
  const made = planReload('nginx', [replica(1)], 1000);
  expect([made.target, made.summary]).toEqual(['nginx-1', 'reload nginx in nginx-1']);
});

test('none must be reloaded when the configuration of one does not load', () => {
  expect(() => planReload('nginx', [replica(1), replica(2, 'unknown directive')], 1000)).toThrow(
    expect.objectContaining({
      code: 'UNSAFE',
      message: 'the configuration of nginx-2 does not load, so no replica is reloaded',
      details: { nginx: 'unknown directive' },
    }),
  );
  expect(() => planReload('nginx', [replica(1, 'bad')], 1000)).toThrow(
    'the configuration of nginx-1 does not load, so it is not reloaded',
  );
});

test('what does not run must be left out, and with nothing that runs there is nothing to reload', () => {
  const engine = fakeEngine();
  const add = (name: string, state: Container['state']): Container =>
    engine.add({ ...of('nginx'), id: name, name, state });
  const [one, two] = [add('nginx-1', 'exited'), add('nginx-2', 'running')];
  expect(runningReplicas('nginx', [one, two])).toEqual([two]);
  expect(() => runningReplicas('nginx', [one])).toThrow('nginx-1 is exited, there is nothing to reload');
  expect(() => runningReplicas('nginx', [])).toThrow('nginx is absent, there is nothing to reload');
});
