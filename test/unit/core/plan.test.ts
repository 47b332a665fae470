import { describe, expect, test } from 'vitest';

import { recordOf, type ChangeEvent } from '../../../src/core/change.ts';
import { isIrreversible, perform, plan, step } from '../../../src/core/plan.ts';
import type { Writers } from '../../../src/core/ports.ts';

const start = step({
  id: 'start',
  describe: 'd',
  why: 'w',
  do: (w) => w.engine.startContainer('x'),
  undo: (w) => w.engine.stopContainer('x', 5),
  verify: (r) => r.engine.isRunning('x'),
});
const breakLock = step({
  id: 'break',
  describe: 'd',
  why: 'w',
  do: (w) => w.lock.breakLock('x'),
  verify: (r) => r.lock.isFree('x'),
});

describe('a step must be data', () => {
  test('the call is recorded, not made', () => {
    expect(start.do).toEqual({ port: 'engine', method: 'startContainer', args: ['x'] });
    expect(start.undo).toEqual({ port: 'engine', method: 'stopContainer', args: ['x', 5] });
  });

  test('it survives the journal', () => {
    expect(JSON.parse(JSON.stringify(start))).toEqual(start);
  });

  test('more or fewer calls than one are a bug', () => {
    const none = (): unknown =>
      step({ id: 'n', describe: '', why: '', do: () => Promise.resolve(), verify: (r) => r.engine.isRunning('x') });
    const two = (): unknown =>
      step({
        id: 't',
        describe: '',
        why: '',
        do: (w) => Promise.all([w.engine.startContainer('x'), w.engine.startContainer('y')]),
        verify: (r) => r.engine.isRunning('x'),
      });
    expect(none).toThrow('exactly one call, not 0');
    expect(two).toThrow('exactly one call, not 2');
  });

  test('arguments that JSON cannot hold are a bug', () => {
    expect(() =>
      step({
        id: 'n',
        describe: '',
        why: '',
        do: (w) => w.engine.startContainer(undefined as never),
        verify: (r) => r.engine.isRunning('x'),
      }),
    ).toThrow('not JSON');
  });

  test('a recorded call reaches the port; one that no port has is refused', async () => {
    const asked: unknown[] = [];
    const writers = {
      engine: { startContainer: (id: string) => Promise.resolve(asked.push(id)) },
    } as unknown as Writers;
    await perform({ port: 'engine', method: 'startContainer', args: ['x'] }, writers, 'do');
    expect(asked).toEqual(['x']);
    for (const call of [
      { port: 'engine', method: 'nope' },
      { port: 'configuration', method: 'write' },
      { port: 'engine', method: 'startup' },
      { port: 'constructor', method: 'call' },
      { port: '__proto__', method: 'toString' },
      { port: 'engine', method: 'constructor' },
    ]) {
      await expect(perform({ ...call, args: [] }, writers, 'do')).rejects.toMatchObject({ code: 'BUG' });
    }
  });
});

describe('a plan must be well-formed', () => {
  test('ids are unique', () => {
    expect(() => plan({ target: 't', summary: '', touches: [], steps: [start, start] })).toThrow('share an id');
  });

  test('what cannot be undone comes last', () => {
    expect(isIrreversible(breakLock)).toBe(true);
    expect(() => plan({ target: 't', summary: '', touches: [], steps: [breakLock, start] })).toThrow(
      'follows one that cannot',
    );
    expect(plan({ target: 't', summary: '', touches: [], steps: [start, breakLock] }).steps).toHaveLength(2);
  });
});

test('the record of a change is folded from its events', () => {
  const at = '2026-01-01T00:00:00.000Z';
  const events: ChangeEvent[] = [
    {
      type: 'begin',
      at,
      command: 'c',
      input: {},
      actor: 'a',
      host: 'h',
      plan: { target: 't', summary: '', touches: [], steps: [start, breakLock] },
    },
    { type: 'step-begin', at, step: 'start' },
    { type: 'step-done', at, step: 'start', durationMs: 1 },
    { type: 'step-begin', at, step: 'break' },
  ];
  expect(recordOf('id', events)).toMatchObject({ steps: [{ state: 'done' }, { state: 'running' }] });
  expect(recordOf('id', events)?.end).toBeUndefined();
  expect(recordOf('id', events.slice(1))).toBeUndefined();
});
