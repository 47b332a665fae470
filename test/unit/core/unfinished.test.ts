import { describe, expect, test } from 'vitest';

import { type ChangeEvent, type ChangeRecord, type Plan, recordOf } from '../../../src/core/change.ts';
import { commonThings, mustNotMeetUnfinished } from '../../../src/core/unfinished.ts';
import { gate, plan, step } from '../../../src/core/plan.ts';

const stop = (name: string): Plan =>
  plan({
    ...{ target: name, summary: 's', touches: [] },
    steps: [
      gate({ id: 'engine.drained:shared', describe: '', why: '', verify: (r) => r.engine.isStopped('shared') }),
      step({
        ...{ id: `engine.stop:${name}`, describe: '', why: '' },
        do: (w) => w.engine.stopContainer(name, 1),
        undo: (w) => w.engine.startContainer(name),
      }),
    ],
  });
const reload = plan({
  ...{ target: 'nginx', summary: 's', touches: [] },
  steps: [
    step({
      ...{ id: 'lb.reload:nginx', describe: '', why: '', undo: 'stays' },
      do: (w) => w.loadBalancer.reload('nginx'),
    }),
  ],
});
const route = (at: string): Plan =>
  plan({
    ...{ target: 'production', summary: 's', touches: [] },
    steps: [
      step({
        ...{ id: `lb.route:nginx${at}`, describe: '', why: '', undo: 'not needed' },
        do: (w) => w.loadBalancer.route('nginx', '/d', { live: {} }),
      }),
    ],
  });

const flush = (cache: string): Plan =>
  plan({
    ...{ target: cache, summary: 's', touches: [] },
    steps: [
      step({
        ...{ id: `cache.flush:${cache}`, describe: '', why: '' },
        do: (w) => w.cache.flush(cache, { database: 'all' }, 1),
      }),
    ],
  });
const limit = (database: string): Plan =>
  plan({
    ...{ target: database, summary: 's', touches: [] },
    steps: [
      step({
        ...{ id: `database.setConnectionLimit:${database}`, describe: '', why: '', undo: 'kept' },
        do: (w) => w.database.setConnectionLimit(database, 80),
      }),
    ],
  });

test.each<[string, Plan, Plan, string[]]>([
  ['the same container', stop('a'), stop('a'), ['a']],
  ['others, with a wait for the same', stop('a'), stop('b'), []],
  ['the same switch, to different shares', route(':5%'), route(':25%'), ['load balancer nginx']],
  ['a switch and a reload, which does no harm at any time', route(''), reload, []],
  ['a switch, and a restart of the container that switches', route(''), stop('nginx'), []],
  ['the same cache', flush('main'), flush('main'), ['cache main']],
  ['a cache and a database of the same name', flush('main'), limit('main'), []],
])('plans must be seen to have in common what both change: %s', (_which, a, b, common) => {
  expect(commonThings(a, b)).toEqual(common);
});

function record(id: string, made: Plan, outcome?: 'paused'): ChangeRecord {
  const at = '2026-03-01T12:00:00.000Z';
  const events: ChangeEvent[] = [
    { type: 'begin', at, command: 'service restart', input: {}, actor: 'alice', host: 'h', plan: made },
    ...(outcome === undefined ? [] : [{ type: 'end' as const, at, outcome, left: [] }]),
  ];
  return recordOf(id, events) ?? expect.unreachable();
}

describe('a change', () => {
  test('must be refused while another is unfinished that has the same in its hands', () => {
    expect(() => {
      mustNotMeetUnfinished(stop('a'), [record('1', stop('a'))], {});
    }).toThrow('change 1 (service restart by alice) was left in the middle, and this one touches the same: a');
    expect(() => {
      mustNotMeetUnfinished(stop('a'), [record('1', stop('a'), 'paused')], {});
    }).toThrow('is paused');
  });

  test.each<[string, ChangeRecord[], object]>([
    ['others', [record('1', stop('b'))], {}],
    ['what it recovers', [record('1', stop('a'))], { recovers: '1' }],
    ['what it settles', [record('1', stop('a'), 'paused')], { settles: '1' }],
    ['what runs, for the lock will tell', [record('1', stop('a'))], { running: '1' }],
  ])('must be made beside %s', (_which, records, allowed) => {
    mustNotMeetUnfinished(stop('a'), records, allowed);
  });
});
