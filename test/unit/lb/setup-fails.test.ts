/** A set-up that fails, carried out on load balancers in memory. */
import { describe, expect, test } from 'vitest';

import type { Plan } from '../../../src/core/change.ts';
import { execute, type Outcome } from '../../../src/core/execute.ts';
import type { Writers } from '../../../src/core/ports.ts';
import { planSetup } from '../../../src/lb/plan-setup.ts';
import { fakeLoadBalancer, type FakeLoadBalancer, type FakeNginx } from '../../support/fakes/load-balancer.ts';
import { absent, api, instance, setup } from './instance.ts';

/** Carried out without waiting for what does not come. */
async function carriedOut(plan: Plan, loadBalancer: FakeLoadBalancer): Promise<Outcome> {
  const impatient = { ...plan, steps: plan.steps.map((one) => ({ ...one, timeoutMs: 1 })) };
  return await execute(impatient, {
    writers: { loadBalancer } as unknown as Writers,
    confirmLock: async () => undefined,
    signal: new AbortController().signal,
    journal: async () => undefined,
    listen: () => undefined,
    now: () => new Date('2026-03-01T12:00:00.000Z'),
  });
}
const nginxIn = (balancer: FakeLoadBalancer): FakeNginx => {
  const found = balancer.containers.get('nginx');
  return found ?? expect.unreachable('there is no nginx');
};
const bare = setup({ present: absent(), routing: undefined, loaded: { api: {} } });
const text = (digest: string): string => `return 200 "opsctl ${digest} $opsctl_probe";`;
const before = [
  { name: 'http/opsctl.conf', text: '' },
  { name: 'server/opsctl.conf', text: text('abc') },
];
/** One that runs with other files than it should, and answers with them. */
const changed = setup({ present: before, loaded: { api: { digest: 'abc' } } });
const changedNginx = (more: Partial<FakeNginx> = {}): FakeLoadBalancer =>
  fakeLoadBalancer({
    nginx: { snippets: new Map(before.map((one) => [one.name, one.text])), loaded: 'abc', workers: [11, 12], ...more },
  });

test('a set-up must leave nginx with the files, loaded', async () => {
  const balancer = fakeLoadBalancer({ nginx: {} });
  expect(await carriedOut(planSetup(bare, 1000), balancer)).toEqual({ outcome: 'done', left: [] });
  expect(nginxIn(balancer)).toMatchObject({ loaded: instance().wanted.digest, routing: { live: { api: 'blue' } } });
});

describe('a set-up that fails', () => {
  test('must leave nothing where nothing was, so that no deploy takes it for one that is set up', async () => {
    const balancer = fakeLoadBalancer({ nginx: { mistake: 'unknown directive' } });
    expect(await carriedOut(planSetup(bare, 1000), balancer)).toMatchObject({ outcome: 'rolled-back', left: [] });
    expect(nginxIn(balancer).routing).toBeUndefined();
    expect([...nginxIn(balancer).snippets]).toEqual([]);
  });

  test('must not forget where traffic goes when that is not what it is without being told', async () => {
    const green = { ...api, containers: [{ name: 'g', labels: { 'opsctl.colour': 'green' }, aliases: [] }] };
    const facts = setup({ present: absent(), routing: undefined, loaded: {} }, [green]);
    const balancer = fakeLoadBalancer({ nginx: { mistake: 'unknown directive' } });
    await carriedOut(planSetup(facts, 1000), balancer);
    expect(nginxIn(balancer).routing?.live).toEqual({ api: 'green' });
  });

  test('must make nginx load what was put back, when it had loaded what it should not keep', async () => {
    const balancer = changedNginx();
    // What answers at the URL goes on to tell other files.
    const deaf = Object.assign(balancer, { runs: async () => false });
    const ended = await carriedOut(planSetup(changed, 1000), deaf);
    expect(ended).toMatchObject({
      outcome: 'rolled-back',
      error: { code: 'TIMED_OUT', details: { digest: instance().wanted.digest } },
    });
    expect(nginxIn(balancer)).toMatchObject({ loaded: 'abc', reloads: 1 });
    expect([...nginxIn(balancer).snippets.values()]).toEqual(before.map((one) => one.text));
  });

  test('must keep the files without which nginx would not start again, and say so', async () => {
    const balancer = fakeLoadBalancer({ nginx: { needs: 'server/opsctl.conf' } });
    const deaf = Object.assign(balancer, { workersReplaced: async () => false });
    const ended = await carriedOut(planSetup(bare, 1000), deaf);
    expect(ended.outcome).toBe('partial');
    expect(ended.left).toEqual([
      'lb.write:nginx: undo failed: the configuration does not load without the files of opsctl, so they stay',
    ]);
    expect([...nginxIn(balancer).snippets.keys()]).toEqual(['http/opsctl.conf', 'server/opsctl.conf']);
  });
});
