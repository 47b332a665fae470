import { describe, expect, test } from 'vitest';

import type { Plan, Step } from '../../../src/core/change.ts';
import { execute, type Outcome, whenInterrupted } from '../../../src/core/execute.ts';
import { OpsError } from '../../../src/core/errors.ts';
import { gate, plan, step } from '../../../src/core/plan.ts';
import type { Writers } from '../../../src/core/ports.ts';
import { fakeCache } from '../../support/fakes/cache.ts';
import { fakeEngine } from '../../support/fakes/engine.ts';
import { contextOf } from '../inspect/platform.ts';

const stop = (id: string): Step =>
  step({
    ...{ id: `stop:${id}`, describe: `stop ${id}`, why: 'test' },
    do: (w) => w.engine.stopContainer(id, 1),
    undo: (w) => w.engine.startContainer(id),
    verify: (r) => r.engine.isStopped(id),
  });
const serving = (id: string): Step =>
  gate({
    ...{ id: `serving:${id}`, describe: `${id} serves`, why: 'test' },
    verify: (r) => r.engine.isServing(id),
  });
const planOf = (...steps: Step[]): Plan => plan({ target: 't', summary: 's', touches: [], steps });

/** Carries a plan out until `controller` interrupts it. */
const carriedOut = async (
  made: Plan,
  parts: Partial<Writers>,
  controller: AbortController,
  confirmLock: () => void = () => undefined,
): Promise<Outcome> =>
  await execute(made, {
    writers: Object.assign(Object.create(null), contextOf({}).readers, parts),
    journal: async () => undefined,
    listen: () => undefined,
    confirmLock: async () => {
      confirmLock();
    },
    signal: controller.signal,
    now: () => new Date(0),
  });

/** How a plan ends that is interrupted while `a` is stopped. */
async function ends(made: Plan): Promise<string> {
  const engine = fakeEngine();
  for (const name of ['a', 'b']) engine.add({ name });
  const controller = new AbortController();
  const { stopContainer } = engine;
  engine.stopContainer = async (...given) => {
    controller.abort();
    await stopContainer(...given);
  };
  const { outcome } = await carriedOut(made, { engine }, controller);
  return outcome;
}

describe('what an interruption leads to must be known while a step runs', () => {
  const first = stop('a');
  const passed: Step = { ...serving('b'), id: 'passed:b', onFailure: 'pause' };
  const drained: Step = { ...serving('a'), id: 'drained:a', onFailure: 'go on' };
  const last: Step = { ...stop('b'), id: 'remove:b', undo: 'too late', onFailure: 'go on' };
  const all = [first, serving('a'), passed, stop('b'), drained, last];
  test.each<[string, string | undefined, ReturnType<typeof whenInterrupted>]>([
    ['before the first', undefined, 'take back'],
    ['in a call, of what comes next', 'stop:a', 'take back'],
    ['in a gate, of the gate itself', 'serving:a', 'take back'],
    ['in a gate that pauses', 'passed:b', 'pause'],
    ['in the last call that is needed', 'stop:b', 'end'],
    ['in a gate after the aim', 'drained:a', 'end'],
  ])('%s', (_when, running, leads) => {
    expect(whenInterrupted(planOf(...all), running, {})).toBe(leads);
  });

  test('in a call before a gate that pauses', () => {
    expect(whenInterrupted(planOf(first, drained, passed), 'stop:a', {})).toBe('pause');
  });

  test('where nothing is taken back', () => {
    const late: Step = { ...stop('b'), undo: 'too late' };
    expect(whenInterrupted(planOf(late, serving('a')), 'stop:b', {})).toBe('leave');
    expect(whenInterrupted(planOf(first, serving('a')), 'stop:a', { carriedOver: [late] })).toBe('leave');
    expect(whenInterrupted(planOf(first, serving('a')), 'stop:a', { onFailure: 'leave' })).toBe('leave');
  });

  test('in a call that can end where it is, which is given the signal', async () => {
    const flush = step({
      ...{ id: 'cache.flush:main', describe: 'flush', why: 'test', interruptible: true },
      do: (w) => w.cache.flush('main', { pattern: 'p:*', database: 0 }, 60_000),
      verify: (r) => r.cache.isFlushed('main', { pattern: 'p:*', database: 0 }),
    });
    const made = planOf(flush);
    expect(whenInterrupted(made, 'cache.flush:main', {})).toBe('break off');
    const controller = new AbortController();
    const cache = fakeCache({ main: {} });
    cache.flush = async (_name, _what, _ms, signal) => {
      controller.abort();
      if (signal?.aborted === true) throw new OpsError('INTERRUPTED', '7 keys gone', { details: { outcome: 'part' } });
      return 'all';
    };
    cache.isFlushed = () => Promise.reject(new Error('what is known is not looked for'));
    const result = await carriedOut(made, { cache }, controller);
    expect(result).toMatchObject({
      ...{ outcome: 'partial', error: { code: 'INTERRUPTED', message: '7 keys gone' } },
      left: ['cache.flush:main: may have been done, cannot be undone'],
    });
  });

  test.each<[string, 'while it is asked' | 'once it has passed', Step[], string[]]>([
    ['a gate that pauses', 'while it is asked', [first, passed, stop('b')], ['pause', 'paused']],
    ['a gate that pauses', 'once it has passed', [first, passed, stop('b')], ['pause', 'paused']],
    ['a gate', 'while it is asked', [first, serving('b'), passed], ['take back', 'rolled-back']],
    ['a gate after the aim', 'while it is asked', [first, { ...passed, onFailure: 'go on' }, last], ['end', 'done']],
  ])('by %s that says yes although it is interrupted %s', async (_what, when, steps, leads) => {
    const engine = fakeEngine();
    for (const name of ['a', 'b']) engine.add({ name });
    const controller = new AbortController();
    const made = planOf(...steps);
    const gated = made.steps[1]?.id;
    let asked = false;
    engine.isServing = async () => {
      asked = true;
      if (when === 'while it is asked') controller.abort();
      return true;
    };
    const { outcome } = await carriedOut(made, { engine }, controller, () => {
      if (asked) controller.abort();
    });
    expect([whenInterrupted(made, gated, {}), outcome]).toEqual(leads);
  });

  test.each<[string, OpsError]>([
    ['that it is worse', new OpsError('UNSAFE', 'worse')],
    ['that what it looks at is gone', new OpsError('NOT_FOUND', 'gone')],
  ])('by a gate that pauses and answers, once it is interrupted, %s', async (_what, answer) => {
    const engine = fakeEngine();
    for (const name of ['a', 'b']) engine.add({ name });
    const controller = new AbortController();
    engine.isServing = () => {
      controller.abort();
      return Promise.reject(answer);
    };
    const result = await carriedOut(planOf(first, passed), { engine }, controller);
    expect(result).toMatchObject({ outcome: 'paused', error: { code: 'INTERRUPTED' } });
  });

  test('and be what comes of it', async () => {
    const interrupted = async (...steps: Step[]): Promise<string[]> => {
      const made = planOf(...steps);
      return [whenInterrupted(made, 'stop:a', {}), await ends(made)];
    };
    expect(await interrupted(first, serving('a'))).toEqual(['take back', 'rolled-back']);
    expect(await interrupted(first, drained, passed)).toEqual(['pause', 'paused']);
    expect(await interrupted({ ...first, undo: 'too late' }, serving('b'))).toEqual(['leave', 'partial']);
    expect(await interrupted(first, drained, last)).toEqual(['end', 'done']);
  });
});
