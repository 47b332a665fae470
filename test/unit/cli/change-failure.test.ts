import { describe, expect, test } from 'vitest';

import { failureOf } from '../../../src/cli/change-failure.ts';
import { OpsError } from '../../../src/core/errors.ts';
import type { Outcome } from '../../../src/core/execute.ts';

const error = new OpsError('UNSAFE', 'api is worse');
const hintOf = (outcome: Omit<Outcome, 'left' | 'error'>, recovers?: string): string | undefined =>
  failureOf({ left: [], error, ...outcome }, { id: '2', recovers }).hint;

describe('of a change that failed in part', () => {
  test('the hint must be to take the rest back, of the change that it recovers', () => {
    expect(hintOf({ outcome: 'partial' })).toMatch(/Then: opsctl abort 2$/);
    expect(hintOf({ outcome: 'partial', stopped: 'taking back' }, '1')).toMatch(/Then: opsctl abort 1$/);
  });

  test('that is too late to be taken back, the hint must be to finish or to close it', () => {
    expect(hintOf({ outcome: 'partial', stopped: 'too late' }, '1')).toMatch(
      /Then: opsctl resume 1, or close it as it is: opsctl abort 1 --abandon --reason '<why>'$/,
    );
  });
});

test('of one that was taken back, the hint must be where to read what happened, and that of its error', () => {
  const told = new OpsError('UNSAFE', 'api is worse', { hint: 'See what is live: opsctl deploy status' });
  expect(failureOf({ outcome: 'rolled-back', left: [], error: told }, { id: '2', recovers: undefined }).hint).toBe(
    'What happened, step by step: opsctl history 2. See what is live: opsctl deploy status',
  );
  expect(failureOf({ outcome: 'rolled-back', left: [], error }, { id: '2', recovers: '1' })).toMatchObject({
    code: 'ROLLED_BACK',
    hint: 'What happened, step by step: opsctl history 2',
  });
});
