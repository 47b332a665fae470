import { describe, expect, test } from 'vitest';

import type { Plan } from '../../../src/core/change.ts';
import { planText } from '../../../src/cli/progress.ts';
import { makeStyle } from '../../../src/cli/style.ts';
import { planSetup } from '../../../src/lb/plan-setup.ts';
import { api, door, setup } from './door.ts';

const shown = (plan: Plan): string => planText(plan, makeStyle({ width: 100, colour: false }), 'production').trim();
const ids = ({ steps }: Plan): string[] => steps.map(({ id }) => id);

test('a load balancer that was never set up must get its files, tested and loaded', () => {
  const plan = planSetup(setup({ present: [], routing: undefined, loaded: { api: { digest: undefined } } }), 30_000);
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
         the configuration on disk was tested and loads"
  `);
  const { files } = door().wanted;
  expect(plan.steps[1]).toMatchObject({
    do: { method: 'writeSnippets', args: ['id-nginx', '/etc/opsctl', files] },
    undo: { method: 'removeSnippets', args: ['id-nginx', '/etc/opsctl', ['http/opsctl.conf', 'server/opsctl.conf']] },
  });
  expect(plan.steps[3]).toMatchObject({ verify: { args: ['id-nginx', [11, 12]] }, timeoutMs: 30_000 });
});

test('one that is set up must be left alone', () => {
  expect(shown(planSetup(setup(), 1000))).toMatchInlineSnapshot(`
    "Plan for production: nginx is set up already

      nothing to do"
  `);
});

describe('what is missing must be done, and no more', () => {
  test('files that somebody changed, which come back when nginx does not load', () => {
    const present = [{ name: 'http/opsctl.conf', text: 'x' }];
    const plan = planSetup(setup({ present }), 1000);
    expect(ids(plan)).toEqual(['lb.write:nginx', 'lb.test:nginx', 'lb.reload:nginx']);
    expect(plan.steps[0]).toMatchObject({
      undo: { method: 'writeSnippets', args: ['id-nginx', '/etc/opsctl', present] },
      undone: { method: 'hasSnippets' },
    });
  });

  test('a reload', () => {
    const plan = planSetup(setup({ loaded: { api: { digest: 'old' } } }), 1000);
    expect(ids(plan)).toEqual(['lb.test:nginx', 'lb.reload:nginx']);
    expect(plan.touches).toEqual([
      'container nginx: its workers are replaced; requests in flight finish in the old ones',
    ]);
  });

  test('where traffic goes, when the link is not what opsctl wrote', () => {
    expect(ids(planSetup(setup({ routing: { why: 'broken' } }), 1000))).toEqual(['lb.route:nginx']);
  });

  test('in one load balancer of two', () => {
    const facts = setup();
    const plan = planSetup({ ...facts, doors: [...facts.doors, door({ id: 'id-b', name: 'b', present: [] })] }, 1000);
    expect(plan.target).toBe('nginx, b');
    expect(ids(plan)).toEqual(['lb.write:b', 'lb.test:b', 'lb.reload:b']);
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
    do: { args: ['id-nginx', '/etc/opsctl', { live: { api: colour } }] },
  });
});
