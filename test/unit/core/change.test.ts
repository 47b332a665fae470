import { describe, expect, test } from 'vitest';

import {
  type ChangeEvent,
  type ChangeRecord,
  connected,
  isUnfinished,
  recordOf,
  type Step,
} from '../../../src/core/change.ts';

const at = '2026-03-01T12:00:00.000Z';
type Begin = Extract<ChangeEvent, { type: 'begin' }>;
type Outcome = Extract<ChangeEvent, { type: 'end' }>['outcome'];

/** A change that ended so; without an outcome it was killed. */
function record(id: string, outcome?: Outcome, more: Partial<Begin> = {}): ChangeRecord {
  const plan = { target: 't', summary: 's', touches: [], steps: [] };
  const begin: Begin = { type: 'begin', at, command: 'deploy canary', input: {}, actor: 'a', host: 'h', plan, ...more };
  const end: ChangeEvent[] = outcome === undefined ? [] : [{ type: 'end', at, outcome, left: [] }];
  const made = recordOf(id, [begin, ...end]);
  if (made === undefined) return expect.unreachable();
  return made;
}
/** Ids of what still needs somebody, and by what the others came to their end. */
const told = (...records: ChangeRecord[]): [string, string | boolean][] =>
  connected(records).map((one) => [one.id, isUnfinished(one) || (one.recoveredBy ?? false)]);

describe('a step that failed and is known to have done nothing', () => {
  const step: Step = { id: 'lb.route:nginx', describe: 'switch', why: 'w', timeoutMs: 1 };
  const undoing: Step = { ...step, id: 'undo.lb.route:nginx' };
  const of = (id: string, steps: Step[], events: ChangeEvent[], more: Partial<Begin> = {}): ChangeRecord => {
    const { begin } = record(id, undefined, more);
    return recordOf(id, [{ ...begin, plan: { ...begin.plan, steps } }, ...events]) ?? expect.unreachable();
  };
  const tried = (id: string, more: { noEffect?: boolean } = { noEffect: true }): ChangeEvent[] => [
    { type: 'step-begin', at, step: id },
    { type: 'step-failed', at, step: id, error: 'no', ...more },
  ];
  const statesOf = (...records: ChangeRecord[]): string[][] =>
    connected(records).map(({ steps }) => steps.map(({ state }) => state));

  test('must be still to be done; without that knowledge it has failed', () => {
    expect(of('1', [step], tried(step.id)).steps).toEqual([{ step, state: 'pending', error: 'no' }]);
    expect(of('1', [step], tried(step.id, {})).steps).toEqual([{ step, state: 'failed', error: 'no' }]);
  });

  test('must stay what it was before, where a recovery did it again', () => {
    const killed = of('1', [step], [{ type: 'step-begin', at, step: step.id }]);
    expect(statesOf(of('2', [step], tried(step.id), { recovers: '1' }), killed)[1]).toEqual(['running']);
  });

  test('must keep its change one that is being taken back, where it was to take back', () => {
    const done = of('1', [step], [{ type: 'step-done', at, step: step.id, durationMs: 1 }]);
    expect(statesOf(of('2', [undoing], tried(undoing.id), { recovers: '1' }), done)[1]).toEqual(['left']);
  });
});

describe('a paused change', () => {
  test('must be unfinished until something brings it to its end', () => {
    expect(told(record('1', 'paused'))).toEqual([['1', true]]);
  });

  test('must be finished by a change that settles it', () => {
    expect(told(record('2', 'done', { settles: '1' }), record('1', 'paused'))).toEqual([
      ['2', false],
      ['1', '2'],
    ]);
  });

  test('must stay unfinished when what should settle it was taken back', () => {
    const [, paused] = told(record('2', 'rolled-back', { settles: '1' }), record('1', 'paused'));
    expect(paused).toEqual(['1', true]);
  });

  test.each<[string, Outcome | undefined]>([
    ['could not be taken back', 'partial'],
    ['is paused itself', 'paused'],
    ['was killed', undefined],
  ])('must be in the hands of what should settle it as long as that %s', (_how, outcome) => {
    const all = [record('2', outcome, { settles: '1' }), record('1', 'paused')];
    expect(told(...all)).toEqual([
      ['2', true],
      ['1', false],
    ]);
    expect(connected(all)[1]?.supersededBy).toBe('2');
  });

  test('must be in the hands of the last, where one after the other was to settle it', () => {
    const all = [
      record('3', 'paused', { settles: '2' }),
      record('2', 'paused', { settles: '1' }),
      record('1', 'paused'),
    ];
    expect(connected(all).map(({ supersededBy }) => supersededBy)).toEqual([undefined, '3', '3']);
    const back = record('4', 'rolled-back', { recovers: '3' });
    expect(connected([back, ...all]).map(({ supersededBy }) => supersededBy)).toEqual([
      undefined,
      undefined,
      undefined,
      '2',
    ]);
  });

  test('must be what is left again once what was to settle it was aborted before it did anything', () => {
    const abort = record('3', 'done', { recovers: '2', command: 'deploy abort' });
    expect(told(abort, record('2', undefined, { settles: '1' }), record('1', 'paused'))).toEqual([
      ['3', false],
      ['2', '3'],
      ['1', true],
    ]);
  });

  test('must be finished once what was to settle it, and was paused itself, came to its end', () => {
    const all = [record('2', 'paused', { settles: '1' }), record('1', 'paused')];
    for (const how of [{ settles: '2' }, { recovers: '2' }])
      expect(told(record('3', 'done', how), ...all)).toEqual([
        ['3', false],
        ['2', '3'],
        ['1', '3'],
      ]);
  });

  test('must be what is left again once what was to settle it was taken back', () => {
    const abort = record('3', 'done', { recovers: '2', command: 'deploy abort' });
    expect(told(abort, record('2', 'paused', { settles: '1' }), record('1', 'paused'))).toEqual([
      ['3', false],
      ['2', '3'],
      ['1', true],
    ]);
  });

  test('must be what is left again once finishing what was to settle it failed and was taken back', () => {
    const resume = record('3', 'rolled-back', { recovers: '2' });
    expect(told(resume, record('2', 'paused', { settles: '1' }), record('1', 'paused'))).toEqual([
      ['3', false],
      ['2', '3'],
      ['1', true],
    ]);
  });

  test('must be finished by a recovery that failed and took all of it back', () => {
    expect(told(record('2', 'rolled-back', { recovers: '1' }), record('1', 'paused'))[1]).toEqual(['1', '2']);
    expect(told(record('2', 'partial', { recovers: '1' }), record('1', 'paused'))[1]).toEqual(['1', true]);
  });

  test('must be finished by a recovery, too', () => {
    expect(told(record('2', 'done', { recovers: '1' }), record('1', 'paused'))[1]).toEqual(['1', '2']);
  });

  test('must be read although a journal says that two settle each other', () => {
    const all = [record('2', 'paused', { settles: '1' }), record('1', 'paused', { settles: '2' })];
    expect(told(...all)).toEqual([
      ['2', true],
      ['1', false],
    ]);
  });
});
