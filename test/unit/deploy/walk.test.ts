import { describe, expect, test } from 'vitest';

import { type Typed, walkOf } from '../../../src/deploy/walk.ts';

const typed = (more: Partial<Typed> = {}): Typed => ({
  initialTrafficPercent: undefined,
  autoPromote: false,
  steps: '5,25,50,100',
  stepDuration: '2m',
  noAnalysis: false,
  ...more,
});
const percents = (more: Partial<Typed>): readonly number[] => walkOf(typed(more)).percents;

test('a canary must stay at its first share until it is promoted', () => {
  expect(walkOf(typed())).toEqual({ percents: [5], stepMs: 120_000, analysed: true });
  expect(walkOf(typed({ initialTrafficPercent: 20, stepDuration: '30s', noAnalysis: true }))).toEqual({
    percents: [20],
    stepMs: 30_000,
    analysed: false,
  });
});

test('one that promotes itself must go through all shares and end where they end', () => {
  expect(percents({ autoPromote: true })).toEqual([5, 25, 50, 100]);
  expect(percents({ autoPromote: true, steps: ' 10 , 20' })).toEqual([10, 20]);
});

test('the share that it begins with must leave out the smaller ones', () => {
  expect(percents({ autoPromote: true, initialTrafficPercent: 30 })).toEqual([30, 50, 100]);
  expect(percents({ autoPromote: true, initialTrafficPercent: 1 })).toEqual([1, 5, 25, 50, 100]);
  expect(percents({ autoPromote: true, initialTrafficPercent: 25 })).toEqual([25, 50, 100]);
});

describe('shares must be refused', () => {
  test.each([
    ['25,5', '5'],
    ['5,5', '5'],
    ['0,5', '0'],
    ['5,101', '101'],
    ['5,x', 'x'],
    ['5.5', '5.5'],
    ['', ''],
    ['5,,50', ''],
  ])('%j, naming what is wrong', (steps, wrong) => {
    expect(() => walkOf(typed({ steps }))).toThrow(
      expect.objectContaining({
        code: 'USAGE',
        message: `--steps ${steps}: ${wrong} is no rising percent from 1 to 100`,
      }),
    );
  });

  test('when the first is all visitors: that is no canary', () => {
    for (const autoPromote of [false, true])
      expect(() => walkOf(typed({ steps: '100', autoPromote }))).toThrow(expect.objectContaining({ code: 'USAGE' }));
    expect(percents({ steps: '100', autoPromote: true, initialTrafficPercent: 10 })).toEqual([10, 100]);
  });
});
