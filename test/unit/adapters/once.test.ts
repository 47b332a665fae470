import { describe, expect, test } from 'vitest';

import { openOnce } from '../../../src/adapters/once.ts';
import { OpsError } from '../../../src/core/errors.ts';

/** Connections that are numbered as they are opened; `work` breaks the one it is done over, as often as `breaks` says. */
function scene(breaks: number) {
  const opened: { number: number; open: boolean }[] = [];
  const connections = openOnce(async () => {
    const one = { number: opened.length + 1, open: true };
    opened.push(one);
    return Object.assign(one, { isOpen: () => one.open, close: async () => void (one.open = false) });
  });
  const sent: number[] = [];
  const work = async (connection: { number: number; open: boolean }): Promise<number> => {
    sent.push(connection.number);
    if (connection.number > breaks) return connection.number;
    connection.open = false;
    throw new OpsError('UNREACHABLE', 'the connection broke');
  };
  return { connections, opened, sent, work };
}

describe('what is done over a connection that was open before and breaks', () => {
  test('a question must be asked again over a new one', async () => {
    const { connections, sent, work } = scene(1);
    await connections.use('main', async () => undefined);
    expect(await connections.use('main', work)).toBe(2);
    expect(sent).toEqual([1, 2]);
  });

  test('a change must not be sent again: it may have taken effect', async () => {
    const { connections, sent, work } = scene(1);
    await connections.use('main', async () => undefined);
    await expect(connections.act('main', work)).rejects.toMatchObject({ code: 'UNREACHABLE' });
    expect(sent).toEqual([1]);
    // What comes after it goes over a new one.
    expect(await connections.act('main', work)).toBe(2);
  });

  test('a question whose new connection breaks as well must fail', async () => {
    const { connections, sent, work } = scene(2);
    await connections.use('main', async () => undefined);
    await expect(connections.use('main', work)).rejects.toMatchObject({ code: 'UNREACHABLE' });
    expect(sent).toEqual([1, 2]);
  });
});

test('what is under way or waits when all is closed must open nothing any more, and what comes later must', async () => {
  const { connections, opened } = scene(0);
  let fail = (_error: OpsError): void => undefined;
  const under = connections.use('main', (one) => {
    return new Promise<number>((_, reject) => {
      fail = (error) => ((one.open = false), reject(error));
    });
  });
  const waits = connections.use('main', async (one) => one.number);
  const begins = connections.use('other', async (one) => one.number);
  const ends = Promise.allSettled([under, waits, begins]);
  await new Promise((resolve) => setImmediate(resolve));
  await connections.close();
  fail(new OpsError('UNREACHABLE', 'closed'));
  expect((await ends).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
  expect(opened.map(({ open }) => open)).toEqual([false, false]);
  expect(await connections.use('main', async (one) => one.number)).toBe(3);
});
