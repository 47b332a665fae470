import { describe, expect, test } from 'vitest';

import type { ChangeEvent, ChangeRecord, Plan } from '../../../src/core/change.ts';
import { OpsError } from '../../../src/core/errors.ts';
import { execute, type Outcome } from '../../../src/core/execute.ts';
import { gate, plan, step } from '../../../src/core/plan.ts';
import type { Route } from '../../../src/core/ports/load-balancer.ts';
import type { Writers } from '../../../src/core/ports.ts';
import { asSeen, stillUnfinished, waysOut } from '../../../src/core/unfinished.ts';
import { route } from '../../../src/deploy/steps.ts';
import { stepsOf } from '../../../src/inspect/history.ts';
import { begunOf, planAbort, planResume } from '../../../src/recovery/plan.ts';
import { fakeEngine } from '../../support/fakes/engine.ts';
import { fakeJournal, type FakeJournal } from '../../support/fakes/journal.ts';
import { fakeLoadBalancer, type FakeLoadBalancer } from '../../support/fakes/load-balancer.ts';
import { ids } from '../deploy/facts.ts';
import { contextOf } from '../inspect/platform.ts';

const at = '2026-03-01T14:05:09.000Z';
const blue: Route = { live: { api: 'blue' } };
const green: Route = { live: { api: 'green' } };
const SWITCH = 'lb.route:nginx';

/** Starts green, sees that it serves, sends visitors there. */
const release = (oneWay: boolean): Plan =>
  plan({
    ...{ target: 'production', summary: 'release', touches: [] },
    steps: [
      step({
        ...{ id: 'engine.start:green', describe: 'start green', why: 'w' },
        do: (w) => w.engine.startContainer('green'),
        undo: (w) => w.engine.stopContainer('green', 1),
        verify: (r) => r.engine.isRunning('green'),
      }),
      gate({
        ...{ id: 'engine.serving:green', describe: 'green serves', why: 'w', recheck: true, timeoutMs: 50 },
        verify: (r) => r.engine.isServing('green'),
      }),
      route({ id: 'nginx', name: 'nginx' }, '/d', { from: blue, to: green, oneWay }),
    ],
  });

/** Killed at the switch: it has happened, it has not, or nobody can say. */
type Happened = 'yes' | 'no' | 'not seen';
interface World {
  record: ChangeRecord;
  journal: FakeJournal;
  writers: Writers;
  loadBalancer: FakeLoadBalancer;
  isUp: () => Promise<boolean>;
}
async function killed(happened: Happened, oneWay = true): Promise<World> {
  const journal = fakeJournal();
  const begin = { type: 'begin', at, command: 'deploy blue-green', input: {}, actor: 'alice', host: 'h1' } as const;
  await journal.append('1', { ...begin, plan: release(oneWay) });
  const events: ChangeEvent[] = ['engine.start:green', 'engine.serving:green'].flatMap((id) => [
    { type: 'step-begin', at, step: id },
    { type: 'step-done', at, step: id, durationMs: 1 },
  ]);
  await journal.append('1', ...events, { type: 'step-begin', at, step: SWITCH });
  const engine = fakeEngine();
  engine.add({ name: 'green' });
  const to = happened === 'yes' ? green : blue;
  const loadBalancer = fakeLoadBalancer({ nginx: { routing: { ...to, generation: 1, since: at } } });
  if (happened === 'not seen') loadBalancer.hasNotSwitched = async () => false; // it may still
  const writers: Writers = Object.assign(Object.create(null), contextOf({}).readers, { engine, loadBalancer });
  const record = (await journal.change('1')) ?? expect.unreachable();
  return { record, journal, writers, loadBalancer, isUp: () => engine.isRunning('green') };
}

/** Resumes it, with a new version that serves or not. */
async function resumed({ record, writers }: World, serves: boolean): Promise<Outcome> {
  const seen = await asSeen(record, writers);
  writers.engine.isServing = async () => serves;
  return await execute(planResume(seen), {
    writers,
    carriedOver: begunOf(seen),
    journal: async () => undefined,
    listen: () => undefined,
    confirmLock: async () => undefined,
    signal: new AbortController().signal,
    now: () => new Date(0),
  });
}

describe('a change that was killed at a switch without a way back', () => {
  test.each<[Happened, string[]]>([
    ['no', ['opsctl resume 1', 'opsctl abort 1']],
    ['yes', ['opsctl resume 1']],
    ['not seen', ['opsctl resume 1']],
  ])('must be told to be taken back only where that is accepted: happened, %s', async (happened, ways) => {
    const { writers, journal } = await killed(happened);
    const { changes } = await journal.unfinished();
    expect((await stillUnfinished(changes, { ...writers, journal })).flatMap(waysOut)).toEqual(ways);
  });

  test('must ask its gates again unless the switch is seen to have happened', async () => {
    const left = async (happened: Happened): Promise<string[]> => {
      const { record, writers } = await killed(happened);
      return ids(planResume(await asSeen(record, writers)));
    };
    expect(await left('no')).toEqual(['engine.serving:green', SWITCH]);
    expect(await left('not seen')).toEqual(['engine.serving:green', SWITCH]);
    expect(await left('yes')).toEqual([]);
  });

  test('must be taken back only where it is seen not to have happened', async () => {
    const abort = async (happened: Happened): Promise<Plan> => {
      const { record, writers } = await killed(happened);
      return planAbort(await asSeen(record, writers));
    };
    expect(ids(await abort('no'))).toEqual(['undo.engine.start:green']);
    await expect(abort('yes')).rejects.toThrow(
      'change 1 cannot be taken back any more: nginx sends traffic to api green',
    );
    await expect(abort('not seen')).rejects.toThrow('it was begun and may have happened: nginx sends traffic');
  });

  test('must be left to somebody where the load balancer cannot be asked', async () => {
    const { record, writers, loadBalancer } = await killed('no');
    const away = async (): Promise<never> => Promise.reject(new OpsError('UNREACHABLE', 'nginx is away'));
    Object.assign(loadBalancer, { isRouted: away, hasNotSwitched: away });
    expect((await asSeen(record, writers)).steps.at(-1)?.state).toBe('running');
  });

  test.each<[Happened, boolean, string, Route, boolean]>([
    ['no', true, 'done', green, true],
    ['no', false, 'rolled-back', blue, false],
    ['not seen', true, 'done', green, true],
    ['not seen', false, 'partial', blue, true],
    ['yes', false, 'done', green, true],
  ])('happened: %s; serves: %s: must end %s when it is resumed', async (happened, serves, outcome, goes, up) => {
    const world = await killed(happened);
    const result = await resumed(world, serves);
    expect(result.outcome).toBe(outcome);
    if (outcome === 'partial')
      expect(result).toMatchObject({
        stopped: 'too late',
        left: ['engine.serving:green: not done', `${SWITCH}: may have been done`],
      });
    expect(world.loadBalancer.containers.get('nginx')?.routing).toMatchObject(goes);
    expect(await world.isUp()).toBe(up);
  });
});

describe('a switch without a way back that failed', () => {
  /** Fails at the switch, and cannot take the rest back. */
  async function failed(details: Record<string, unknown>): Promise<World> {
    const world = await killed('no');
    const { engine } = world.writers;
    const journal = fakeJournal();
    const made = release(true);
    const begin = { type: 'begin', at, command: 'deploy blue-green', input: {}, actor: 'alice', host: 'h1' } as const;
    await journal.append('1', { ...begin, plan: made });
    world.loadBalancer.route = () => Promise.reject(new OpsError('REJECTED', 'mv failed', { details }));
    world.loadBalancer.hasNotSwitched = async () => false;
    engine.stopContainer = () => Promise.reject(new OpsError('REJECTED', 'no'));
    engine.isServing = async () => true;
    await execute(made, {
      ...{ writers: world.writers, journal: (...events) => journal.append('1', ...events), listen: () => undefined },
      ...{ confirmLock: async () => undefined, signal: new AbortController().signal, now: () => new Date(0) },
    });
    const record = (await journal.change('1')) ?? expect.unreachable();
    return { ...world, journal, record };
  }

  test('and is known to have done nothing must be told to have failed, and leave the change to be taken back', async () => {
    const { record, writers } = await failed({ outcome: 'none' });
    const seen = await asSeen(record, writers);
    expect(seen.steps.map(({ state }) => state)).toEqual(['left', 'done', 'pending']);
    expect(stepsOf(record).at(-1)).toMatchObject({ state: 'failed', error: 'mv failed' });
    expect(waysOut(seen)).toEqual(['opsctl abort 1']);
    expect(ids(planAbort(seen))).toEqual(['undo.engine.start:green']);
  });

  test('and may have happened must leave it too late', async () => {
    const { record, writers } = await failed({});
    expect((await asSeen(record, writers)).steps.at(-1)?.state).toBe('failed');
  });
});

test('a switch that may have happened must be taken back with the rest when resuming fails', async () => {
  const world = await killed('yes', false);
  expect(await resumed(world, false)).toMatchObject({ outcome: 'rolled-back', left: [] });
  expect(world.loadBalancer.containers.get('nginx')?.routing).toMatchObject(blue);
  expect(await world.isUp()).toBe(false);
});

test('what is done again must be taken back once', async () => {
  const world = await killed('yes', false);
  const routed: Route[] = [];
  const { route: send } = world.loadBalancer;
  world.loadBalancer.route = async (...given) => {
    routed.push(given[2]);
    await send(...given);
  };
  const seen = await asSeen(world.record, world.writers);
  const fails = gate({
    ...{ id: 'release.well', describe: 'watch', why: 'w' },
    verify: (r) => r.engine.isStopped('green'),
    timeoutMs: 50,
  });
  const resume = planResume(seen);
  await execute(
    { ...resume, steps: [...resume.steps, fails] },
    {
      ...{
        writers: world.writers,
        carriedOver: begunOf(seen),
        journal: async () => undefined,
        listen: () => undefined,
      },
      ...{ confirmLock: async () => undefined, signal: new AbortController().signal, now: () => new Date(0) },
    },
  );
  expect(routed).toEqual([green, blue]);
});
