import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { valueIn, variableIn, withValue } from '../../../src/core/dotenv.ts';

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
    ['\uFEFFA=v1', 'v1'],
    ['A="v1"#x', 'v1'],
    ['B="x\nA=v2\n"\nA=v1', 'v1'],
    ["B='x\nA=v1", 'v1'],
  ])('%j must be read', (text, value) => expect(valueIn(text, 'A')).toBe(value));

  test.each(['', '# A=v1', 'AA=v1', 'B=A', 'A', 'A: v1', 'B="x\nA=v1"', 'B="\\"\nA=v1"'])(
    'must be absent in %j',
    (text) => expect(valueIn(text, 'A')).toBeUndefined(),
  );

  test.each(['v1', '"v1"', "'v1'", "'a $B # c'", '"it\'s"', ''])('%s must be plain', (text) =>
    expect(variableIn(`A=${text}`, 'A')).toMatchObject({ plain: true }),
  );

  // One compose or the other makes something else of these.
  test.each(['$B', '"${B}"', "'${B}'", '"a\\nb"', "'a\\b'", 'a b', 'a#b', '"x" y', "'x", '"a\nb"'])(
    '%s must not be plain',
    (text) => expect(variableIn(`A=${text}`, 'A')).toMatchObject({ plain: false }),
  );
});

describe('setting a variable', () => {
  test.each([
    ['# versions\nA=v1\nB=x\n', '# versions\nA=v2\nB=x\n'],
    ['export A = v1', 'export A = v2'],
    ['A="v1"\n', 'A="v2"\n'],
    ["A='v1' # the live one\n", "A='v2' # the live one\n"],
    ['A=v1\t # the live one\nB=x', 'A=v2\t # the live one\nB=x'],
    ['A="v0\nA=v1"\nB=x', 'A="v2"\nB=x'],
    ['A="v1" x\n', 'A=v2\n'],
    ['A=v0\nA=v1\n', 'A=v0\nA=v2\n'],
    ['B=x', 'B=x\nA=v2\n'],
    ['', 'A=v2\n'],
  ])('in %j must change nothing else', (text, next) => expect(withValue(text, 'A', 'v2')).toBe(next));

  test('must keep the line ends of Windows, and not add the variable a second time', () => {
    expect(withValue('A=v1\r\nB=x\r\n', 'A', 'v2')).toBe('A=v2\r\nB=x\r\n');
    expect(withValue('A=v1\r\nB=x\r\n', 'A', null)).toBe('B=x\r\n');
    expect(withValue('B=x\r\n', 'A', 'v2')).toBe('B=x\r\nA=v2\r\n');
  });

  test('to nothing must remove it wherever it stands', () => {
    expect(withValue('A=v1\nB=x\nexport A=v2\n', 'A', null)).toBe('B=x\n');
    expect(withValue('B=x\n', 'A', null)).toBe('B=x\n');
  });

  test('must quote what would else be read as something else', () => {
    expect(withValue('', 'A', 'a b')).toBe("A='a b'\n");
    expect(withValue('A="v1"', 'A', 'a$b')).toBe("A='a$b'");
    expect(withValue("A='v1'", 'A', "it's #1")).toBe('A="it\'s #1"');
  });

  test.each(['a\nB=x', 'a\rB=x', 'a\0', 'a\u0085', 'a\\n', '${B}', `"it's"`, `$it's`, '\ud800'])(
    'to %j must be refused',
    (value) => expect(() => withValue('A=v1', 'A', value)).toThrow(expect.objectContaining({ code: 'REJECTED' })),
  );

  test.each(['', 'A B', 'A=v\nB', 'B\n', '1A', 'A-B', '#A', 'é'])('called %j must be refused', (name) => {
    for (const value of ['v2', null])
      expect(() => withValue('A=v1', name, value)).toThrow(expect.objectContaining({ code: 'REJECTED' }));
  });

  test('after a quote that is not closed must be refused when its own would close it', () => {
    expect(() => withValue("B='x\n", 'A', ' # y')).toThrow(expect.objectContaining({ code: 'REJECTED' }));
  });

  const lines = fc.array(
    fc.oneof(
      fc
        .tuple(
          fc.constantFrom('A', 'B', 'export B', ' A '),
          fc.constantFrom('', "'", '"'),
          fc.stringMatching(/^[ -~]*$/),
        )
        .map(([name, quote, value]) => `${name}=${quote}${value}${quote}`),
      fc.string({ unit: 'binary' }),
      fc.constantFrom('', '#', "'", '"', '\\'),
    ),
  );
  const anyText = fc.tuple(lines, fc.constantFrom('\n', '\r\n')).map(([all, end]) => all.join(end));
  const anyValue = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.stringMatching(/^[ -~]*$/),
    fc.stringMatching(/^[\w.-]*$/),
  );

  test('must be read back or be refused, whatever the text and the value', () => {
    fc.assert(
      fc.property(anyText, anyValue, (before, wanted) => {
        let after: string;
        try {
          after = withValue(before, 'A', wanted);
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'REJECTED' });
          return;
        }
        expect(valueIn(after, 'A')).toBe(wanted);
        expect(variableIn(after, 'A')).toMatchObject({ plain: true });
        expect(withValue(after, 'A', wanted)).toBe(after);
      }),
      { numRuns: 1000 },
    );
  });

  test('must be taken back by the value before, to the letter, where that was plain', () => {
    fc.assert(
      fc.property(anyText, fc.stringMatching(/^[\w.-]{1,12}$/), (before, wanted) => {
        const found = variableIn(before, 'A');
        if (found?.plain !== true) return;
        expect(withValue(withValue(before, 'A', wanted), 'A', found.value)).toBe(before);
      }),
    );
  });

  const other = fc.oneof(
    fc.string({ unit: 'binary' }).map((text) => `# ${text.replaceAll(/[\r\n]/g, '')}`),
    fc
      .tuple(fc.constantFrom('B', 'export B', 'AA'), fc.stringMatching(/^[\w #$-]*$/))
      .map(([name, value]) => `${name}=${value}`),
    fc.stringMatching(/^[^'\\\r]*$/).map((value) => `B='${value}' # A=v0`),
    fc.constantFrom('', ' ', 'A', 'A: v0'),
  );
  const others = fc.array(other).map((all) => all.map((line) => `${line}\n`).join(''));

  test('must leave all else to the letter', () => {
    fc.assert(
      fc.property(others, others, anyValue, (head, tail, wanted) => {
        const set = (text: string): string | undefined => {
          try {
            return withValue(text, 'A', wanted);
          } catch {
            return undefined;
          }
        };
        const alone = set('A=v1 # c\n');
        expect(set(`${head}A=v1 # c\n${tail}`)).toBe(alone === undefined ? undefined : `${head}${alone}${tail}`);
        const added = set('');
        expect(set(head)).toBe(added === undefined ? undefined : `${head}${added}`);
        expect(withValue(`${head}A=v1 # c\n${tail}`, 'A', null)).toBe(`${head}${tail}`);
      }),
    );
  });
});
