import { expect, test } from 'vitest';

import { carryOut } from '../../../src/cli/carry-out.ts';
import type { Run } from '../../../src/cli/state.ts';
import { makeStyle } from '../../../src/cli/style.ts';
import type { ChangeCommand } from '../../../src/core/command.ts';
import { plan, step } from '../../../src/core/plan.ts';
import { fakeJournal, type FakeJournal } from '../../support/fakes/journal.ts';
import { fakeLoadBalancer } from '../../support/fakes/load-balancer.ts';

const reload = plan({
  ...{ target: 'lb', summary: 'reload lb', touches: [] },
  steps: [
    step({
      ...{ id: 'lb.reload:lb', describe: 'reload', why: 'w', undo: 'stays' },
      do: (w) => w.loadBalancer.reload('lb'),
      verify: (r) => r.loadBalancer.workersReplaced('lb', [1]),
    }),
  ],
});

/** What is remarked while a change is carried out that succeeds. */
async function remarks(journal: FakeJournal, say: (first: string) => void = () => undefined): Promise<string[]> {
  const said: string[] = [];
  const style = makeStyle({ width: 80, colour: false });
  const ports = { journal, writers: { loadBalancer: fakeLoadBalancer({ lb: {} }) } };
  const run = {
    invocation: { input: {}, change: {}, global: { json: false, quiet: true } },
    terminal: { result: () => undefined, remark: (text: string) => said.push(text), out: style, err: style, env: {} },
    context: {
      now: () => new Date('2026-03-01T14:05:09Z'),
      signal: new AbortController().signal,
      platform: { environment: 'test' },
    },
    ports,
    interruption: { outliveOutput: () => undefined, say },
  } as unknown as Run;
  const command = { name: 'lb reload' } as ChangeCommand;
  const change = { id: '1', plan: reload, lock: undefined, recovers: undefined, settles: undefined };
  const outcome = await carryOut(run, command, change);
  expect(outcome.outcome).toBe('done');
  return said;
}

test('a change that is done must warn when its end is only here', async () => {
  const journal = fakeJournal();
  journal.location = () =>
    Promise.resolve(
      journal.events.get('1')?.at(-1)?.type === 'end'
        ? { where: '/state', shared: false }
        : { where: 'v', shared: true },
    );
  expect(await remarks(journal)).toEqual([
    'warning: the journal is kept in /state, where other machines do not see it\n',
  ]);
});

test('what is already known is warned of once, and a journal that all see never', async () => {
  const away = fakeJournal();
  away.location = () => Promise.resolve({ where: '/state', shared: false });
  expect((await remarks(away)).length).toBe(1);
  expect(await remarks(fakeJournal())).toEqual([]);
});

test('that the journal does not say where it is must not make a failure of a change that is done', async () => {
  const journal = fakeJournal();
  journal.location = () =>
    journal.events.get('1')?.at(-1)?.type === 'end'
      ? Promise.reject(new Error('odd'))
      : Promise.resolve({ where: 'v', shared: true });
  expect(await remarks(journal)).toEqual([]);
});

test('the first Ctrl-C must say what comes of it, whatever step runs', async () => {
  const first: string[] = [];
  await remarks(fakeJournal(), (text) => first.push(text));
  const again = '; press again to leave at once\n';
  expect(first).toEqual([
    `\nstopping before the next step and taking back what was done${again}`,
    `\nstopping before the next step; the change itself is done, and what would follow is left out${again}`,
  ]);
});
