import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { valueIn, withValue } from '../../../src/core/dotenv.ts';

describe('the value of a variable', () => {
  test.each([
    ['A=v1', 'v1'],
    ['export A=v1', 'v1'],
    ['  A = v1  ', 'v1'],
    ['A="v1"', 'v1'],
    ["A='v 1'", 'v 1'],
    ['A="v1" # the live one', 'v1'],
    ['A=v1 # the live one', 'v1'],
    ['A=v#1', 'v#1'],
    ['A=', ''],
    ['A=""', ''],
    ['A=x=y', 'x=y'],
    ['A=v1\r\nB=2\r\n', 'v1'],
    ['A=v1\nA=v2', 'v2'],
  ])('%j must be read', (text, value) => expect(valueIn(text, 'A')).toBe(value));

  test.each(['', '# A=v1', 'AA=v1', 'B=A', 'A', 'A: v1'])('must be absent in %j', (text) =>
    expect(valueIn(text, 'A')).toBeUndefined(),
  );
});

describe('setting a variable', () => {
  test.each([
    ['# versions\nA=v1\nB=x\n', '# versions\nA=v2\nB=x\n'],
    ['export A = v1', 'export A =v2'],
    ['A="v1"\n', 'A=v2\n'],
    ['A=v0\nA=v1\n', 'A=v0\nA=v2\n'],
    ['B=x', 'B=x\nA=v2\n'],
    ['', 'A=v2\n'],
  ])('in %j must change nothing else', (text, next) => expect(withValue(text, 'A', 'v2')).toBe(next));

  test('must keep the line ends of Windows, and not add the variable a second time', () => {
    expect(withValue('A=v1\r\nB=x\r\n', 'A', 'v2')).toBe('A=v2\r\nB=x\r\n');
    expect(withValue('A=v1\r\nB=x\r\n', 'A', null)).toBe('B=x\r\n');
  });

  test('to nothing must remove it wherever it stands', () => {
    expect(withValue('A=v1\nB=x\nexport A=v2\n', 'A', null)).toBe('B=x\n');
    expect(withValue('B=x\n', 'A', null)).toBe('B=x\n');
  });

  test('must be seen in whatever text, and leave all other variables as they are', () => {
    const value = fc.stringMatching(/^[A-Za-z0-9._-]{0,12}$/);
    const line = fc.oneof(
      fc.tuple(fc.constantFrom('A', 'B', 'export B'), value).map(([key, text]) => `${key}=${text}`),
      fc.string(),
      fc.constant(''),
    );
    const text = fc.tuple(fc.array(line), fc.constantFrom('\n', '\r\n')).map(([lines, end]) => lines.join(end));
    fc.assert(
      fc.property(text, value, (before, wanted) => {
        const after = withValue(before, 'A', wanted);
        expect(valueIn(after, 'A')).toBe(wanted);
        expect(valueIn(after, 'B')).toBe(valueIn(before, 'B'));
        expect(withValue(after, 'A', wanted)).toBe(after);
        expect(valueIn(withValue(before, 'A', null), 'A')).toBeUndefined();
      }),
    );
  });
});
