import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { OpsError } from '../../../src/core/errors.ts';
import { pointedAt } from '../../../src/metrics/mistake.ts';
import { onSteps, trendOf } from '../../../src/metrics/range.ts';
import { common, seriesText, valueOf, valueText } from '../../../src/metrics/series.ts';
import { sparkline } from '../../../src/metrics/sparkline.ts';
import { windowOf } from '../../../src/metrics/window.ts';

describe('a line of bars', () => {
  test.each<[string, (number | undefined)[], number, string]>([
    ['from least to most', [0, 1, 2, 3, 4, 5, 6, 7], 8, '▁▂▃▄▅▆▇█'],
    ['as many columns as there are, in means', [0, 0, 4, 4, 8, 8], 3, '▁▅█'],
    ['no more columns than values', [1, 2], 20, '▁█'],
    ['blank where nothing was seen', [1, undefined, 2], 3, '▁ █'],
    ['blank for what is no number', [1, Number.NaN, 2, Infinity], 4, '▁ █ '],
    ['flat where nothing changes', [5, 5, 5], 3, '▁▁▁'],
    ['below zero, too', [-2, 0], 2, '▁█'],
    ['nothing of nothing', [], 10, ''],
  ])('must be %s', (_what, values, columns, line) => {
    expect(sparkline(values, columns)).toBe(line);
  });

  test('must fit, whatever the values', () => {
    const values = fc.array(fc.option(fc.double(), { nil: undefined }), { maxLength: 300 });
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 100 }), (all, columns) => {
        expect([...sparkline(all, columns)]).toHaveLength(Math.min(columns, all.length));
      }),
    );
  });
});

describe('a mistake in a query', () => {
  const rejected = (column: number, line = 1): OpsError =>
    new OpsError('REJECTED', 'prometheus at http://x rejects the query: 1:1: parse error: what is this', {
      details: { errorType: 'bad_data', line, column },
    });
  const shown = (promql: string, error: OpsError): string => String(pointedAt(promql, error).details?.['query']);

  test('must be pointed at', () => {
    expect(pointedAt('sum(up', rejected(7))).toMatchObject({
      code: 'USAGE',
      message: 'mistake in the query: what is this (at character 7)',
      details: { query: 'sum(up\n      ^', line: 1, position: 7 },
    });
  });
  test('must be pointed at by characters where the server counts bytes', () => {
    // Each of the two letters is two bytes long.
    expect(shown('up{a="äö"} x', rejected(14))).toBe('up{a="äö"} x\n           ^');
  });
  test('must be pointed at in its line', () => {
    const error = pointedAt('sum(\n  up', rejected(5, 2));
    expect(error.message).toBe('mistake in the query: what is this (at line 2, character 5)');
    expect(error.details?.['query']).toBe('  up\n    ^');
  });
  test('must be pointed at in the middle of a long query', () => {
    const [query = '', caret = ''] = shown(`${'a'.repeat(100)}!${'b'.repeat(100)}`, rejected(101)).split('\n');
    expect(query[caret.indexOf('^')]).toBe('!');
    expect(query.length).toBeLessThan(80);
  });
  test.each([
    new OpsError('REJECTED', 'many-to-many', { details: { errorType: 'execution' } }),
    new OpsError('TIMED_OUT', 'late'),
  ])('must not be made of another failure: $message', (error) => {
    expect(pointedAt('up', error)).toBe(error);
  });
  test('must never fail to be shown, wherever the server says it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(500), fc.nat(20), (promql, column, line) => {
        expect(shown(promql, rejected(column, line))).toContain('^');
      }),
    );
  });
});

describe('a window', () => {
  const end = '2026-03-01T12:00:00.000Z';
  test('must have a step for its length, and no more often than servers scrape', () => {
    expect(windowOf(end, 3_600_000, undefined)).toEqual({ from: '2026-03-01T11:00:00.000Z', to: end, stepMs: 30_000 });
    expect(windowOf(end, 60_000, undefined).stepMs).toBe(15_000);
    expect(windowOf(end, 86_400_000, undefined).stepMs).toBe(720_000);
  });
  test('must be bounded in points, and say how', () => {
    expect(windowOf(end, 999_000, 1000).stepMs).toBe(1000);
    const refused = (): unknown => windowOf(end, 3_600_000, 1000);
    expect(refused).toThrow('1 h in steps of 1 s are 3601 points a series');
  });
});

describe('a series', () => {
  test('must be written as PromQL does', () => {
    expect(seriesText({ __name__: 'up', job: 'a "b"' })).toBe('up{job="a \\"b\\""}');
    expect(seriesText({ __name__: 'up' })).toBe('up');
    expect(seriesText({})).toBe('{}');
    expect(seriesText({ a: '1', b: '2' }, new Set(['a']))).toBe('{b="2"}');
  });
  test('must be told apart by what differs', () => {
    expect(
      common([
        { job: 'a', env: 'x' },
        { job: 'b', env: 'x' },
      ]),
    ).toEqual({ env: 'x' });
    expect(common([{ job: 'a' }])).toEqual({});
  });
  test.each([
    [1 / 3, '0.333333'],
    [1.5e9, '1500000000'],
    [0, '0'],
    [Number.NaN, 'NaN'],
    [-Infinity, '-Inf'],
  ])('%d must be shown as %s', (value, text) => {
    expect(valueText(valueOf(value))).toBe(text);
  });
  test('must be laid on the steps of its window, with gaps, and judged by what is finite', () => {
    const at = (second: number, value: number): { at: string; value: number } => ({
      at: `2026-03-01T12:00:0${second}.000Z`,
      value,
    });
    const trend = trendOf({ labels: {}, points: [at(0, 1), at(2, Number.NaN), at(3, 5)] });
    expect(trend).toMatchObject({ min: 1, max: 5, mean: 3, last: { value: 5 } });
    const window = { from: '2026-03-01T12:00:00.000Z', to: '2026-03-01T12:00:04.000Z', stepMs: 1000 };
    expect(onSteps(trend, window)).toEqual([1, undefined, undefined, 5, undefined]);
    expect(trendOf({ labels: {}, points: [] })).toMatchObject({ min: null, max: null, mean: null });
  });
});
