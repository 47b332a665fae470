import { describe, expect, test } from 'vitest';

import type { Plan, Step } from '../../../src/core/change.ts';
import { planText } from '../../../src/cli/progress.ts';
import { makeStyle } from '../../../src/cli/style.ts';
import type { InstanceFacts } from '../../../src/lb/observe.ts';
import { planSetup } from '../../../src/lb/plan-setup.ts';
import { absent, api, instance, setup } from './instance.ts';

const shown = (plan: Plan): string => planText(plan, makeStyle({ width: 100, colour: false }), 'production').trim();
const ids = ({ steps }: Plan): string[] => steps.map(({ id }) => id);
const found = ({ steps }: Plan, id: string): Step | undefined => steps.find((one) => one.id === id);

/** One that has nothing yet. */
const bare = (more: Partial<InstanceFacts> = {}): Partial<InstanceFacts> => ({
  present: absent(),
  routing: undefined,
  loaded: { api: {} },
  ...more,
});
const SINCE = '2026-03-01T11:00:00.000Z';
const old = { loaded: { api: { digest: 'abc' } } };

test('a load balancer that was never set up must get its files, tested, loaded and asked for', () => {
  const plan = planSetup(setup(bare()), 30_000);
  expect(shown(plan)).toMatchInlineSnapshot(`
    "Plan for production: set up nginx for deploys without a reload

      touches container nginx: 2 files in /etc/opsctl
      touches container nginx: its workers are replaced; requests in flight finish in the old ones

      1. write in nginx that traffic goes where it goes now
         a later switch replaces it by one rename
      2. write /etc/opsctl/http/opsctl.conf and /etc/opsctl/server/opsctl.conf in nginx
         nginx is to ask for the live colour at each request
      3. test the configuration of nginx
         a configuration that does not load must not be there at the next restart
      4. reload nginx in nginx and wait for its new workers
         the configuration on disk was tested and loads
      5. ask nginx at http://127.0.0.1:8080 whether it runs with these files
         neither the signal nor new workers tell what was loaded"
  `);
  const { files } = instance().wanted;
  const args = ['nginx', '/etc/opsctl', absent()];
  expect(plan.steps[0]).toMatchObject({ undo: { method: 'unroute', args: ['nginx', '/etc/opsctl'] } });
  expect(plan.steps[1]).toMatchObject({
    do: { method: 'writeSnippets', args: ['nginx', '/etc/opsctl', files] },
    undo: { method: 'restoreSnippets', args },
    undone: { method: 'hasSnippets', args },
  });
  expect(plan.steps[3]).toMatchObject({
    undo: 'not needed',
    verify: { args: ['nginx', [11, 12]] },
    timeoutMs: 30_000,
  });
});

test('a container must be called by its name, which the next one of compose has too', () => {
  const { steps } = planSetup(setup(bare()), 1000);
  const called = steps.flatMap((one) => [one.do, one.undo, one.undone, one.verify, one.explain]);
  const containers = called.flatMap((call) => (typeof call === 'object' ? [call.args[0]] : []));
  expect(new Set(containers)).toEqual(new Set(['nginx']));
});

test('one that is set up must be left alone', () => {
  expect(shown(planSetup(setup(), 1000))).toMatchInlineSnapshot(`
    "Plan for production: nginx is set up already

      nothing to do"
  `);
});

describe('what is missing must be done, and no more', () => {
  test('files that somebody changed: what was there comes back when nginx does not load, and what was not goes', () => {
    const present = [
      { name: 'http/opsctl.conf', text: 'x' },
      { name: 'server/opsctl.conf', text: null },
    ];
    const plan = planSetup(setup({ present }), 1000);
    expect(ids(plan).slice(0, 3)).toEqual(['lb.write:nginx', 'lb.test:nginx', 'lb.reload:nginx']);
    expect(plan.steps[0]).toMatchObject({
      undo: { method: 'restoreSnippets', args: ['nginx', '/etc/opsctl', present] },
      undone: { method: 'hasSnippets' },
    });
  });

  test('a reload', () => {
    const plan = planSetup(setup(old), 1000);
    expect(ids(plan)).toEqual(['lb.test:nginx', 'lb.reload:nginx', 'lb.runs:nginx:http://127.0.0.1:8080']);
    // Nothing was written that could be taken back.
    expect(found(plan, 'lb.reload:nginx')?.undo).toBe('stays');
    expect(plan.touches).toEqual([
      'container nginx: its workers are replaced; requests in flight finish in the old ones',
    ]);
  });

  test('where traffic goes, when the link is not what opsctl wrote', () => {
    const plan = planSetup(setup({ routing: { why: 'broken' } }), 1000);
    expect(ids(plan)).toEqual(['lb.route:nginx']);
    expect(plan.steps[0]?.undo).toBe('not needed');
  });

  test('in one load balancer of two', () => {
    const facts = setup();
    const b = instance({ id: 'id-b', name: 'b', volume: 'other', present: absent() });
    const plan = planSetup({ ...facts, instances: [...facts.instances, b] }, 1000);
    expect(plan.target).toBe('nginx, b');
    expect(ids(plan)).toEqual(['lb.write:b', 'lb.test:b', 'lb.reload:b', 'lb.runs:b:http://127.0.0.1:8080']);
  });
});

test('those that share a volume must each load the files, and be asked together once all have', () => {
  const facts = setup(bare());
  const plan = planSetup(
    { ...facts, instances: [...facts.instances, instance({ ...bare(), id: 'id-b', name: 'b' })] },
    1000,
  );
  expect(ids(plan)).toEqual([
    ...['lb.route:nginx', 'lb.write:nginx', 'lb.test:nginx', 'lb.reload:nginx'],
    ...['lb.route:b', 'lb.write:b', 'lb.test:b', 'lb.reload:b'],
    'lb.runs:nginx:http://127.0.0.1:8080',
  ]);
});

describe('nginx itself', () => {
  const asked = (plan: Plan): Step[] => plan.steps.filter(({ id }) => id.startsWith('lb.runs:'));
  const without = { configuration: instance().configuration.replace('include /etc/opsctl/server/*.conf;', '') };

  test('must be asked for the files that were written, at the server of a URL and with its certificate', () => {
    const tls = { ca: 'ca.pem' };
    const plan = planSetup({ ...setup({ ...bare(), ...old }), tls }, 1000);
    const request = { url: 'http://127.0.0.1:8080', timeoutMs: 5000, tls };
    expect(asked(plan)).toMatchObject([
      {
        verify: { method: 'runs', args: ['nginx', '/etc/opsctl', instance().wanted.digest, request] },
        explain: { method: 'loaded', args: ['nginx', '/etc/opsctl', request] },
        recheck: true,
      },
    ]);
  });

  test('must tell them where it told others before; where it never told any, that is reported and ends nothing', () => {
    expect(asked(planSetup(setup(old), 1000))[0]?.onFailure).toBeUndefined();
    expect(asked(planSetup(setup(bare()), 1000))[0]?.onFailure).toBe('go on');
  });

  test.each<[string, Partial<InstanceFacts>]>([
    ['where its configuration does not include the files', { ...bare(), ...without }],
    ['where it does not include them any more', { ...old, ...without }],
    ['where it could not be asked before', bare({ loaded: { api: { why: 'refused' } } })],
    ['without a URL', bare({ loaded: {} })],
    ['where its configuration did not load', bare({ test: { ok: false, output: '' }, configuration: '' })],
  ])('must not be asked %s', (_where, more) => {
    expect(ids(planSetup(setup(more), 1000))).toContain('lb.reload:nginx');
    expect(asked(planSetup(setup(more), 1000))).toEqual([]);
  });

  test('must be asked where it told its files, whether its configuration on disk loads or not', () => {
    const broken = { ...old, test: { ok: false, output: '' }, configuration: '' };
    expect(asked(planSetup(setup(broken), 1000))).toHaveLength(1);
  });

  test('must be asked once for services of the same server, and never with a password, which would be journalled', () => {
    const { digest } = instance().wanted;
    const at = (url: string, name = 'web'): Plan =>
      planSetup(
        setup({ present: absent(), loaded: { api: { digest }, web: { digest } } }, [api, { ...api, name, url }]),
        1000,
      );
    expect(asked(at('http://127.0.0.1:8080/web'))).toHaveLength(1);
    expect(asked(at('https://shop.example/web')).map(({ id }) => id)).toEqual([
      'lb.runs:nginx:http://127.0.0.1:8080',
      'lb.runs:nginx:https://shop.example',
    ]);
    expect(asked(at('https://me:secret@shop.example/web'))).toHaveLength(1);
  });
});

test.each<[string, ('blue' | 'green')[], 'blue' | 'green']>([
  ['to what compose made', ['blue'], 'blue'],
  ['to green, where only that runs', ['green', 'green'], 'green'],
  ['to blue, where both run', ['green', 'blue'], 'blue'],
  ['to blue, where nothing runs', [], 'blue'],
])('traffic must go on %s', (_where, colours, colour) => {
  const containers = colours.map((one) => ({ name: one, labels: { 'opsctl.colour': one }, aliases: [] }));
  const [first] = planSetup(setup({ routing: undefined }, [{ ...api, containers }]), 1000).steps;
  expect(first).toMatchObject({
    id: 'lb.route:nginx',
    do: { args: ['nginx', '/etc/opsctl', { live: { api: colour } }] },
  });
});

describe('of several that disagree', () => {
  const says = (name: string, live: 'blue' | 'green'): InstanceFacts =>
    instance({ id: name, name, volume: name, routing: { live: { api: live }, generation: 7, since: SINCE } });
  const facts = { ...setup(), instances: [says('a', 'blue'), says('b', 'green'), says('c', 'green')] };

  test('none must be told anything unless one is named', () => {
    expect(planSetup(facts, 1000).steps).toEqual([]);
  });

  test('the others must be told what the named one says, and it be taken back with the rest', () => {
    const told = planSetup(facts, 1000, 'c');
    expect(ids(told)).toEqual(['lb.route:a']);
    expect(told.steps[0]).toMatchObject({
      do: { method: 'route', args: ['a', '/etc/opsctl', { live: { api: 'green' } }] },
      undo: { method: 'route', args: ['a', '/etc/opsctl', { live: { api: 'blue' } }] },
    });
    expect(ids(planSetup(facts, 1000, 'a'))).toEqual(['lb.route:b', 'lb.route:c']);
  });

  test('one that is none or cannot tell must be refused', () => {
    expect(() => planSetup(facts, 1000, 'd')).toThrow('d is no load balancer of the platform');
    const never = { ...facts, instances: [...facts.instances, instance({ name: 'd', routing: undefined })] };
    expect(() => planSetup(never, 1000, 'd')).toThrow('d cannot tell where traffic goes');
  });
});

test('one that was never told where traffic goes must be told what another says', () => {
  const first = instance({ routing: { live: { api: 'green' }, generation: 7, since: SINCE } });
  const second = instance({ ...bare(), name: 'nginx_2', id: 'id-2', volume: 'other' });
  const plan = planSetup({ ...setup(), instances: [first, second] }, 1000);
  expect(found(plan, 'lb.route:nginx_2')?.do).toMatchObject({
    method: 'route',
    args: ['nginx_2', '/etc/opsctl', { live: { api: 'green' } }],
  });
});
