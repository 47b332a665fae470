import { setTimeout as sleep } from 'node:timers/promises';

import { describe, expect, it } from 'vitest';

import { OpsError } from '../../../src/core/errors.ts';
import type { Container, LogLine, LogQuery } from '../../../src/core/ports/engine.ts';
import { type Followed, followLogs } from '../../../src/inspect/log-follow.ts';
import { of, shopEngine } from './platform.ts';

type Script = (query: LogQuery) => AsyncIterable<LogLine>;

/** Longer than a busy machine takes for anything here. */
const LONG_MS = 20_000;

/** Follows for a while in ms, or until so many things were shown; gives those, line texts and notices in order. */
async function shown(
  list: () => Promise<Container[]>,
  scripts: Record<string, Script>,
  until: number | { shown: number },
  tail = 10,
): Promise<string[]> {
  const controller = new AbortController();
  const found: string[] = [];
  const engine = { logs: (id: string, query: LogQuery) => scripts[id]?.(query) ?? nothing() };
  const following = followLogs({
    engine,
    list,
    tail,
    since: undefined,
    signal: controller.signal,
    windowMs: 40,
    pollMs: 60,
  });
  const end = setTimeout(
    () => {
      controller.abort();
    },
    typeof until === 'number' ? until : LONG_MS,
  );
  const words = (one: Followed): string[] =>
    'lines' in one ? one.lines.map(({ text }) => text) : [`-- ${one.container} ${one.notice}`];
  for await (const one of following) {
    found.push(...words(one));
    if (typeof until !== 'number' && found.length >= until.shown) controller.abort();
  }
  clearTimeout(end);
  return found;
}

async function* nothing(): AsyncGenerator<LogLine> {
  await Promise.resolve();
}
const at = (container: string, second: number): LogLine => ({
  container,
  at: `2026-03-01T12:00:0${second.toString()}Z`,
  stream: 'stdout',
  text: `${container}${second.toString()}`,
});

function two(): Container[] {
  const engine = shopEngine();
  return [engine.add({ ...of('api'), id: 'a', name: 'a' }), engine.add({ ...of('api'), id: 'b', name: 'b' })];
}

describe('following', () => {
  it('must put lines that arrive within a moment into the order of time', async () => {
    const waiting = async ({ signal }: LogQuery): Promise<void> => {
      await sleep(5000, undefined, { signal }).catch(() => undefined);
    };
    const found = await shown(
      () => Promise.resolve(two()),
      {
        a: async function* (query) {
          yield at('a', 1);
          await sleep(10);
          yield at('a', 3);
          await waiting(query);
        },
        b: async function* (query) {
          await sleep(5);
          yield at('b', 2);
          await sleep(15);
          yield at('b', 4);
          await waiting(query);
        },
      },
      200,
    );
    expect(found).toEqual(['a1', 'b2', 'a3', 'b4']);
  });

  it('must join a container again that stopped and started, without repeating lines', async () => {
    const [container] = two();
    if (container === undefined) throw new Error('no container');
    let looks = 0;
    const asked: (string | undefined)[] = [];
    const list = (): Promise<Container[]> => {
      looks += 1;
      return Promise.resolve([{ ...container, state: looks === 2 ? 'exited' : 'running' }]);
    };
    const found = await shown(
      list,
      {
        a: async function* ({ since }) {
          await Promise.resolve();
          asked.push(since);
          yield at('a', 1);
          if (asked.length > 1) yield at('a', 2);
        },
      },
      { shown: 4 },
    );
    expect(found).toEqual(['a1', '-- a is exited now; waiting for it to start', '-- a started again', 'a2']);
    expect(asked.slice(0, 2)).toEqual([undefined, '2026-03-01T12:00:01Z']);
  });

  it('must join new replicas and tell of those that are removed', async () => {
    const [a, b] = two();
    if (a === undefined || b === undefined) throw new Error('no containers');
    let looks = 0;
    const list = (): Promise<Container[]> => Promise.resolve((looks += 1) === 1 ? [a] : [b]);
    const found = await shown(
      list,
      {
        a: async function* () {
          await Promise.resolve();
          yield at('a', 1);
        },
        b: async function* () {
          await Promise.resolve();
          yield at('b', 2);
        },
      },
      300,
    );
    expect(found.filter((text) => !text.startsWith('--'))).toEqual(['a1', 'b2']);
    expect(found).toEqual(expect.arrayContaining(['-- b appeared', '-- a was removed']));
  });

  it('must say once that the engine does not answer, and go on', async () => {
    let looks = 0;
    const list = (): Promise<Container[]> => {
      looks += 1;
      return looks === 1
        ? Promise.resolve(two())
        : Promise.reject(new OpsError('UNREACHABLE', 'the engine does not answer'));
    };
    const found = await shown(list, {}, 400);
    expect(looks).toBeGreaterThan(2);
    expect(found).toEqual(['--  the engine does not answer; trying again']);
  });

  it('must not give the whole log after a hiccup when only new lines were asked for', async () => {
    const [a] = two();
    if (a === undefined) throw new Error('no container');
    const asked: LogQuery[] = [];
    const from = new Date().toISOString();
    const found = await shown(
      () => Promise.resolve([a]),
      {
        a: async function* (query) {
          asked.push(query);
          await Promise.resolve();
          if (asked.length === 1) throw new OpsError('UNREACHABLE', 'the engine does not answer');
          yield at('a', 9);
        },
      },
      300,
      0,
    );
    expect(asked[0]).toMatchObject({ tail: 0 });
    expect(asked[1]?.since?.slice(0, 4)).toBe(from.slice(0, 4));
    expect(Date.parse(asked[1]?.since ?? '') - Date.parse(from)).toBeLessThan(200);
    expect(found).toEqual(['-- a the engine does not answer', 'a9']);
  });

  it('must read a replica that came later from its first line, also after a hiccup', async () => {
    const [a, b] = two();
    if (a === undefined || b === undefined) throw new Error('no containers');
    let looks = 0;
    const asked: LogQuery[] = [];
    const list = (): Promise<Container[]> => Promise.resolve((looks += 1) === 1 ? [a] : [a, b]);
    const late: Script = async function* (query) {
      asked.push(query);
      await Promise.resolve();
      if (asked.length === 1) throw new OpsError('UNREACHABLE', 'the engine does not answer');
      yield at('b', 1);
    };
    await shown(list, { b: late }, 300);
    expect(asked.slice(0, 2).map(({ since }) => since)).toEqual([undefined, undefined]);
  });

  it('must say once that a log cannot be read, and again when there is another reason', async () => {
    const [a] = two();
    if (a === undefined) throw new Error('no container');
    let asked = 0;
    const found = await shown(
      () => Promise.resolve([a]),
      {
        // oxlint-disable-next-line require-yield
        a: async function* () {
          asked += 1;
          await Promise.resolve();
          throw new OpsError('REJECTED', asked < 4 ? 'its driver has no logs' : 'its log is gone');
        },
      },
      500,
    );
    expect(asked).toBeGreaterThan(4);
    expect(found).toEqual(['-- a its driver has no logs', '-- a its log is gone']);
  });
});
