import { setTimeout as sleep } from 'node:timers/promises';

import { describe, expect, test } from 'vitest';

import type { Step } from '../../../src/core/change.ts';
import { doStep } from '../../../src/core/do-step.ts';
import { OpsError } from '../../../src/core/errors.ts';
import { gate, step } from '../../../src/core/plan.ts';
import type { Writers } from '../../../src/core/ports.ts';

/** A step that starts a command and is done when that has ended. */
const command: Step = step({
  id: 'replicas.run:migrate',
  describe: 'run migrate',
  why: 'test',
  do: (w) => w.replicas.startOnce('migrate'),
  undo: 'not needed',
  verify: (r) => r.replicas.hasSucceeded('migrate'),
  explain: (r) => r.replicas.lastWords('migrate', 1),
  output: (r) => r.replicas.lastWords('migrate', 10),
  timeoutMs: 100,
});

async function went(replicas: Partial<Writers['replicas']>, doing = command, more: object = {}) {
  const nothing = { startOnce: () => Promise.resolve(), hasSucceeded: () => Promise.resolve(true) };
  const writers = { replicas: { ...nothing, ...replicas }, ...more } as unknown as Writers;
  return doStep(doing, { writers, confirmLock: () => Promise.resolve(), signal: new AbortController().signal });
}

describe('what a step said', () => {
  test('must be kept once it is done, the end of it', async () => {
    const long = Array.from({ length: 10 }, (_, line) => `${line.toString()}${'x'.repeat(1999)}`);
    const { output } = await went({ lastWords: (_name, lines) => Promise.resolve({ log: long.slice(-lines) }) });
    expect(output).toHaveLength(8000);
    expect(output?.endsWith(`\n${long.at(-1) ?? ''}`)).toBe(true);
  });

  test('must be no failure where it said nothing or cannot be heard', async () => {
    expect(await went({ lastWords: () => Promise.resolve({ log: [] }) })).toEqual({});
    expect(await went({ lastWords: () => Promise.reject(new OpsError('UNREACHABLE', 'gone')) })).toEqual({});
  });

  test('must be kept of a gate as well, and what it could not do be told', async () => {
    const release: Partial<Writers['release']> = {
      isWell: async () => true,
      watchView: async () => ({ lines: ['api', '  pass'], notDone: ['comparison of web'] }),
    };
    const watched = { instance: 'lb', directory: '/d', route: { live: {} }, containers: [], services: [], forMs: 1 };
    const well = gate({
      id: 'release.well',
      describe: 'watch',
      why: 'test',
      verify: (r) => r.release.isWell(watched),
      output: (r) => r.release.watchView(watched),
    });
    expect(await went({}, well, { release })).toEqual({ output: 'api\n  pass', notDone: ['comparison of web'] });
  });

  test('must be told when it is not seen done', async () => {
    const gone = await went({
      hasSucceeded: () => Promise.resolve(false),
      lastWords: (_name, lines) => Promise.resolve({ log: ['one', 'two'].slice(-lines) }),
    });
    expect(gone.failure?.error).toMatchObject({
      code: 'TIMED_OUT',
      message: 'not seen done within 100 ms: run migrate',
      details: { step: 'replicas.run:migrate', log: ['two'] },
    });
  });
});

test('a step that has longer than a timer of Node bears must not be out of time at once', async () => {
  const { verify: _verify, ...unverified } = command;
  const startOnce = async (): Promise<void> => sleep(20);
  expect(await went({ startOnce }, { ...unverified, timeoutMs: 2 ** 31 })).toEqual({});
});
