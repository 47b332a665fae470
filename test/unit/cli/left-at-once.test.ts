import { expect, test } from 'vitest';

import { carryOut, type Confirmed } from '../../../src/cli/carry-out.ts';
import type { Run } from '../../../src/cli/state.ts';
import { makeStyle } from '../../../src/cli/style.ts';
import { type ChangeEvent, type Plan, recordOf, type Step } from '../../../src/core/change.ts';
import type { ChangeCommand } from '../../../src/core/command.ts';
import { plan, step } from '../../../src/core/plan.ts';
import { fakeEngine } from '../../support/fakes/engine.ts';
import { fakeJournal } from '../../support/fakes/journal.ts';

const stop = (name: string, undo?: 'too late'): Step =>
  step({
    ...{ id: `engine.stop:${name}`, describe: `stop ${name}`, why: 'test' },
    do: (w) => w.engine.stopContainer(name, 1),
    undo: undo ?? ((w) => w.engine.startContainer(name)),
    verify: (r) => r.engine.isStopped(name),
  });
const planOf = (...steps: Step[]): Plan => plan({ target: 'shop', summary: 's', touches: [], steps });

/** What is said, and the hint of the document, when a second Ctrl-C comes while `b` is stopped. */
async function leftAtOnce(made: Plan, recovers?: Confirmed['recovers']): Promise<{ said: string; hint: string }> {
  const engine = fakeEngine();
  for (const name of ['a', 'b']) engine.add({ name });
  const journal = fakeJournal();
  const style = makeStyle({ width: 80, colour: false });
  let [said, document, leave] = ['', '', (): void => undefined];
  const { stopContainer } = engine;
  engine.stopContainer = async (name, grace) => {
    if (name === 'b') leave();
    await stopContainer(name, grace);
  };
  const run = {
    invocation: { input: {}, change: {}, global: { json: true, quiet: false, environment: 'staging' } },
    terminal: {
      remark: (text: string) => (said += text),
      result: (text: string) => (document ||= text),
      ...{ out: style, err: style, env: {} },
    },
    context: {
      now: () => new Date('2026-03-01T14:05:09Z'),
      signal: new AbortController().signal,
      platform: { environment: 'staging' },
    },
    ports: { journal, writers: { engine } },
    interruption: {
      outliveOutput: () => undefined,
      say: (_first: string, last: () => void) => {
        leave = last;
      },
    },
  } as unknown as Run;
  await carryOut(run, { name: 'service restart' } as ChangeCommand, {
    ...{ id: '2', plan: made, lock: undefined, recovers, settles: undefined },
  });
  return { said, hint: (JSON.parse(document) as { error: { hint: string } }).error.hint };
}

test('who leaves at once must be told the ways out, for the environment that was chosen', async () => {
  const { said, hint } = await leftAtOnce(planOf(stop('a'), stop('b')));
  expect(said).toBe(
    '\nleft at once. What was done is in the journal: opsctl history 2\nThen: opsctl resume 2, or opsctl abort 2\n',
  );
  expect(hint).toBe('Bring it to its end: opsctl -e staging resume 2, or opsctl -e staging abort 2');
});

test.each<[string, Plan]>([
  ['was done', planOf(stop('a', 'too late'), stop('b'))],
  ['was begun', planOf(stop('a'), stop('b', 'too late'))],
])(
  'what would be refused must not be named, after a step that %s and after which it is too late',
  async (_when, made) => {
    expect((await leftAtOnce(made)).hint).toBe('Bring it to its end: opsctl -e staging resume 2');
  },
);

test('of a recovery, the ways out must be those of what it recovers', async () => {
  const at = '2026-03-01T14:00:00Z';
  const made = planOf(stop('a', 'too late'), stop('b'));
  const events: ChangeEvent[] = [
    { type: 'begin', at, command: 'service restart', input: {}, actor: 'alice', host: 'h1', plan: made },
    { type: 'step-begin', at, step: 'engine.stop:a' },
    { type: 'step-done', at, step: 'engine.stop:a', durationMs: 1 },
  ];
  const record = recordOf('1', events);
  if (record === undefined) throw new Error('no record');
  const { hint } = await leftAtOnce(planOf(stop('b')), { record, done: [] });
  expect(hint).toBe('Bring it to its end: opsctl -e staging resume 1');
});
