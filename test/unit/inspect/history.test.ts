import { expect, test } from 'vitest';

import type { ChangeRecord, Step } from '../../../src/core/change.ts';
import { summaryOf } from '../../../src/inspect/history.ts';

const step = (id: string): Step => ({ id, describe: id, why: 'w', timeoutMs: 1 });
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

test('a recovery that failed must tell the ways out of what it was to recover', () => {
  const recovery: ChangeRecord = {
    ...paused,
    id: '20260301T120000Z-0002',
    begin: { ...paused.begin, command: 'abort', recovers: paused.id },
    end: { type: 'end', at, outcome: 'partial', left: [] },
  };
  const open: ChangeRecord = { ...paused, steps: [{ step: step('lb.route:nginx'), state: 'left' }] };
  expect(summaryOf(recovery, undefined, open).next).toEqual([`opsctl abort ${paused.id}`]);
  expect(summaryOf(recovery, undefined, { ...open, recoveredBy: 'later' }).next).toEqual([]);
  expect(summaryOf(recovery, undefined).next).toEqual([]);
});
