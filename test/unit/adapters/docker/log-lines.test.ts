import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { frameReader } from '../../../../src/adapters/docker/frames.ts';
import { CUT_MARK, framedLines, LINE_LIMIT, rawLines } from '../../../../src/adapters/docker/log-lines.ts';

const STAMP = '2025-01-01T00:00:00.000000001Z';
const frame = (type: number, data: Buffer): Buffer => {
  const header = Buffer.alloc(8);
  header[0] = type;
  header.writeUInt32BE(data.length, 4);
  return Buffer.concat([header, data]);
};
const message = (type: number, text: string): Buffer => frame(type, Buffer.from(`${STAMP} ${text}`));
/** Cuts bytes at the given places. */
const cut = (bytes: Buffer, at: readonly number[]): Buffer[] => {
  const places = [0, ...at.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end));
};
const readAll = (reader: ReturnType<typeof framedLines>, chunks: readonly Buffer[]): string[] =>
  [...chunks.flatMap((chunk) => reader.push(chunk)), ...reader.flush()].map(
    (line) => `${line.stream} ${line.at} ${line.text}`,
  );

describe('frames', () => {
  it('a frame may claim 4 GiB without being waited for', () => {
    const read = frameReader();
    const header = Buffer.from([1, 0, 0, 0, 255, 255, 255, 255]);
    expect(read(Buffer.concat([header, Buffer.from('abc')]))).toEqual([
      { stream: 'stdout', data: Buffer.from('abc'), first: true, end: false },
    ]);
  });

  it('what is no frame is refused', () => {
    expect(() => frameReader()(Buffer.from('no frames here'))).toThrow(RangeError);
  });
});

describe('lines of a log', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 40 }).map((value) => value.replace(/[\r\n]/g, ''));

  it('come out the same wherever the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(1, 2), text)), fc.array(fc.nat()), (messages, places) => {
        const bytes = Buffer.concat(messages.map(([type, line]) => message(type, `${line}\n`)));
        const expected = messages.map(([type, line]) => `${type === 1 ? 'stdout' : 'stderr'} ${STAMP} ${line}`);
        expect(readAll(framedLines(), cut(bytes, places))).toEqual(expected);
      }),
    );
  });

  it('of a terminal too', () => {
    fc.assert(
      fc.property(fc.array(text), fc.array(fc.nat()), (lines, places) => {
        const bytes = Buffer.from(lines.map((line) => `${STAMP} ${line}\r\n`).join(''));
        expect(readAll(rawLines(), cut(bytes, places))).toEqual(lines.map((line) => `stdout ${STAMP} ${line}`));
      }),
    );
  });

  it('are put together from the messages that the engine split, per stream', () => {
    const bytes = Buffer.concat([message(1, 'be'), message(2, 'err\n'), message(1, 'gin\n'), message(1, 'no end')]);
    expect(readAll(framedLines(), [bytes])).toEqual([
      `stderr ${STAMP} err`,
      `stdout ${STAMP} begin`,
      `stdout ${STAMP} no end`,
    ]);
  });

  it('of a terminal are put together where a stamp follows 16 KiB, and only there', () => {
    const part = 'x'.repeat(16 * 1024);
    const bytes = Buffer.from(`${STAMP} ${part}${STAMP} tail\n${STAMP} ${part}\nnext\n`);
    const [first, second] = rawLines().push(bytes);
    expect(first?.text).toBe(`${part}tail`);
    expect(second?.text).toBe(part);
  });

  it('without a stamp are kept as they are', () => {
    expect(
      readAll(framedLines(), [frame(1, Buffer.from('short\n')), frame(1, Buffer.from(`${'y'.repeat(60)}\n`))]),
    ).toEqual([`stdout  short`, `stdout  ${'y'.repeat(60)}`]);
  });

  it('are cut at the limit between characters', () => {
    const [line] = framedLines().push(message(1, `a${'€'.repeat(LINE_LIMIT)}\n`));
    expect(line?.text).toBe(`a${'€'.repeat(Math.floor((LINE_LIMIT - 1) / 3))}${CUT_MARK}`);
  });
});
