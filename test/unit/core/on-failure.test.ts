import { describe, expect, test } from 'vitest';

import { failureOf } from '../../../src/cli/change-failure.ts';
import type { ChangeEvent, Plan, Step } from '../../../src/core/change.ts';
import type { Context } from '../../../src/core/command.ts';
import { OpsError } from '../../../src/core/errors.ts';
import { execute, type Execution, type Outcome } from '../../../src/core/execute.ts';
import { gate, plan, step } from '../../../src/core/plan.ts';
import type { Writers } from '../../../src/core/ports.ts';
import { fakeEngine, type FakeEngine } from '../../support/fakes/engine.ts';
import { contextOf } from '../inspect/platform.ts';

const lines = ['5 %'];

/** A platform with container `a`; each test changes what one port says. */
function world(): { engine: FakeEngine; release: Partial<Context['readers']['release']>; writers: Writers } {
  const engine = fakeEngine();
  engine.add({ name: 'a' });
  const release: Partial<Context['readers']['release']> = { canaryView: async () => ({ lines, services: [] }) };
  const readers: Record<string, object> = { engine, release };
  const writers: Writers = Object.assign(Object.create(null), contextOf({}).readers, readers);
  return { engine, release, writers };
}

const canary = { instance: 'lb', directory: '/d', route: { live: {} }, containers: [], services: [] };
const looked = { ...canary, forMs: 1, firstLook: 0, plannedLooks: 1 };
const stop = (more: { onFailure?: 'go on' } = {}): Step =>
  step({
    id: `stop:${more.onFailure ?? 'a'}`,
    describe: 'stop a',
    why: 'test',
    do: (w) => w.engine.stopContainer('a', 1),
    undo: (w) => w.engine.startContainer('a'),
    verify: (r) => r.engine.isStopped('a'),
    timeoutMs: 300,
    ...more,
  });
const passed = (timeoutMs = 300): Step =>
  gate({
    id: 'passed',
    describe: 'compare',
    why: 'test',
    verify: (r) => r.release.hasPassed(looked),
    explain: (r) => r.release.canaryView(looked),
    timeoutMs,
    onFailure: 'pause',
  });
const planOf = (...steps: Step[]): Plan => plan({ target: 't', summary: 's', touches: [], steps });

async function run(made: Plan, around: Partial<Execution> & Pick<Execution, 'writers'>): Promise<[Outcome, string[]]> {
  const events: ChangeEvent[] = [];
  const outcome = await execute(made, {
    journal: async (...written) => void events.push(...written),
    listen: () => undefined,
    confirmLock: async () => undefined,
    signal: new AbortController().signal,
    now: () => new Date(0),
    ...around,
  });
  return [outcome, events.map((event) => ('step' in event ? `${event.type} ${event.step}` : event.type))];
}

describe('a gate that pauses', () => {
  test('must leave everything as it is when it does not settle in time, and say what was seen last', async () => {
    const { engine, release, writers } = world();
    release.hasPassed = async () => false;
    const [outcome, events] = await run(planOf(stop(), passed()), { writers });
    expect(outcome).toMatchObject({ outcome: 'paused', left: [], error: { code: 'TIMED_OUT', details: { lines } } });
    expect(engine.all[0]?.state).toBe('exited');
    expect(events.slice(-3)).toEqual(['step-begin passed', 'step-failed passed', 'end']);
  });

  test('must leave everything as it is when it is interrupted', async () => {
    const { engine, release, writers } = world();
    const controller = new AbortController();
    release.hasPassed = async () => {
      controller.abort();
      return false;
    };
    const [outcome] = await run(planOf(stop(), passed(60_000)), { writers, signal: controller.signal });
    expect(outcome).toMatchObject({ outcome: 'paused', error: { code: 'INTERRUPTED' } });
    expect(engine.all[0]?.state).toBe('exited');
  });

  test('must take everything back when it fails', async () => {
    const { engine, release, writers } = world();
    release.hasPassed = async () => Promise.reject(new OpsError('UNSAFE', 'v2 is worse'));
    const [outcome] = await run(planOf(stop(), passed()), { writers });
    expect(outcome).toMatchObject({ outcome: 'rolled-back', error: { message: 'v2 is worse' } });
    expect(engine.all[0]?.state).toBe('running');
  });
});

describe('a step that is not needed for the aim', () => {
  test('must be told when it fails, and end nothing', async () => {
    const { engine, writers } = world();
    engine.stopContainer = async () => Promise.reject(new OpsError('REJECTED', 'no'));
    const last = gate({ id: 'up', describe: '', why: '', verify: (r) => r.engine.isRunning('a') });
    const [outcome, events] = await run(planOf(stop({ onFailure: 'go on' }), last), { writers });
    expect(outcome).toEqual({ outcome: 'done', left: ['stop:go on: no'] });
    expect(events).toEqual(['step-begin stop:go on', 'step-failed stop:go on', 'step-begin up', 'step-done up', 'end']);
  });

  test('must be told as what a step that is done could not do', async () => {
    const { release, writers } = world();
    release.hasPassed = async () => true;
    const notDone = ['comparison of web'];
    release.watchView = async () => ({ lines, notDone });
    const watched = { ...canary, forMs: 1 };
    const well = { ...passed(), output: { port: 'release', method: 'watchView', args: [watched] } };
    expect((await run(planOf(well), { writers }))[0]).toEqual({ outcome: 'done', left: notDone });
  });

  test('must be told in a recovery as well', async () => {
    const { engine, writers } = world();
    engine.stopContainer = async () => Promise.reject(new OpsError('REJECTED', 'no'));
    const [outcome] = await run(planOf(stop({ onFailure: 'go on' })), { writers, onFailure: 'leave' });
    expect(outcome).toEqual({ outcome: 'done', left: ['stop:go on: no'] });
  });

  test('must be told when an interruption leaves it out, which is the error of a change that is done', async () => {
    const { engine, writers } = world();
    const controller = new AbortController();
    engine.stopContainer = async () => controller.abort();
    engine.isStopped = async () => true;
    const [outcome, events] = await run(planOf(stop(), stop({ onFailure: 'go on' })), {
      writers,
      signal: controller.signal,
    });
    expect(outcome).toMatchObject({
      outcome: 'done',
      left: ['stop:go on: interrupted before stop:go on'],
      error: { code: 'INTERRUPTED' },
    });
    expect(events).toEqual(['step-begin stop:a', 'step-done stop:a', 'end']);
  });

  test('must not go on without the lock', async () => {
    const { engine, writers } = world();
    const confirmLock = async (): Promise<void> => Promise.reject(new OpsError('LOCKED', 'lost'));
    const [outcome] = await run(planOf(stop({ onFailure: 'go on' })), { writers, confirmLock });
    expect(outcome).toMatchObject({ outcome: 'rolled-back', error: { code: 'LOCKED' } });
    expect(engine.all[0]?.state).toBe('running');
  });

  test('must be taken back with the others when a later one fails', async () => {
    const { engine, release, writers } = world();
    release.hasPassed = async () => Promise.reject(new OpsError('UNSAFE', 'v2 is worse'));
    const [outcome] = await run(planOf(stop({ onFailure: 'go on' }), passed()), { writers });
    expect(outcome.outcome).toBe('rolled-back');
    expect(engine.all[0]?.state).toBe('running');
  });
});

test('a long wait must say what it sees, without writing that down', async () => {
  const { release, writers } = world();
  release.hasPassed = async () => false;
  const seen: [string, object][] = [];
  const controller = new AbortController();
  const [, events] = await run(planOf(passed(60_000)), {
    writers,
    signal: controller.signal,
    seen: (one, found) => {
      seen.push([one.id, found]);
      controller.abort();
    },
  });
  expect(seen).toEqual([['passed', { lines, services: [] }]]);
  expect(events).toEqual(['step-begin passed', 'step-failed passed', 'end']);
}, 20_000);

test('what is kept must be told, while all else is taken back', async () => {
  const { engine, writers } = world();
  engine.add({ name: 'b' });
  const migrate = step({
    ...{ id: 'migrate', describe: 'migrate', why: 'test', undo: 'kept' },
    do: (w) => w.engine.stopContainer('b', 1),
  });
  const [outcome] = await run(
    planOf(
      stop(),
      migrate,
      gate({ id: 'up', describe: 'up', why: 'test', verify: (r) => r.engine.isRunning('b'), timeoutMs: 50 }),
    ),
    { writers },
  );
  expect(outcome).toMatchObject({ outcome: 'rolled-back', left: ['migrate: done, and what it did is kept'] });
  expect((await engine.container('a')).state).toBe('running');
  expect(failureOf(outcome, { id: '2', recovers: undefined })).toMatchObject({
    ...{ code: 'ROLLED_BACK', message: expect.stringMatching(/; everything else done was taken back$/) as unknown },
    details: { kept: outcome.left },
  });
});
