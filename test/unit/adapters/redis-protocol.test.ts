import { duplexPair } from 'node:stream';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { type Answer, encoded, NotTheProtocol, openReader, Refusal } from '../../../src/adapters/redis/resp.ts';
import { openWire } from '../../../src/adapters/redis/wire.ts';

const bytesOf = (latin1: string): Buffer => Buffer.from(latin1, 'latin1');

/** As a server writes it. */
function written(answer: Answer): string {
  if (answer === null) return '$-1\r\n';
  if (typeof answer === 'number') return `:${answer}\r\n`;
  if (typeof answer === 'string') return `+${answer}\r\n`;
  if (answer instanceof Refusal) return `-${answer.text}\r\n`;
  if (Buffer.isBuffer(answer)) return `$${answer.length}\r\n${answer.toString('latin1')}\r\n`;
  return `*${answer.length}\r\n${answer.map(written).join('')}`;
}

const word = fc.stringMatching(/^[A-Za-z ]{0,20}$/);
const { answer: anyAnswer } = fc.letrec<{ answer: Answer }>((tie) => ({
  answer: fc.oneof(
    { maxDepth: 4 },
    fc.maxSafeInteger(),
    word,
    word.map((text) => new Refusal(`ERR ${text}`)),
    fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    fc.constant(null),
    fc.array(tie('answer'), { maxLength: 5 }),
  ),
}));

describe('commands', () => {
  test('must be sent with their lengths in bytes, whatever these are', () => {
    const key = Buffer.from([0x61, 0xff, 0x0d, 0x0a]);
    expect(encoded([['SET', 'ключ', key], ['PING']])).toBe(
      `*3\r\n$3\r\nSET\r\n$8\r\n${Buffer.from('ключ').toString('latin1')}\r\n$4\r\na\xff\r\n\r\n*1\r\n$4\r\nPING\r\n`,
    );
  });
});

describe('answers', () => {
  test('must be read alike, wherever the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(anyAnswer, { maxLength: 6 }), fc.array(fc.integer({ min: 1, max: 9 })), (answers, sizes) => {
        const reader = openReader();
        const bytes = bytesOf(answers.map(written).join(''));
        const read: Answer[] = [];
        for (let [at, n] = [0, 0]; at < bytes.length; n += 1) {
          const size = sizes[n % Math.max(1, sizes.length)] ?? bytes.length;
          read.push(...reader.take(bytes.subarray(at, at + size)));
          at += size;
        }
        expect(read).toEqual(answers);
      }),
    );
  });
  test('null lists must be nothing', () => {
    expect(openReader().take(bytesOf('*-1\r\n'))).toEqual([null]);
  });
  test.each([
    ['HTTP/1.1 400 Bad Request\r\n'],
    [':12x\r\n'],
    [':\r\n'],
    ['$3\r\nabcde\r\n'],
    ['+OK\rx'],
    [`:${'1'.repeat(30)}`],
    [`+${'x'.repeat(70_000)}`],
    ['*1\r\n'.repeat(20)],
  ])('%j must be told to be none', (bytes) => {
    expect(() => openReader().take(bytesOf(bytes))).toThrow(NotTheProtocol);
  });
});

describe('a client', () => {
  const pair = () => {
    const [ours, theirs] = duplexPair();
    let heard = '';
    theirs.on('data', (chunk: Buffer) => (heard += chunk.toString('latin1')));
    return { wire: openWire(ours), theirs, heard: () => heard };
  };
  const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

  test('must give each what it asked, in order, refusals among the answers', async () => {
    const { wire, theirs, heard } = pair();
    const all = Promise.all([wire.ask([['PING'], ['X']]), wire.ask([['DBSIZE']]), wire.ask([])]);
    await turn();
    expect(heard()).toBe(encoded([['PING'], ['X'], ['DBSIZE']]));
    theirs.write('+PONG\r\n-ERR unknown');
    await turn();
    theirs.write(' command\r\n:7\r\n');
    expect(await all).toEqual([['PONG', new Refusal('ERR unknown command')], [7], []]);
    expect(wire.isOpen()).toBe(true);
  });
  test('must keep what the server says before it is asked', async () => {
    const { wire, theirs } = pair();
    theirs.end('-ERR max number of clients reached\r\n');
    await turn();
    await expect(wire.ask([['PING']])).rejects.toThrow('the connection ended');
    expect([wire.unasked(), wire.isOpen()]).toEqual(['ERR max number of clients reached', false]);
  });
  test('must not leave anybody waiting when the connection ends, or says what is no answer', async () => {
    const [ending, other] = [pair(), pair()];
    const asked = [ending.wire.ask([['PING']]), other.wire.ask([['PING']])];
    ending.theirs.end();
    other.theirs.write('HTTP/1.1 400 Bad Request\r\n');
    const [first, second] = await Promise.allSettled(asked);
    expect(first).toMatchObject({ status: 'rejected', reason: { message: 'the connection ended' } });
    expect(second).toMatchObject({ status: 'rejected', reason: expect.any(NotTheProtocol) as Error });
    expect([ending.wire.isOpen(), other.wire.isOpen()]).toEqual([false, false]);
  });
});
