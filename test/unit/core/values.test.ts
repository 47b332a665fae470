import fc from 'fast-check';
import { expect, test } from 'vitest';

import { durationMs, durationText } from '../../../src/core/values.ts';

test.each([
  ['250ms', 250],
  ['90s', 90_000],
  ['2m', 120_000],
  ['1h', 3_600_000],
])('%s must be %d ms', (typed, ms) => expect(durationMs(typed)).toBe(ms));

test.each(['', '5', 's', '1d', '-1s', '1.5s', ' 1s', '1s ', '1 s', '0x1s'])('%j is no length of time', (typed) => {
  expect(durationMs(typed)).toBe(0);
  expect(durationText.safeParse(typed).success).toBe(false);
});

test('whatever is accepted as typed must be longer than nothing', () => {
  fc.assert(fc.property(fc.stringMatching(/^[1-9]\d{0,5}(ms|s|m|h)$/), (typed) => durationMs(typed) > 0));
  expect(durationText.safeParse('0s').success).toBe(false);
});

test('a length of time must be a week at most: three times as long, a timer still bears', () => {
  expect(durationText.safeParse('168h').success).toBe(true);
  expect(durationText.safeParse('169h').error?.issues[0]?.message).toBe('expected 168h at most');
  expect(3 * durationMs('168h')).toBeLessThan(2 ** 31);
});
