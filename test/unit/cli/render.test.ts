/** What people read of an error. */
import { expect, it } from 'vitest';

import { detailLines } from '../../../src/cli/render.ts';

it('what several rules say must be a line each, with the reason and without the numbers that it has already', () => {
  const analysis = {
    samples: { verdict: 'inconclusive', reason: 'the canary got 60 requests, fewer than 300', canary: 60 },
    hardAbort: { verdict: 'pass', reason: '0 of 60 failed', level: 0.000015625 },
  };
  expect(detailLines({ analysis })).toEqual([
    'analysis:',
    '  samples: inconclusive: the canary got 60 requests, fewer than 300',
    '  hardAbort: pass: 0 of 60 failed',
  ]);
});

it('an object that is no judgement must be shown whole, on one line', () => {
  expect(detailLines({ held: { by: 'ann', since: { at: 'noon' } } })).toEqual(['held: by: ann, since: {"at":"noon"}']);
});
