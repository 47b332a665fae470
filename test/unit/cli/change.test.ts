import { expect, test } from 'vitest';
import * as z from 'zod';

import { change } from '../../../src/cli/change.ts';
import type { Envelope } from '../../../src/cli/render.ts';
import type { Run } from '../../../src/cli/state.ts';
import { makeStyle } from '../../../src/cli/style.ts';
import type { Plan } from '../../../src/core/change.ts';
import { changeCommand, type Recovery } from '../../../src/core/command.ts';
import { OpsError } from '../../../src/core/errors.ts';
import { plan, step } from '../../../src/core/plan.ts';
import type { Lock } from '../../../src/core/ports/lock.ts';
import { fakeEngine } from '../../support/fakes/engine.ts';
import { fakeJournal } from '../../support/fakes/journal.ts';
import { fakeLock, fakeLockState } from '../../support/fakes/lock.ts';

/** A change that stops `a`, and `b` once its aim is reached. */
const stopBoth = plan({
  ...{ target: 'shop', summary: 'stop both', touches: [] },
  steps: ['a', 'b'].map((name) =>
    step({
      ...{ id: `stop:${name}`, describe: `stop ${name}`, why: 'test', undo: 'stays' as const },
      do: (w) => w.engine.stopContainer(name, 1),
      verify: (r) => r.engine.isStopped(name),
      ...(name === 'b' ? { onFailure: 'go on' as const } : {}),
    }),
  ),
});

const recovered = {
  ...{ id: '1', others: {}, steps: [] },
  begin: { plan: stopBoth, at: '2026-03-01T14:00:00Z' },
} as unknown as Recovery['record'];

/** Carries it out; `stops` is what happens when a container is to be stopped. */
async function changed(
  stops: (name: string, interrupt: () => void) => void,
  {
    recovers,
    lock,
    planned = async () => stopBoth,
    ...chosen
  }: { environment?: string; recovers?: Recovery; lock?: Lock; planned?: () => Promise<Plan> } = {},
) {
  const engine = fakeEngine();
  for (const name of ['a', 'b']) engine.add({ name });
  const controller = new AbortController();
  const { stopContainer } = engine;
  engine.stopContainer = async (name, grace) => {
    stops(name, () => {
      controller.abort();
    });
    await stopContainer(name, grace);
  };
  const journal = fakeJournal();
  const style = makeStyle({ width: 80, colour: false });
  const said: string[] = [];
  const answers: Partial<Envelope>[] = [];
  const run = {
    invocation: { input: {}, change: { yes: true }, global: { json: true, quiet: false, ...chosen } },
    terminal: { remark: (text: string) => said.push(text), out: style, err: style, env: {} },
    context: {
      now: () => new Date('2026-03-01T14:05:09Z'),
      signal: controller.signal,
      platform: { environment: 'test' },
      readers: { journal, lock: lock ?? { holder: async () => undefined } },
    },
    ports: { journal, lock, writers: { engine } },
    interruption: { outliveOutput: () => undefined, say: () => undefined },
    answer: (part: Partial<Envelope>) => answers.push(part),
  } as unknown as Run;
  const command = changeCommand({
    ...{ name: 'service restart', summary: 's', examples: [], input: z.object({}) },
    output: z.object({ next: z.array(z.string()) }),
    ...(lock === undefined ? { locks: false } : {}),
    plan: planned,
    ...(recovers === undefined ? {} : { recovers: async () => recovers }),
    report: async () => ({ next: ['opsctl status'] }),
    text: () => '',
  });
  const exit = await change(run, command);
  const ended = [...journal.events.values()].flat().find(({ type }) => type === 'end');
  return { exit, said, answer: answers[0], ended };
}

test('a change that is done must be told to be so, with nothing left', async () => {
  expect(await changed(() => undefined)).toMatchObject({ exit: 0, said: [], answer: { ok: true, data: {}, left: [] } });
});

test('commands that its result suggests must reach the same platform', async () => {
  const { answer } = await changed(() => undefined, { environment: 'staging' });
  expect(answer).toMatchObject({ data: { next: ['opsctl -e staging status'] } });
});

test('what failed after the aim must be in the document, too', async () => {
  const { exit, said, answer } = await changed((name) => {
    if (name === 'b') throw new OpsError('REJECTED', 'no');
  });
  expect({ exit, said }).toEqual({ exit: 0, said: ['warning: not done: stop:b: no\n'] });
  expect(answer).toMatchObject({ ok: true, left: ['stop:b: no'] });
});

test('what an interruption left out must be told, and end with its code', async () => {
  const { exit, said, answer } = await changed((_name, interrupt) => {
    interrupt();
  });
  expect({ exit, said }).toEqual({
    exit: 130,
    said: ['warning: not done: stop:b: interrupted before stop:b\n'],
  });
  expect(answer).toMatchObject({ ok: false, data: {}, left: ['stop:b: interrupted before stop:b'] });
});

test('what stays of a change that was taken back must be told, in the document and in the journal', async () => {
  const stays = ['migrate: done, and what it did is kept'];
  const { exit, said, answer, ended } = await changed(() => undefined, { recovers: { record: recovered, stays } });
  expect({ exit, said }).toEqual({ exit: 0, said: ['warning: migrate: done, and what it did is kept\n'] });
  expect(answer).toMatchObject({ ok: true, left: stays });
  expect(ended).toMatchObject({ outcome: 'done', left: stays });
});

test('who lost the lock before the second look must be told that, not what stands in the way since', async () => {
  const state = fakeLockState();
  const lock = fakeLock({ state });
  let looks = 0;
  const planned = async (): Promise<Plan> => {
    looks += 1;
    if (looks === 1) return stopBoth;
    // Suspended for so long that another took over.
    state.held = undefined;
    await fakeLock({ state }).acquire({ owner: 'bob', command: 'deploy', change: '2' });
    throw new OpsError('UNSAFE', 'change 2 was left in the middle');
  };
  await expect(changed(() => undefined, { lock, planned })).rejects.toMatchObject({ code: 'LOCKED' });
  expect([looks, state.held?.owner]).toEqual([2, 'bob']);
});
