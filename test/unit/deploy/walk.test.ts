import { describe, expect, test } from 'vitest';

import { type Typed, walkOf } from '../../../src/deploy/walk.ts';

const typed: Typed = {
  initialTrafficPercent: undefined,
  autoPromote: true,
  steps: '5,25,50,100',
  stepDuration: '2m',
  noAnalysis: false,
};

describe('how a canary is walked through', () => {
  test.each<[string, Partial<Typed>, number[]]>([
    ['all steps', {}, [5, 25, 50, 100]],
    ['the first share given, and the steps above it', { initialTrafficPercent: 30 }, [30, 50, 100]],
    ['steps that end below 100 end there', { steps: '5, 25' }, [5, 25]],
    ['by hand only the first', { autoPromote: false }, [5]],
    ['by hand the share given', { autoPromote: false, initialTrafficPercent: 1 }, [1]],
  ])('%s', (_name, more, percents) => {
    expect(walkOf({ ...typed, ...more })).toEqual({ percents, stepMs: 120_000, analysed: true });
  });

  test.each(['', '0', '101', '5,5', '50,25', '5,x', '1.5'])('the steps %j must be refused', (steps) => {
    expect(() => walkOf({ ...typed, steps })).toThrow(/is no rising percent from 1 to 100/);
  });
});
