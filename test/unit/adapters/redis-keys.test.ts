import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { keyText } from '../../../src/adapters/redis/key-text.ts';
import { formOf } from '../../../src/adapters/redis/scan/form.ts';
import { openGuard } from '../../../src/adapters/redis/scan/guard.ts';
import { openPace } from '../../../src/adapters/redis/scan/pace.ts';
import { openTally } from '../../../src/adapters/redis/scan/tally.ts';

describe('the form of a key', () => {
  test.each([
    ['user:17', 'user:*'],
    ['user:17:cart', 'user:*:cart'],
    ['session:8f3a09bc1d', 'session:*'],
    ['session:550e8400-e29b-41d4-a716-446655440000', 'session:*'],
    ['report:2026-03-01:rows', 'report:*:rows'],
    ['cache/page/12/en', 'cache/page/*/en'],
    ['counter42', 'counter*'],
    ['settings', 'settings'],
    ['feature:dark-mode', 'feature:dark-mode'],
    ['a:b:c:d:e:f', 'a:b:c:d:*'],
    ['17', '*'],
  ])('%s must be %s', (key, form) => {
    expect(formOf(Buffer.from(key))).toBe(form);
  });
});

describe('a key as text', () => {
  test('must keep what is text, and show bytes that are none', () => {
    expect(keyText(Buffer.from('ключ:1'))).toBe('ключ:1');
    expect(keyText(Buffer.from([0x61, 0xff, 0x00]))).toBe('a\\xff\\x00');
    expect(keyText(Buffer.from('a\u001b[31m\nb'))).toBe('a\\x1b[31m\\x0ab');
  });
  test('must be cut, with its length', () => {
    expect(keyText(Buffer.from('x'.repeat(5000)))).toBe(`${'x'.repeat(200)}… (5000 bytes)`);
  });
  test('must be bounded, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
        const text = keyText(Buffer.from(bytes));
        expect(text.length).toBeLessThan(230);
        expect(text).not.toMatch(/[\n\t]/);
      }),
    );
  });
});

describe('the guard of a scan', () => {
  const guarded = (before: number, after: number, rounds = 15): boolean => {
    const guard = openGuard([before, before, before]);
    for (let n = 0; n < rounds; n += 1) guard.saw(after);
    return guard.isSlower();
  };
  test.each([
    [10, 19, false],
    [10, 20, true],
    [0.2, 1, false],
    [0.2, 5.2, true],
  ])('%d ms before and %d ms of late: slower is %s', (before, after, slower) => {
    expect(guarded(before, after)).toBe(slower);
  });
  test('must not go by a few round trips, nor by single slow ones', () => {
    expect(guarded(1, 50, 14)).toBe(false);
    const guard = openGuard([1]);
    for (let n = 0; n < 100; n += 1) guard.saw(n % 3 === 0 ? 80 : 1);
    expect(guard.isSlower()).toBe(false);
    expect(guard.latencyMs()).toEqual({ before: 1, after: 1 });
  });
});

describe('the pace of a scan', () => {
  /** What is owed after a number of batches that are alike. */
  const owed = (batches: number, busyMs: number, ownMs: number, strain = 1): number => {
    const pace = openPace();
    let ms = 0;
    for (let n = 0; n < batches; n += 1) ms = pace.owes(busyMs, ownMs, strain);
    return ms;
  };
  test('must pause for a quarter of the time for which the server was busy, a few batches together', () => {
    expect([owed(1, 4, 0), owed(2, 4, 0), owed(4, 4, 0)]).toEqual([0, 2, 4]);
  });
  test('must count time of its own as a pause', () => {
    expect(owed(100, 4, 1)).toBe(0);
    expect(owed(10, 4, 0.5)).toBe(5);
  });
  test('must pause for longer the slower the server becomes', () => {
    expect([owed(2, 4, 0, 2), owed(2, 4, 0, 8), owed(2, 4, 0, 1000)]).toEqual([4, 16, 16]);
  });
  test('must not go by single slow batches, and know what was paid', () => {
    const pace = openPace();
    for (let n = 0; n < 9; n += 1) pace.owes(0, 0, 1);
    expect(pace.owes(1000, 0, 1)).toBe(0);
    pace.paid(5);
    expect(owed(3, 4, 0)).toBe(3);
    const late = openPace();
    for (let n = 0; n < 3; n += 1) late.owes(4, 0, 1);
    late.paid(10);
    expect([late.owes(40, 0, 1), late.owes(40, 0, 1)]).toEqual([0, 0]);
  });
});

describe('what a scan keeps', () => {
  test('must be the largest of all, in order', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 1e6 })), (sizes) => {
        const tally = openTally(5, true);
        for (const [index, bytes] of sizes.entries()) tally.saw({ key: Buffer.from(`k:${index}`), database: 0, bytes });
        const { top, scanned, bytes } = tally.counted();
        expect(top.bytes.map((one) => one.bytes)).toEqual(sizes.toSorted((a, b) => b - a).slice(0, 5));
        expect([scanned, bytes]).toEqual([sizes.length, sizes.reduce((sum, one) => sum + one, 0)]);
      }),
    );
  });
  test('must put names together by their form only where that is asked for', () => {
    const counted = (withForms: boolean) => {
      const tally = openTally(1, withForms);
      tally.saw({ key: Buffer.from('a:1'), database: 0, bytes: 1 });
      return tally.counted();
    };
    expect([counted(true).groupCount, counted(false).groupCount, counted(false).scanned]).toEqual([1, 0, 1]);
  });
  test('must be bounded where every name has a form of its own', () => {
    const tally = openTally(1, true);
    const letters = (n: number): string =>
      n.toString(26).replaceAll(/\d/g, (digit) => 'qrstuvwxyz'[Number(digit)] ?? '');
    for (let n = 0; n < 25_000; n += 1) tally.saw({ key: Buffer.from(letters(n)), database: 0, bytes: 1 });
    const { groupCount, groups } = tally.counted();
    expect([groupCount, groups.length]).toEqual([20_001, 100]);
    expect(groups[0]).toMatchObject({ form: '(others)', keys: 5000 });
  });
  test('must tell when keys expire', () => {
    const tally = openTally(1, true);
    for (const expiresMs of [null, null, 1000, 59_999, 60_000, 1e12, undefined])
      tally.saw({ key: Buffer.from('k'), database: 0, expiresMs });
    const { lasting, expiring } = tally.counted();
    expect(lasting).toBe(2);
    expect(expiring.map(({ keys }) => keys)).toEqual([2, 1, 0, 0, 0, 1]);
  });
});
