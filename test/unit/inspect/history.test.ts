import { expect, test } from 'vitest';

import type { ChangeRecord } from '../../../src/core/change.ts';
import { summaryOf } from '../../../src/inspect/history.ts';

const at = '2026-03-01T12:00:00.000Z';
const paused: ChangeRecord = {
  id: '20260301T120000Z-0001',
  begin: {
    ...{ type: 'begin', at, command: 'deploy canary', input: {}, actor: 'alice', host: 'h' },
    plan: { target: 'production', summary: 'canary of api v2', touches: [], steps: [] },
  },
  steps: [],
  others: {},
  end: { type: 'end', at, outcome: 'paused', left: [] },
};

test('a change that was held must tell its ways out, until another has brought it to its end', () => {
  expect(summaryOf(paused, undefined)).toMatchObject({ outcome: 'paused' });
  expect(summaryOf(paused, undefined).next).not.toEqual([]);
  expect(summaryOf({ ...paused, recoveredBy: 'promoted' }, undefined)).toMatchObject({
    ...{ outcome: 'recovered', recoveredBy: 'promoted', next: [] },
  });
});

test('a change that is in the hands of another must tell which, and no ways out of its own', () => {
  expect(summaryOf({ ...paused, supersededBy: 'promoted' }, undefined)).toMatchObject({
    ...{ outcome: 'paused', supersededBy: 'promoted', next: [] },
  });
});
