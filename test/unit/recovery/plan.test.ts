import { describe, expect, test } from 'vitest';

import type { ChangeEvent, Plan } from '../../../src/core/change.ts';
import { plan, step } from '../../../src/core/plan.ts';
import { findUnfinished, planAbort, planResume } from '../../../src/recovery/plan.ts';
import { fakeJournal, type FakeJournal } from '../../support/fakes/journal.ts';

const at = '2026-03-01T14:05:09.000Z';
const restart = (...names: string[]): Plan =>
  plan({
    target: 'api',
    summary: 'restart api',
    touches: ['container api'],
    steps: names.flatMap((name) => [
      step({
        ...{ id: `stop:${name}`, describe: `stop ${name}`, why: 'w' },
        do: (w) => w.engine.stopContainer(name, 1),
        undo: (w) => w.engine.startContainer(name),
        verify: (r) => r.engine.isStopped(name),
      }),
      step({
        ...{ id: `start:${name}`, describe: `start ${name}`, why: 'w' },
        do: (w) => w.engine.startContainer(name),
        undo: 'not needed',
        verify: (r) => r.engine.isRunning(name),
      }),
    ]),
  });

/** `begun stop:a` and the like, as events of a change. */
async function change(journal: FakeJournal, id: string, made: Plan, told: string[], recovers?: string): Promise<void> {
  const begin: ChangeEvent = {
    ...{ type: 'begin', at, command: recovers === undefined ? 'service restart' : 'abort', input: {} },
    ...{ actor: 'alice', host: 'h1', plan: made, ...(recovers === undefined ? {} : { recovers }) },
  };
  await journal.append(id, begin);
  for (const [word = '', what = ''] of told.map((text) => text.split(' '))) {
    if (word === 'end') await journal.append(id, { type: 'end', at, outcome: what as 'done', left: [] });
    else if (word === 'step-done') await journal.append(id, { type: word, at, step: what, durationMs: 1 });
    else if (word === 'step-failed' || word === 'undo-failed')
      await journal.append(id, { type: word, at, step: what, error: 'e' });
    else await journal.append(id, { type: word as 'step-begin', at, step: what });
  }
}
const ids = ({ steps }: Plan): string[] => steps.map(({ id }) => id);

describe('what is unfinished', () => {
  test('a change that was killed, the newest first; one that ended is not', async () => {
    const journal = fakeJournal();
    await expect(findUnfinished(journal, undefined)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await change(journal, '1', restart('a'), ['step-begin stop:a']);
    await change(journal, '2', restart('a'), ['step-begin stop:a']);
    await change(journal, '3', restart('a'), ['end rolled-back']);
    expect((await findUnfinished(journal, undefined)).id).toBe('2');
    expect((await findUnfinished(journal, '1')).id).toBe('1');
    await expect(findUnfinished(journal, '3')).rejects.toMatchObject({
      code: 'UNSAFE',
      message: 'change 3 ended (rolled-back), there is nothing to recover',
    });
  });

  test('however many changes were made after it', async () => {
    const journal = fakeJournal();
    await change(journal, '000', restart('a'), ['step-begin stop:a']);
    for (let n = 1; n <= 120; n++) await change(journal, n.toString().padStart(3, '0'), restart('b'), ['end done']);
    expect((await findUnfinished(journal, undefined)).id).toBe('000');
  });

  test('one that could not take everything back', async () => {
    const journal = fakeJournal();
    await change(journal, '1', restart('a'), [
      'step-begin stop:a',
      'step-done stop:a',
      'undo-begin stop:a',
      'undo-failed stop:a',
      'end partial',
    ]);
    expect((await findUnfinished(journal, undefined)).id).toBe('1');
  });

  test('a recovery counts only when it was done; one that was killed or failed leaves the change to be recovered', async () => {
    const journal = fakeJournal();
    await change(journal, '1', restart('a'), ['step-begin stop:a']);
    const abort = planAbort(await findUnfinished(journal, undefined));
    for (const [id, told] of [
      ['2', []],
      ['3', ['end partial']],
    ] as const) {
      await change(journal, id, abort, [...told], '1');
      expect((await findUnfinished(journal, undefined)).id).toBe('1');
      expect((await findUnfinished(journal, id)).id).toBe('1'); // who names the recovery means what it recovers
    }
    await change(journal, '4', abort, ['step-begin undo.stop:a', 'step-done undo.stop:a', 'end done'], '1');
    await expect(findUnfinished(journal, undefined)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(findUnfinished(journal, '1')).rejects.toMatchObject({ message: 'change 1 was recovered by 4' });
    expect((await journal.changes(9)).map(({ id, recoveredBy }) => [id, recoveredBy])).toEqual([
      ['4', undefined],
      ['3', '4'],
      ['2', '4'],
      ['1', '4'],
    ]);
  });
});

describe('abort', () => {
  test('takes back what was done or may have been, newest first; what is covered or never began is left out', async () => {
    const journal = fakeJournal();
    await change(journal, '1', restart('a', 'b', 'c'), [
      'step-begin stop:a',
      'step-done stop:a',
      'step-begin start:a',
      'step-done start:a',
      'step-begin stop:b',
    ]);
    const made = planAbort(await findUnfinished(journal, undefined));
    expect(ids(made)).toEqual(['undo.stop:b', 'undo.stop:a']);
    expect(made.steps[0]).toMatchObject({ do: { method: 'startContainer', args: ['b'] }, undo: 'not needed' });
    expect(made.summary).toBe(
      'take back service restart (restart api), begun by alice on h1 at 2026-03-01 14:05:09 UTC',
    );
  });

  test('goes on where a killed abort stood, and never redoes what that abort took back', async () => {
    const journal = fakeJournal();
    await change(journal, '1', restart('a', 'b'), [
      'step-begin stop:a',
      'step-done stop:a',
      'step-begin start:a',
      'step-done start:a',
      'step-begin stop:b',
    ]);
    const first = planAbort(await findUnfinished(journal, undefined));
    await change(
      journal,
      '2',
      first,
      ['step-begin undo.stop:b', 'step-done undo.stop:b', 'step-begin undo.stop:a'],
      '1',
    );
    expect(ids(planAbort(await findUnfinished(journal, undefined)))).toEqual(['undo.stop:a']);
  });

  test('takes back what a killed resume did', async () => {
    const journal = fakeJournal();
    await change(journal, '1', restart('a', 'b'), ['step-begin stop:a', 'step-done stop:a']);
    const resume = planResume(await findUnfinished(journal, undefined));
    expect(ids(resume)).toEqual(['start:a', 'stop:b', 'start:b']);
    await change(journal, '2', resume, ['step-begin start:a', 'step-done start:a', 'step-begin stop:b'], '1');
    expect(ids(planAbort(await findUnfinished(journal, undefined)))).toEqual(['undo.stop:b', 'undo.stop:a']);
    expect(ids(planResume(await findUnfinished(journal, undefined)))).toEqual(['stop:b', 'start:b']);
  });

  test('says what cannot be taken back', async () => {
    const journal = fakeJournal();
    const release = plan({
      ...{ target: 'production', summary: 's', touches: [] },
      steps: [
        step({
          id: 'break',
          describe: 'break the lock',
          why: 'w',
          do: (w) => w.lock.breakLock('x'),
          verify: (r) => r.lock.isFree('x'),
        }),
      ],
    });
    await change(journal, '1', release, ['step-begin break']);
    const made = planAbort(await findUnfinished(journal, undefined));
    expect([made.steps, made.touches]).toEqual([[], ['cannot be taken back: break the lock']]);
  });
});

describe('resume', () => {
  test('is refused once taking back has begun, by the change itself or by an abort', async () => {
    for (const told of [['step-begin stop:a', 'step-done stop:a', 'undo-begin stop:a'], ['step-begin stop:a']]) {
      const journal = fakeJournal();
      await change(journal, '1', restart('a'), told);
      if (told.length === 1)
        await change(
          journal,
          '2',
          planAbort(await findUnfinished(journal, undefined)),
          ['step-begin undo.stop:a'],
          '1',
        );
      const record = await findUnfinished(journal, undefined);
      expect(() => planResume(record)).toThrow('change 1 was being taken back when it was interrupted');
    }
  });
});
