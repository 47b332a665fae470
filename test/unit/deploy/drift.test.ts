import { describe, expect, test } from 'vitest';

import { type ChangeEvent, type ChangeRecord, recordOf } from '../../../src/core/change.ts';
import { OpsError } from '../../../src/core/errors.ts';
import type { Routing } from '../../../src/core/ports/load-balancer.ts';
import type { Changes } from '../../../src/deploy/changes.ts';
import { type Drift, platformDrift } from '../../../src/deploy/drift.ts';
import type { Look, ServiceFacts } from '../../../src/deploy/observe.ts';
import { route } from '../../../src/deploy/steps.ts';
import type { Told } from '../../../src/core/told.ts';
import { deployed, lookOf, made, serviceFacts } from './facts.ts';

const live = [deployed('api', { colour: 'green', version: 'v3', deploy: 3 })];
const previous = [deployed('api', { colour: 'blue', version: 'v2', deploy: 2 })];
const api = serviceFacts('api', { colour: 'green', live, previous });
const canary = { services: ['api'], percent: 5 };
const at = '2026-03-01T12:00:00.000Z';
const quiet: Changes = { unfinished: [], running: undefined };

const of = (services: ServiceFacts[], routing: Partial<Routing> = {}, changes = quiet): Drift[] =>
  platformDrift(lookOf(services, routing), changes);
const lines = (...given: Parameters<typeof of>): string[] => of(...given).map(({ line }) => line);

/** A change of the load balancers with these names, left in the middle. */
const unfinishedAt = (names: string[], ...after: ChangeEvent[]): ChangeRecord[] => {
  const to = { from: { live: {} }, to: { live: { api: 'green' as const } } };
  const steps = names.map((name) => route({ id: name, name }, '/d', to));
  const plan = { target: 't', summary: 's', touches: [], steps };
  const begin = { type: 'begin' as const, at, command: 'deploy canary', input: {}, actor: 'a', host: 'h', plan };
  return [recordOf('20260301-1', [begin, ...after]) ?? []].flat();
};
const unfinished = (...after: ChangeEvent[]): ChangeRecord[] => unfinishedAt(['nginx'], ...after);

test('there must be none where all agrees', () => {
  expect(of([api])).toEqual([]);
  expect(of([api], { canary })).toEqual([]);
  expect(of([{ ...api, previous: [made('a', { state: 'exited' })] }])).toEqual([]);
});

test('visitors that are sent to where nothing runs must be sent back to what does', () => {
  for (const dead of [[], [{ ...made('b'), state: 'exited' as const }]])
    expect(of([{ ...api, live: dead }])).toEqual([
      {
        line: 'visitors of api are sent to green, where nothing runs; v2 runs in blue',
        next: ['opsctl deploy blue-green --rollback'],
      },
    ]);
  expect(of([{ ...api, live: [], previous: [] }])).toEqual([]);
});

test('what mends a service must not be told while a deploy that was left in the middle forbids it', () => {
  const there = [{ ...api, live: [], older: [deployed('api', { colour: 'blue', version: 'v0', deploy: 1 })] }];
  const next = (changes: Changes): string[] => of(there, {}, changes).flatMap((one) => one.next);
  const ends = ['opsctl resume 20260301-1', 'opsctl abort 20260301-1'];
  const mends = ['opsctl deploy blue-green --rollback', 'opsctl deploy retire'];
  expect(next({ ...quiet, unfinished: unfinished() })).toEqual(ends);
  expect(next({ ...quiet, unfinished: unfinishedAt(['another']) })).toEqual([...ends, ...mends]);
});

test('a live version that crashed must be started again where its migrations forbid to go back', () => {
  const dead = { ...made('b'), state: 'exited' as const, labels: { 'opsctl.rollback.forbidden': 'column dropped' } };
  expect(of([{ ...api, live: [dead] }])).toEqual([
    {
      line: 'visitors of api are sent to green, where nothing runs; v2 runs in blue, and must not be gone back to: column dropped',
      next: ['opsctl service restart b'],
    },
  ]);
});

test('a stable version that crashed beside its canary must be told to be replaced by that, where it is whole', () => {
  const next = (...services: ServiceFacts[]): string[] => of(services, { canary }).flatMap((one) => one.next);
  expect(next({ ...api, live: [] })).toEqual(['opsctl deploy promote --force']);
  expect(next({ ...api, live: [], previous: [...previous, made('b', { state: 'exited' })] })).toEqual([]);
  expect(next(api, { ...serviceFacts('web'), live: [], previous: [made('w')] })).toEqual([]);
});

test('a canary of which one container does not run must be named', () => {
  const half = [previous[0] ?? made('a'), { ...made('b'), state: 'exited' as const }];
  expect(lines([{ ...api, previous: half }], { canary })).toEqual([
    'a canary gets 5 % of the traffic of api, but b is exited',
  ]);
});

test('a canary that gets traffic and does not run must be named', () => {
  expect(lines([{ ...api, previous: [made('a', { state: 'exited' })] }], { canary })).toEqual([
    'a canary gets 5 % of the traffic of api, but no container of it runs in blue',
  ]);
});

test('a newer release that never started must be named', () => {
  const created = made('a', { state: 'created', createdAt: '2026-02-01T00:00:00.000Z' });
  expect(lines([{ ...api, previous: [created] }])).toEqual([
    'api has containers of a newer release in blue that never started',
  ]);
  expect(lines([{ ...api, previous: [{ ...created, createdAt: '2025-01-01T00:00:00.000Z' }] }])).toEqual([]);
});

test('a change that was left in the middle must be named, with what ends it', () => {
  expect(of([api], {}, { ...quiet, unfinished: unfinished() })).toEqual([
    {
      line: 'change 20260301-1 (deploy canary) was left in the middle, see opsctl history 20260301-1',
      next: ['opsctl resume 20260301-1', 'opsctl abort 20260301-1'],
    },
  ]);
});

test('a change that is paused must be told to be so', () => {
  const paused = unfinished({ type: 'end', at, outcome: 'paused', left: [] });
  expect(lines([api], {}, { ...quiet, unfinished: paused })).toEqual([
    'change 20260301-1 (deploy canary) is paused, see opsctl history 20260301-1',
  ]);
});

describe('what runs of an older release', () => {
  const next = ['opsctl deploy retire'];
  const beside = deployed('api', { colour: 'blue', version: 'v0', deploy: 1 });
  const within = deployed('api', { colour: 'green', version: 'v1', deploy: 1 });

  test('must be named with the requests that it would get, and what stops it', () => {
    expect(of([{ ...api, older: [beside, within] }])).toEqual([
      {
        line: 'shop_api-blue-r1 is of an older release (v0) and runs: it shares the network name api-blue, so it would get requests of a rollback or the next release',
        next,
      },
      {
        line: 'shop_api-green-r1 is of an older release (v1) and runs: it shares the network name api-green, so it would get requests of what is live',
        next,
      },
    ]);
  });

  test('must not be stopped while a canary gets traffic, which it may get too', () => {
    expect(of([{ ...api, older: [beside] }], { canary })).toEqual([
      { line: expect.stringContaining('requests of the canary') as string, next: [] },
    ]);
    const elsewhere = { canary: { ...canary, services: ['web'] } };
    expect(of([{ ...api, older: [beside] }], elsewhere)).toEqual([
      { line: expect.stringContaining('a rollback or the next release') as string, next: [] },
    ]);
  });

  test('must be nothing once it is stopped', () => {
    expect(of([{ ...api, older: [{ ...beside, state: 'exited' }] }])).toEqual([]);
    expect(of([{ ...api, older: [{ ...beside, state: 'restarting' }] }])).toHaveLength(1);
  });
});

describe('load balancers', () => {
  const web = serviceFacts('web');
  const instance = (name: string): Told['instance'] => ({ id: `id-${name}`, name });
  const routing = (more: Partial<Routing> = {}): Routing => ({
    live: { api: 'green' },
    generation: 1,
    since: '',
    ...more,
  });

  const with_ = (said: Record<string, Told['said']>, running = true, changes = quiet): Drift[] => {
    const told = Object.entries(said).map(([name, one]) => ({ instance: instance(name), said: one }));
    const look: Look = { ...lookOf([api, web]), told, places: { instances: told.map((one) => one.instance), running } };
    return platformDrift(look, changes);
  };

  test('that say the same must be no drift', () => {
    expect(with_({ a: routing(), b: routing({ live: { api: 'green', web: 'blue' }, generation: 7 }) })).toEqual([]);
  });

  test('that disagree must be named with what each says', () => {
    expect(with_({ a: routing(), b: routing({ live: {} }), c: routing({ canary }) })).toEqual([
      {
        line: 'load balancers disagree: a sends traffic to api green, web blue; b sends traffic to api blue, web blue; c sends traffic to api green (5 % to blue), web blue',
        next: ['opsctl history', 'opsctl lb setup --like a', 'opsctl lb setup --like b', 'opsctl lb setup --like c'],
      },
    ]);
  });

  test('that disagree because of a change must be left to what ends that', () => {
    const said = { a: routing(), b: routing({ live: {} }) };
    expect(with_(said, true, { ...quiet, unfinished: unfinishedAt(['a', 'b']) })).toMatchObject([
      { next: [] },
      { next: ['opsctl resume 20260301-1', 'opsctl abort 20260301-1'] },
    ]);
  });

  test('of which none runs must be told to be started, or made', () => {
    const line = 'no container of the load balancer nginx runs';
    expect(with_({ a: routing() }, false)).toEqual([{ line, next: ['opsctl service restart nginx'] }]);
    expect(with_({}, false)).toEqual([{ line, next: ['docker-compose up -d nginx'] }]);
  });

  test('that are down, or whose files cannot be read, must be left to a change that has them in its hands', () => {
    const broken = new OpsError('BAD_ANSWER', '/x/live in container id-a is not what opsctl wrote');
    const next = (name: string, running: boolean): string[] =>
      with_({ a: broken }, running, { ...quiet, unfinished: unfinishedAt([name]) }).flatMap((one) => one.next);
    const ends = ['opsctl resume 20260301-1', 'opsctl abort 20260301-1'];
    expect(next('a', true)).toEqual(ends);
    expect(next('b', true)).toEqual(['opsctl lb setup --dry-run', ...ends]);
    // A change of its files does not forbid to start it.
    expect(next('a', false)).toEqual(['opsctl service restart nginx', ...ends]);
  });

  test('that were never set up must be told how to do it', () => {
    const next = ['opsctl lb setup --dry-run'];
    expect(with_({ a: undefined, b: undefined })).toEqual([
      { line: 'the load balancer nginx is not set up for deploys, so traffic cannot be switched', next },
    ]);
    expect(with_({ a: routing(), b: undefined })).toEqual([{ line: 'b was never told where traffic goes', next }]);
  });

  test('whose files cannot be read must be told by name', () => {
    const broken = new OpsError('BAD_ANSWER', '/x/live in container id-a is not what opsctl wrote');
    const refused = new OpsError('REJECTED', 'the engine refuses');
    expect(with_({ a: broken, b: refused, c: routing() })).toEqual([
      { line: '/x/live in container a is not what opsctl wrote', next: ['opsctl lb setup --dry-run'] },
      { line: 'b: the engine refuses', next: ['opsctl lb check'] },
    ]);
  });
});
