import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { redact, Secret } from '../../../src/core/secret.ts';
import { compareNames, mapStrings, publishable, sanitize, showable } from '../../../src/core/text.ts';

describe('text from outside must lose what a terminal would obey, and nothing else', () => {
  test.each([
    ['a \u001b[31mred\u001b[0m word', 'a red word'],
    ['title \u001b]0;owned\u0007 set', 'title  set'],
    ['C1 \u009d0;owned\u009c and \u009b2J clear', 'C1  and  clear'],
    ['\u001bP+q544e\u001b\\ device', ' device'],
    ['a [error] disk full ] b \u0007 tail', 'a [error] disk full ] b  tail'],
    ['tab\tand\nline feed', 'tab\tand\nline feed'],
    ['carriage\rreturn', 'carriagereturn'],
    ['reversed \u202eexe.txt', 'reversed exe.txt'],
    ['naïve 日本 🎉', 'naïve 日本 🎉'],
  ])('%j', (text, expected) => {
    expect(sanitize(text)).toBe(expected);
  });

  test('whatever comes, no control character is left, and text without any is left alone', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
        expect(sanitize(text)).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii' }), (text) => {
        expect(sanitize(text)).toBe(text);
      }),
    );
  });

  test.each([['\u001b]'], ['\u009b'], [']'], ['\u001b'], ['a.'], ['://a:']])(
    '%j a hundred thousand times is no attack',
    (piece) => {
      const text = piece.repeat(100_000);
      sanitize(text);
      redact(text);
      // Quadratic time would take minutes, and the test would run out of its own.
    },
  );
});

describe('a secret must not show', () => {
  test('in text, JSON and inspection of the value itself', () => {
    const secret = new Secret('correct-horse');
    expect([String(secret), JSON.stringify({ secret })]).toEqual(['[redacted]', '{"secret":"[redacted]"}']);
    expect(secret.reveal()).toBe('correct-horse');
  });

  test('in texts of others, the longer one first, encoded too', () => {
    expect([new Secret('abcd-1'), new Secret('abcd-1234'), new Secret('p@ss/word')]).toHaveLength(3);
    expect(redact('is abcd-1234 or abcd-1 or p%40ss%2Fword')).toBe('is [redacted] or [redacted] or [redacted]');
  });

  test('in the password part of any URL', () => {
    expect(redact('at postgres://shop:hunter2@db:5432/shop?x=1')).toBe(
      'at postgres://shop:[redacted]@db:5432/shop?x=1',
    );
  });

  test('deep in data, keys included', () => {
    expect([new Secret('deep-secret')]).toHaveLength(1);
    const data = { list: [{ 'deep-secret': 'x deep-secret \u001b[2J' }], number: 1 };
    expect(publishable(data)).toEqual({ list: [{ '[redacted]': 'x [redacted] \u001b[2J' }], number: 1 });
    expect(showable(data)).toEqual({ list: [{ '[redacted]': 'x [redacted] ' }], number: 1 });
    expect(mapStrings(new Date(0), () => '')).toEqual(new Date(0));
  });
});

describe('names', () => {
  test('replicas must stand by their numbers, also where the numbers are longer than any number', () => {
    expect(['api-10', 'api-2', 'api', 'web', `api-${'9'.repeat(400)}`, 'api-02', 'Api'].toSorted(compareNames)).toEqual(
      ['Api', 'api', 'api-02', 'api-2', 'api-10', `api-${'9'.repeat(400)}`, 'web'],
    );
  });

  test('any names must have one order, whatever order they come in', () => {
    const name = fc.stringMatching(/^[ab0-9-]{0,8}$/);
    fc.assert(
      fc.property(fc.array(name, { maxLength: 8 }), (names) => {
        const once = names.toSorted(compareNames);
        expect(names.toReversed().toSorted(compareNames)).toEqual(once);
        for (const [a, b] of once.slice(1).map((later, index) => [once[index] ?? '', later] as const))
          expect(compareNames(a, b) <= 0 && compareNames(b, a) >= 0).toBe(true);
      }),
    );
  });
});
