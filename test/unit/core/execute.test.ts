import { describe, expect, test } from 'vitest';

import type { ChangeEvent, Plan, Step } from '../../../src/core/change.ts';
import { OpsError } from '../../../src/core/errors.ts';
import { execute, type Execution } from '../../../src/core/execute.ts';
import { gate, plan, step } from '../../../src/core/plan.ts';
import type { Writers } from '../../../src/core/ports.ts';

/** An engine of two containers that records what is asked of it. */
function world(behaviour: Partial<Record<string, () => Promise<unknown>>> = {}): {
  writers: Writers;
  asked: string[];
  running: Set<string>;
} {
  const asked: string[] = [];
  const running = new Set(['a', 'b']);
  const did = async (name: string, effect: () => void): Promise<void> => {
    asked.push(name);
    await behaviour[name]?.();
    effect();
  };
  const engine = {
    stopContainer: (id: string) => did(`stop ${id}`, () => running.delete(id)),
    startContainer: (id: string) => did(`start ${id}`, () => running.add(id)),
    isStopped: async (id: string) =>
      ((await behaviour[`isStopped ${id}`]?.()) as boolean | undefined) ?? !running.has(id),
    isServing: async (id: string) =>
      ((await behaviour[`isServing ${id}`]?.()) as boolean | undefined) ?? running.has(id),
  };
  return { writers: { engine } as unknown as Writers, asked, running };
}

const stop = (id: string, timeoutMs = 1000): Step =>
  step({
    id: `stop:${id}`,
    describe: `stop ${id}`,
    why: 'test',
    do: (w) => w.engine.stopContainer(id, 1),
    undo: (w) => w.engine.startContainer(id),
    verify: (r) => r.engine.isStopped(id),
    timeoutMs,
  });
const serving = (id: string, timeoutMs = 300): Step =>
  gate({
    id: `serving:${id}`,
    describe: `${id} serves`,
    why: 'test',
    verify: (r) => r.engine.isServing(id),
    timeoutMs,
  });
const planOf = (...steps: Step[]): Plan => plan({ target: 't', summary: 's', touches: [], steps });

interface Ran {
  events: ChangeEvent[];
  kinds: string[];
}

function around(writers: Writers, options: Partial<Execution> = {}): Execution & Ran {
  const events: ChangeEvent[] = [];
  return {
    writers,
    journal: (...written) => {
      events.push(...written);
      return Promise.resolve();
    },
    listen: () => undefined,
    confirmLock: () => Promise.resolve(),
    signal: new AbortController().signal,
    now: () => new Date(0),
    events,
    get kinds() {
      return events.map((event) => ('step' in event ? `${event.type} ${event.step}` : event.type));
    },
    ...options,
  };
}

describe('a plan must be carried out in order and journalled ahead', () => {
  test('every step begins in the journal before its call is made', async () => {
    const { writers, asked } = world();
    const x = around(writers, {
      journal: (...written) => {
        for (const event of written) if (event.type === 'step-begin') asked.push(`journal ${event.step}`);
        return Promise.resolve();
      },
    });
    expect(await execute(planOf(stop('a'), stop('b')), x)).toEqual({ outcome: 'done', left: [] });
    expect(asked).toEqual(['journal stop:a', 'stop a', 'journal stop:b', 'stop b']);
  });
});

describe('a failed step must lead to the steps before it being undone in reverse', () => {
  test('the first error is kept', async () => {
    const { writers, running } = world({ 'isServing b': () => Promise.reject(new OpsError('UNSAFE', 'b exited')) });
    const x = around(writers);
    const outcome = await execute(planOf(stop('a'), stop('b'), serving('b')), x);
    expect(outcome).toMatchObject({ outcome: 'rolled-back', left: [], error: { code: 'UNSAFE', message: 'b exited' } });
    expect(x.kinds.slice(-6)).toEqual([
      'step-failed serving:b',
      'undo-begin stop:b',
      'undo-done stop:b',
      'undo-begin stop:a',
      'undo-done stop:a',
      'end',
    ]);
    expect([...running].toSorted()).toEqual(['a', 'b']);
  });

  test('an undo whose effect is not seen leaves the change partial', async () => {
    const { writers } = world({
      'isStopped a': () => Promise.resolve(true),
      'stop b': () => Promise.reject(new OpsError('REJECTED', 'no')),
    });
    const observed = step({
      id: 'stop:a',
      describe: '',
      why: '',
      do: (w) => w.engine.stopContainer('a', 1),
      undo: (w) => w.engine.startContainer('a'),
      undone: (r) => r.engine.staysUp('a'),
      verify: (r) => r.engine.isStopped('a'),
    });
    Object.assign(writers.engine, { staysUp: () => Promise.reject(new OpsError('UNSAFE', 'a exited again')) });
    expect(await execute(planOf(observed, stop('b')), around(writers))).toMatchObject({
      outcome: 'partial',
      left: ['stop:a: undo failed: a exited again'],
    });
  });

  test('a step that the engine refused is not undone, because it never happened', async () => {
    const { writers, asked } = world({ 'stop b': () => Promise.reject(new OpsError('REJECTED', 'no')) });
    await execute(planOf(stop('a'), stop('b')), around(writers));
    expect(asked).toEqual(['stop a', 'stop b', 'start a']);
  });

  test('a failing undo leaves the change partial and names what is left', async () => {
    const { writers } = world({
      'stop b': () => Promise.reject(new OpsError('REJECTED', 'no')),
      'start a': () => Promise.reject(new OpsError('UNREACHABLE', 'gone')),
    });
    expect(await execute(planOf(stop('a'), stop('b')), around(writers))).toMatchObject({
      outcome: 'partial',
      left: ['stop:a: undo failed: gone'],
    });
  });
});

describe('a step of unknown outcome must be verified, never assumed', () => {
  test('a call that timed out but took effect counts as done', async () => {
    let late = false;
    const { writers } = world({
      'stop a': () => {
        late = true;
        return Promise.reject(new OpsError('TIMED_OUT', 'late'));
      },
      'isStopped a': () => Promise.resolve(late),
    });
    expect((await execute(planOf(stop('a')), around(writers))).outcome).toBe('done');
  });

  test('an engine that failed in the middle of it (5xx) is not believed to have done nothing', async () => {
    let stopped = false;
    const failure = new OpsError('REJECTED', 'failed', { details: { outcome: 'unknown' } });
    const { writers } = world({
      'stop a': () => {
        stopped = true;
        return Promise.reject(failure);
      },
      'isStopped a': () => Promise.resolve(stopped),
    });
    expect((await execute(planOf(stop('a')), around(writers))).outcome).toBe('done');
  });

  test('a failure that is known to have done nothing is not waited for', async () => {
    const { writers, asked } = world({
      'stop a': () => Promise.reject(new OpsError('UNREACHABLE', 'not there', { details: { outcome: 'none' } })),
    });
    const outcome = await execute(planOf(stop('a')), around(writers));
    expect(outcome).toMatchObject({ outcome: 'rolled-back', error: { code: 'UNREACHABLE' } });
    expect(asked).toEqual(['stop a']);
  });

  test('one that cannot be seen done is taken back', async () => {
    const { writers, asked } = world({
      'stop a': () => Promise.reject(new OpsError('TIMED_OUT', 'late')),
      'isStopped a': () => Promise.resolve(false),
    });
    const outcome = await execute(planOf(stop('a', 10)), around(writers));
    expect(outcome).toMatchObject({ outcome: 'rolled-back', error: { code: 'TIMED_OUT' } });
    expect(asked).toEqual(['stop a', 'start a']);
  }, 10_000);

  test('a call that never returns is given up at its deadline', async () => {
    const { writers } = world({
      'stop a': () => new Promise(() => undefined),
      'isStopped a': () => Promise.resolve(true),
    });
    expect((await execute(planOf(stop('a', 50)), around(writers))).outcome).toBe('done');
  });
});

describe('an interruption must stop before the next step and take back', () => {
  test('the step that runs is finished first', async () => {
    const controller = new AbortController();
    const { writers, asked } = world({
      'stop a': () => {
        controller.abort();
        return Promise.resolve();
      },
    });
    const outcome = await execute(planOf(stop('a'), stop('b')), around(writers, { signal: controller.signal }));
    expect(outcome).toMatchObject({ outcome: 'rolled-back', error: { code: 'INTERRUPTED' } });
    expect(asked).toEqual(['stop a', 'start a']);
  });

  test('a waiting gate is left at once', async () => {
    const controller = new AbortController();
    const { writers } = world({ 'isServing a': () => Promise.resolve(false) });
    setTimeout(() => controller.abort(), 50);
    const outcome = await execute(planOf(serving('a', 60_000)), around(writers, { signal: controller.signal }));
    expect(outcome.error?.code).toBe('INTERRUPTED');
  });
});

describe('without lock or journal nothing may go on', () => {
  test('a lost lock stops the run and nothing is undone under somebody else', async () => {
    const { writers, asked } = world();
    let confirmations = 0;
    const confirmLock = (): Promise<void> =>
      ++confirmations > 1 ? Promise.reject(new OpsError('LOCKED', 'lost')) : Promise.resolve();
    const outcome = await execute(planOf(stop('a'), stop('b')), around(writers, { confirmLock }));
    expect(outcome).toMatchObject({ outcome: 'partial', left: ['stop:a: done, not undone because the lock was lost'] });
    expect(asked).toEqual(['stop a']);
  });

  test('a journal that fails in the middle stops the run; what was done is undone', async () => {
    const { writers, asked } = world();
    const journal = (...written: readonly ChangeEvent[]): Promise<void> =>
      written.some((event) => event.type === 'step-begin' && event.step === 'stop:b')
        ? Promise.reject(new OpsError('JOURNAL_UNWRITABLE', 'full'))
        : Promise.resolve();
    expect((await execute(planOf(stop('a'), stop('b')), around(writers, { journal }))).outcome).toBe('rolled-back');
    expect(asked).toEqual(['stop a', 'start a']);
  });
});

describe('a recovery must go on or stay where it is', () => {
  test('a step that fails leaves what was done, and names what was not', async () => {
    const { writers, asked } = world({ 'stop b': () => Promise.reject(new OpsError('REJECTED', 'no')) });
    const x = around(writers, { onFailure: 'leave' });
    const outcome = await execute(planOf(stop('a'), stop('b'), serving('b')), x);
    expect(outcome).toMatchObject({ outcome: 'partial', left: ['stop:b: not done', 'serving:b: not done'] });
    expect(asked).toEqual(['stop a', 'stop b']);
    expect(x.kinds.at(-1)).toBe('end');
  });
});

describe('what nothing takes back', () => {
  const reload = (timeoutMs: number): Step => ({ ...stop('a', timeoutMs), id: 'reload:a', undo: 'stays' });

  test('must be named', async () => {
    const { writers } = world({ 'isStopped a': () => Promise.resolve(false) });
    expect(await execute(planOf(reload(100)), around(writers))).toMatchObject({
      outcome: 'partial',
      left: ['reload:a: may have been done, nothing takes it back'],
      error: { message: 'not seen done within 100 ms: stop a', details: { step: 'reload:a' } },
    });
  });

  test('must be left out where that is of no consequence', async () => {
    const { writers } = world({ 'isServing b': () => Promise.resolve(false) });
    const steps = [stop('b'), { ...reload(100), undo: 'not needed' as const }, serving('b', 100)];
    expect(await execute(planOf(...steps), around(writers))).toMatchObject({ outcome: 'rolled-back', left: [] });
  });
});

describe('what was done', () => {
  test('must be written with what comes next, and told at once', async () => {
    const { writers, asked } = world();
    const written: string[] = [];
    const told: string[] = [];
    const nameOf = (event: ChangeEvent): string => ('step' in event ? `${event.type} ${event.step}` : event.type);
    const x = around(writers, {
      journal: (...events) => {
        written.push(`${events.map(nameOf).join(' + ')} after ${asked.join(', ')}`);
        return Promise.resolve();
      },
      listen: (event) => told.push(nameOf(event)),
    });
    expect((await execute(planOf(stop('a'), stop('b')), x)).outcome).toBe('done');
    expect(written).toEqual([
      'step-begin stop:a after ',
      'step-done stop:a + step-begin stop:b after stop a',
      'step-done stop:b + end after stop a, stop b',
    ]);
    expect(told).toEqual(['step-begin stop:a', 'step-done stop:a', 'step-begin stop:b', 'step-done stop:b', 'end']);
  });

  test('must not be lost with a write that fails', async () => {
    const { writers } = world({ 'stop b': () => Promise.reject(new OpsError('REJECTED', 'no')) });
    const events: string[] = [];
    let writes = 0;
    const x = around(writers, {
      journal: (...written) => {
        if ((writes += 1) === 2) return Promise.reject(new OpsError('JOURNAL_UNWRITABLE', 'full'));
        events.push(...written.map(({ type }) => type));
        return Promise.resolve();
      },
    });
    await execute(planOf(stop('a'), stop('b')), x);
    expect(events).toEqual(['step-begin', 'step-done', 'undo-begin', 'undo-done', 'end']);
  });
});

describe('a wait that ends', () => {
  test('must tell what the answers said, not that the last look was cut short', async () => {
    let looks = 0;
    const isServing = (): Promise<boolean> =>
      (looks += 1) === 1 ? Promise.resolve(false) : new Promise(() => undefined);
    const { writers } = world({ 'isServing a': isServing });
    expect(await execute(planOf(serving('a', 1000)), around(writers))).toMatchObject({
      error: { code: 'TIMED_OUT', message: 'not seen done within 1 s: a serves' },
    });
    expect(looks).toBe(2);
  });
});

describe('a change that has gone too far', () => {
  const tooLate = (): Step => ({ ...stop('b'), undo: 'too late' });

  test('must be left as it is when a later step fails, and say what is not done', async () => {
    const { writers, asked } = world({ 'isServing b': () => Promise.reject(new OpsError('UNSAFE', 'it is worse')) });
    const outcome = await execute(planOf(stop('a'), tooLate(), serving('b')), around(writers));
    expect(outcome).toMatchObject({ outcome: 'partial', stopped: 'too late', left: ['serving:b: not done'] });
    expect(asked).toEqual(['stop a', 'stop b']);
  });

  test('must be taken back as long as it has not', async () => {
    const { writers, asked } = world({ 'isServing a': () => Promise.resolve(false) });
    const outcome = await execute(planOf(stop('a'), serving('a', 100), tooLate()), around(writers));
    expect(outcome).toMatchObject({ outcome: 'rolled-back', left: [] });
    expect(asked).toEqual(['stop a', 'start a']);
  });
});

describe('a change that is gone on with', () => {
  test('must take back what was done before, too, newest first, when it fails', async () => {
    const { writers, asked, running } = world({ 'isServing b': () => Promise.resolve(false) });
    running.delete('a');
    const x = around(writers, { carriedOver: [stop('a')] });
    const outcome = await execute(planOf(stop('b'), serving('b', 100)), x);
    expect(outcome).toMatchObject({ outcome: 'rolled-back', left: [] });
    expect(asked).toEqual(['stop b', 'start b', 'start a']);
    expect(x.kinds).toContain('undo-done stop:a');
  });
});

test('an undo must have the time that it needs, not that of its step', async () => {
  const slow = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 400));
  const { writers } = world({ 'start a': slow, 'isServing a': () => Promise.resolve(false) });
  const quick = { ...stop('a', 200), undoTimeoutMs: 5000 };
  expect(await execute(planOf(quick, serving('a', 100)), around(writers))).toMatchObject({ outcome: 'rolled-back' });
  const short = { ...stop('a', 5000), undoTimeoutMs: 100 };
  expect(await execute(planOf(short, serving('a', 100)), around(writers))).toMatchObject({ outcome: 'partial' });
});

describe('a wait', () => {
  const waiting = (): Step => ({
    ...serving('a', 10_000),
    explain: { port: 'engine', method: 'whyNotServing', args: ['a'] },
  });

  test('in vain must tell why, and not fail where nobody knows', async () => {
    const { writers } = world({ 'isServing a': () => Promise.resolve(false) });
    const explained = { ...waiting(), timeoutMs: 100 };
    const error = async (): Promise<unknown> => (await execute(planOf(explained), around(writers))).error;
    expect(await error()).toMatchObject({ code: 'TIMED_OUT', details: { step: 'serving:a' } });
    Object.assign(writers.engine, {
      whyNotServing: () => Promise.resolve({ health: 'unhealthy', log: ['no database'] }),
    });
    expect(await error()).toMatchObject({ code: 'TIMED_OUT', details: { health: 'unhealthy', log: ['no database'] } });
  });

  test('must end when the lock is lost meanwhile', async () => {
    const { writers } = world({ 'isServing a': () => Promise.resolve(false) });
    let held = true;
    setTimeout(() => (held = false), 500);
    const confirmLock = (): Promise<void> =>
      held ? Promise.resolve() : Promise.reject(new OpsError('LOCKED', 'lost'));
    const began = performance.now();
    expect((await execute(planOf(waiting()), around(writers, { confirmLock }))).error?.code).toBe('LOCKED');
    expect(performance.now() - began).toBeLessThan(10_000);
  }, 12_000);
});
