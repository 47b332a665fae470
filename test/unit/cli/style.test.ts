import { describe, expect, test } from 'vitest';

import { colours, makeStyle } from '../../../src/cli/style.ts';

describe('colour must be where it was asked for', () => {
  test.each([
    [{ flag: undefined, env: {}, isTerminal: true }, true],
    [{ flag: undefined, env: {}, isTerminal: false }, false],
    [{ flag: undefined, env: { NO_COLOR: '1' }, isTerminal: true }, false],
    [{ flag: undefined, env: { NO_COLOR: '' }, isTerminal: true }, true],
    [{ flag: undefined, env: { FORCE_COLOR: '1' }, isTerminal: false }, true],
    [{ flag: undefined, env: { FORCE_COLOR: '0' }, isTerminal: true }, false],
    [{ flag: undefined, env: { NO_COLOR: '1', FORCE_COLOR: '1' }, isTerminal: true }, false],
    [{ flag: true, env: { NO_COLOR: '1' }, isTerminal: false }, true],
    [{ flag: false, env: { FORCE_COLOR: '1' }, isTerminal: true }, false],
    [{ flag: undefined, env: { TERM: 'dumb' }, isTerminal: true }, false],
  ])('%j -> %s', (choice, expected) => {
    expect(colours(choice)).toBe(expected);
  });
});

describe('a table must fit', () => {
  const plain = makeStyle({ width: 40, colour: false });
  const columns = [{ title: 'NAME' }, { title: 'COUNT', align: 'right' as const }, { title: 'REASON', flexible: true }];

  test('columns are aligned and the flexible one is cut', () => {
    expect(
      plain.table(columns, [
        ['api', '3', 'a reason that is longer than the terminal is wide'],
        ['web-service', '12', 'short'],
      ]),
    ).toMatchInlineSnapshot(`
      "NAME         COUNT  REASON
      api              3  a reason that is lo…
      web-service     12  short"
    `);
  });

  test('a column that would be left too little has lines of its own below the rows', () => {
    const roomy = columns.map((column, index) => (index === 2 ? { ...column, least: 20 } : column));
    const rows = [
      ['api', '3', 'a reason that is longer than the terminal is wide'],
      ['web-service', '12', '-'],
    ];
    expect(plain.table(roomy, rows)).toMatchInlineSnapshot(`
      "NAME         COUNT  REASON
      api              3  a reason that is lo…
      web-service     12  -"
    `);
    expect(makeStyle({ width: 36, colour: false }).table(roomy, rows)).toMatchInlineSnapshot(`
      "NAME         COUNT
        REASON
      api              3
        a reason that is longer than the …
      web-service     12"
    `);
    // Only a column that says so.
    expect(makeStyle({ width: 12, colour: false }).table(columns, rows).split('\n')).toHaveLength(3);
    // What is short stays beside, however narrow it is.
    const short = rows.map(([name = '', count = '']) => [name, count, 'short']);
    expect(makeStyle({ width: 30, colour: false }).table(roomy, short).split('\n')).toHaveLength(3);
  });

  test('wide and coloured characters count as what is seen', () => {
    const coloured = makeStyle({ width: 24, colour: true });
    const text = coloured.table(
      [{ title: 'A' }, { title: 'B', flexible: true }],
      [['日本', coloured.good('a green text that is too long')]],
    );
    const [, row = ''] = text.split('\n');
    expect(row.endsWith('…\u001b[0m')).toBe(true);
    // oxlint-disable-next-line no-control-regex -- colours
    expect(row.replace(/\u001b\[[0-9;]*m/g, '').length).toBeLessThanOrEqual(24);
  });
});
