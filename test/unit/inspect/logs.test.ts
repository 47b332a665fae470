import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { OpsError } from '../../../src/core/errors.ts';
import type { LogLine } from '../../../src/core/ports/engine.ts';
import { entryOf, levelOf } from '../../../src/inspect/log-entry.ts';
import { isError } from '../../../src/inspect/log-errors.ts';
import { matcherFor } from '../../../src/inspect/log-grep.ts';
import { lastLines, mergeByTime } from '../../../src/inspect/log-merge.ts';
import { earlier, pointInTime } from '../../../src/inspect/log-times.ts';

const line = (at: string, text = at, container = 'a'): LogLine => ({ at, text, container, stream: 'stdout' });
const stamp = (ms: number): string => new Date(ms).toISOString();
async function* from(lines: readonly LogLine[]): AsyncGenerator<LogLine> {
  yield* lines;
}
const all = async (lines: AsyncIterable<LogLine>): Promise<LogLine[]> => {
  const found: LogLine[] = [];
  for await (const one of lines) found.push(one);
  return found;
};
const everything = (lines: readonly LogLine[]): LogLine[] => [...lines];

describe('points in time', () => {
  const now = new Date('2026-03-01T12:00:00Z');
  it.each([
    ['10m', '2026-03-01T11:50:00.000Z'],
    ['1h30m', '2026-03-01T10:30:00.000Z'],
    ['2d', '2026-02-27T12:00:00.000Z'],
    ['2026-02-28T10:00:00Z', '2026-02-28T10:00:00.000Z'],
    ['2026-02-28 10:00:00+01:00', '2026-02-28T09:00:00.000Z'],
    ['1772366400', '2026-03-01T12:00:00.000Z'],
  ])('%s', (text, expected) => {
    expect(pointInTime(text, now, '--since')).toBe(expected);
  });
  it.each(['', 'yesterday', '10', '10x', '2026-13-01', '2026-02-30T99:00', '-5m', '99999999999999w'])(
    'refuses %j with examples',
    (text) => {
      expect(() => pointInTime(text, now, '--since')).toThrow(OpsError);
    },
  );
  it('orders stamps whose fractions differ in length', () => {
    const sorted = ['2026-03-01T12:00:00.12Z', '2026-03-01T12:00:00Z', '2026-03-01T12:00:00.119999999Z'].toSorted(
      earlier,
    );
    expect(sorted).toEqual(['2026-03-01T12:00:00Z', '2026-03-01T12:00:00.119999999Z', '2026-03-01T12:00:00.12Z']);
  });
});

describe('JSON lines', () => {
  it('gives level, message and the rest, without the time', () => {
    expect(entryOf('{"time":"x","level":"warn","message":"slow query","ms":120,"tags":["a"]}')).toEqual({
      level: 'warn',
      message: 'slow query',
      fields: [
        ['ms', '120'],
        ['tags', '["a"]'],
      ],
    });
  });
  it('puts method, path and status of an access log into the message', () => {
    expect(entryOf('{"method":"GET","uri":"/api?x=1","status":502,"bytes":10}')).toEqual({
      message: 'GET /api?x=1 502',
      fields: [['bytes', '10']],
      status: 502,
    });
  });
  it('keeps what only looks like a time, level or message', () => {
    expect(entryOf('{"time":{"a":1},"level":{"b":2},"status":"paid"}')?.fields).toEqual([
      ['time', '{"a":1}'],
      ['level', '{"b":2}'],
      ['status', 'paid'],
    ]);
  });
  it('never fails, whatever the line is', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.object().map((value) => JSON.stringify(value)),
        ),
        (text) => {
          const entry = entryOf(text);
          isError({ stream: 'stderr', text }, entry);
          expect(typeof (entry?.message ?? '')).toBe('string');
        },
      ),
    );
  });
  it.each([
    [50, 'error'],
    [60, 'fatal'],
    [35, 'info'],
    [5, undefined],
    ['WARNING', 'warn'],
    ['crit', 'fatal'],
    ['x', undefined],
  ])('level %j', (value, expected) => {
    expect(levelOf(value)).toBe(expected);
  });
});

describe('what is an error', () => {
  const judge = (text: string, stream: LogLine['stream'] = 'stdout'): boolean =>
    isError({ stream, text }, entryOf(text));
  it.each([
    '{"level":"error","message":"x"}',
    '{"level":50,"msg":"x"}',
    '{"level":"info","method":"GET","path":"/","status":500}',
    '10.0.0.1 - - [01/Mar/2026:12:00:00 +0000] "GET / HTTP/1.1" 502 157 "-" "curl"',
    '2026-03-01 12:00:00 GMT [1] FATAL:  password authentication failed',
    '2026/03/01 12:00:00 [error] 7#7: connect() failed',
    'ERROR could not connect',
  ])('%s', (text) => {
    expect(judge(text)).toBe(true);
  });
  it.each([
    '{"level":"info","message":"no error here"}',
    '{"level":"warn","status":404,"message":"ERROR"}',
    '10.0.0.1 - - [01/Mar/2026:12:00:00 +0000] "GET /error: HTTP/1.1" 200 500 "-" "curl"',
    'handled 5 requests, 0 errors',
    'error rate is fine',
  ])('not %s', (text) => {
    expect(judge(text)).toBe(false);
  });
  it('takes the word alone as an error on stderr only', () => {
    expect(judge('TypeError: x is not a function', 'stderr')).toBe(true);
    expect(judge('an exception to the rule', 'stderr')).toBe(true);
    expect(judge('an exception to the rule')).toBe(false);
    expect(judge('started with no errors', 'stderr')).toBe(false);
  });
});

describe('patterns', () => {
  it('match as JavaScript does', () => {
    expect(matcherFor('^a.c$', false)(['abc', 'ABC', 'abcd'])).toEqual([true, false, false]);
    expect(matcherFor('^a.c$', true)(['abc', 'ABC', 'abcd'])).toEqual([true, true, false]);
  });
  it('must not be able to hang: catastrophic backtracking ends in an error', () => {
    const started = performance.now();
    expect(() => matcherFor('^(a+)+$', false)([`${'a'.repeat(60)}!`])).toThrow('takes too long');
    expect(performance.now() - started).toBeLessThan(5000);
  });
  it('are data, never code', () => {
    expect(matcherFor('"\\);texts\\.length=0;//', false)(['x'])).toEqual([false]);
    expect(() => matcherFor('(', false)).toThrow('is not a regular expression');
  });
});

describe('merging', () => {
  it('must give every line once, in order of time, whatever the sources are', async () => {
    const source = fc
      .array(fc.integer({ min: 0, max: 50 }), { maxLength: 20 })
      .map((times) => times.toSorted((a, b) => a - b));
    await fc.assert(
      fc.asyncProperty(fc.array(source, { maxLength: 5 }), async (sources) => {
        const merged = await all(
          mergeByTime(sources.map((times, index) => from(times.map((at) => line(stamp(at), '', index.toString()))))),
        );
        expect(merged.map(({ at }) => at)).toEqual(
          sources
            .flat()
            .toSorted((a, b) => a - b)
            .map(stamp),
        );
      }),
    );
  });
  it('must close the sources when the reader stops early', async () => {
    let closed = 0;
    const endless = async function* (): AsyncGenerator<LogLine> {
      try {
        for (let at = 0; ; at += 1) yield line(stamp(at));
      } finally {
        closed += 1;
      }
    };
    for await (const one of mergeByTime([endless(), endless()])) if (one.at === stamp(5)) break;
    expect(closed).toBe(2);
  });
});

describe('the last lines', () => {
  const many = async function* (count: number): AsyncGenerator<LogLine> {
    for (let at = 0; at < count; at += 1) yield line(stamp(at), at.toString());
  };
  it('are those of a list, for any length and limit', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(3000), fc.nat(1200), async (count, limit) => {
        const { lines, scanned, matched } = await lastLines(many(count), limit, everything);
        const expected = Array.from({ length: count }, (_, at) => at.toString()).slice(Math.max(0, count - limit));
        expect(lines.map(({ text }) => text)).toEqual(expected);
        expect([scanned, matched]).toEqual([count, count]);
      }),
      { numRuns: 30 },
    );
  });
  it('are counted after the filter', async () => {
    const found = await lastLines(many(1000), 2, (lines) => lines.filter(({ text }) => text.endsWith('7')));
    expect(found).toMatchObject({ scanned: 1000, matched: 100, lines: [{ text: '987' }, { text: '997' }] });
  });
  it('must not take more memory than allowed, and say so', async () => {
    const { lines, cut } = await lastLines(
      from(Array.from({ length: 50 }, (_, at) => line(stamp(at), 'x'.repeat(100)))),
      40,
      everything,
      1000,
    );
    expect([lines.length, cut]).toEqual([10, true]);
  });
});
