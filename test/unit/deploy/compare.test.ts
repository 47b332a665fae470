import { describe, expect, test } from 'vitest';

import { lookAtStep, lookAtWatch } from '../../../src/deploy/compare.ts';
import { step, watch } from './world.ts';

const MINUTE = 60_000;

describe('the look at a step of a canary', () => {
  // The second of three steps of a minute, each of which may be prolonged twice.
  const second = step({ firstLook: 18, plannedLooks: 54 });

  test('must be counted through all steps, extensions included', () => {
    expect(lookAtStep(second, MINUTE)).toEqual({ number: 24, planned: 54, share: 0.9 / 54 });
    expect(lookAtStep(second, 3 * MINUTE)).toMatchObject({ number: 36, share: 0.9 / 54 });
  });

  test('must be one beyond the plan after that, also where looks of later steps are planned', () => {
    const { number, share } = lookAtStep(second, 3 * MINUTE + 10_000);
    expect(number).toBeGreaterThan(54);
    expect(share).toBeLessThan(0.9 / 54);
  });

  test('must be the only one where no plan is known', () => {
    const unknown = step({ forMs: 0, firstLook: 0, plannedLooks: 0 });
    for (const elapsed of [15_000, 3_600_000])
      expect(lookAtStep(unknown, elapsed)).toEqual({ number: 1, planned: 1, share: 1 });
  });
});

test('the looks at a release after its switch must be those of the time that it is watched', () => {
  expect(lookAtWatch(watch(), MINUTE)).toEqual({ number: 6, planned: 6, share: 0.9 / 6 });
  expect(lookAtWatch(watch({ forMs: 65_000 }), 65_000)).toMatchObject({ planned: 7, share: 0.9 / 7 });
});
