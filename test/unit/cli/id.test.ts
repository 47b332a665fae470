import fc from 'fast-check';
import { expect, test } from 'vitest';

import { newId } from '../../../src/cli/id.ts';

test('ids must sort by time to the millisecond', () => {
  const date = fc.date({ min: new Date('2000-01-01'), max: new Date('2999-01-01'), noInvalidDate: true });
  fc.assert(
    fc.property(date, fc.integer({ min: 1, max: 100_000 }), (earlier, ms) => {
      expect(newId(earlier) < newId(new Date(earlier.getTime() + ms))).toBe(true);
    }),
  );
  expect(newId(new Date('2026-03-01T14:05:09.250Z'))).toMatch(/^20260301T140509Z-0fa[0-9a-f]{2}$/);
});
