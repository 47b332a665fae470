import { describe, expect, test } from 'vitest';

import type { ChangeEvent, Plan } from '../../../src/core/change.ts';
import { gate, plan, step } from '../../../src/core/plan.ts';
import { planBlueGreen } from '../../../src/deploy/plan-blue-green.ts';
import {
  begunOf,
  findUnfinished,
  mustBeLast,
  planAbandon,
  planAbort,
  planResume,
  staysOf,
} from '../../../src/recovery/plan.ts';
import { fakeJournal, type FakeJournal } from '../../support/fakes/journal.ts';
import { requestOf, serviceFacts, wanted } from '../deploy/facts.ts';

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
    expect([made.steps, made.touches]).toEqual([[], ['break: may have been done, cannot be undone (w)']]);
  });

  test('says what of a release stays, and why nobody may roll back past that', async () => {
    const journal = fakeJournal();
    const command = { releaseCommand: { command: ['migrate'], timeoutMs: 1000 }, noRollback: 'drops a column' };
    const made = planBlueGreen(requestOf([wanted(serviceFacts('api'), command)]));
    const [create = '', run = '', remove = ''] = ids(made);
    const stays = `${run}: done, and what it did is kept`;
    await change(journal, '1', made, did(create, run, remove));
    const record = await findUnfinished(journal, undefined);
    expect(ids(planAbort(record))).toEqual([`undo.${create}`]);
    expect(planAbort(record).touches.at(-1)).toBe(
      `${stays} (the release command of the service; what it does to data is not taken back, and nobody may roll back past it: drops a column)`,
    );
    expect(staysOf(record)).toEqual([stays]);
  });

  test('says what was begun and nothing takes back', async () => {
    const journal = fakeJournal();
    const reload = step({
      ...{ id: 'lb.reload:nginx', describe: 'reload nginx', why: 'w', undo: 'stays' as const },
      do: (w) => w.loadBalancer.reload('nginx'),
    });
    await change(journal, '1', plan({ target: 'production', summary: 's', touches: [], steps: [reload] }), [
      'step-begin lb.reload:nginx',
    ]);
    expect(planAbort(await findUnfinished(journal, undefined)).touches).toEqual([
      'lb.reload:nginx: may have been done, nothing takes it back (w)',
    ]);
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

/** Makes `a` serve, asks it, switches to it, and removes the one before: as releases do. */
const release = plan({
  ...{ target: 'production', summary: 'release', touches: [] },
  steps: [
    step({
      ...{ id: 'engine.start:a', describe: 'start a', why: 'w' },
      do: (w) => w.engine.startContainer('a'),
      undo: (w) => w.engine.stopContainer('a', 1),
      undoTimeoutMs: 70_000,
    }),
    gate({
      ...{ id: 'engine.serving:a', describe: 'a serves', why: 'w', recheck: true },
      verify: (r) => r.engine.isServing('a'),
    }),
    gate({ id: 'engine.up:a', describe: 'a is up', why: 'w', verify: (r) => r.engine.isRunning('a') }),
    step({
      ...{ id: 'lb.route:nginx', describe: 'switch', why: 'w' },
      do: (w) => w.loadBalancer.route('nginx', '/d', { live: { a: 'green' } }),
      undo: (w) => w.loadBalancer.route('nginx', '/d', { live: { a: 'blue' } }),
    }),
    step({
      ...{ id: 'replicas.remove:b', describe: 'remove b', why: 'nobody goes back to it', undo: 'too late' },
      do: (w) => w.replicas.remove({ container: 'b', labels: {}, graceSeconds: 1 }),
      onFailure: 'go on',
    }),
  ],
});
const did = (...names: string[]): string[] => names.flatMap((name) => [`step-begin ${name}`, `step-done ${name}`]);
const upTo = (count: number): string[] => did(...release.steps.slice(0, count).map(({ id }) => id));

describe('a change that is resumed', () => {
  test('must ask again what must still be so, and nothing else that was done', async () => {
    const journal = fakeJournal();
    await change(journal, '1', release, upTo(3));
    const record = await findUnfinished(journal, undefined);
    expect(ids(planResume(record))).toEqual(['engine.serving:a', 'lb.route:nginx', 'replicas.remove:b']);
    expect(begunOf(record).map(({ id }) => id)).toEqual(['engine.start:a']);
  });

  test('must not ask again once it is too late to take it back', async () => {
    const journal = fakeJournal();
    await change(journal, '1', release, [...upTo(4), 'step-begin replicas.remove:b']);
    expect(ids(planResume(await findUnfinished(journal, undefined)))).toEqual(['replicas.remove:b']);
  });

  test('must not ask again once what follows its aim was begun, though nothing came of it', async () => {
    const journal = fakeJournal();
    await change(journal, '1', release, [...upTo(4), 'step-begin replicas.remove:b']);
    await journal.append('1', { type: 'step-failed', at, step: 'replicas.remove:b', error: 'no', noEffect: true });
    expect(ids(planResume(await findUnfinished(journal, undefined)))).toEqual(['replicas.remove:b']);
  });

  test('must be known as taken back when resuming failed and took back what was done before, too', async () => {
    const journal = fakeJournal();
    await change(journal, '1', release, upTo(3));
    const told = ['step-begin engine.serving:a', 'step-failed engine.serving:a', 'undo-begin engine.start:a'];
    const resume = planResume(await findUnfinished(journal, undefined));
    await change(journal, '2', resume, told, '1');
    const record = await findUnfinished(journal, undefined);
    expect(() => planResume(record)).toThrow('was being taken back');
    expect(ids(planAbort(record))).toEqual(['undo.engine.start:a']);
    await change(journal, '2', resume, ['undo-done engine.start:a', 'end rolled-back'], '1');
    await expect(findUnfinished(journal, '1')).rejects.toMatchObject({ message: 'change 1 was recovered by 2' });
    expect((await journal.change('1'))?.steps[0]?.state).toBe('undone');
  });
});

describe('a change that has gone too far', () => {
  test('must not be taken back, but finished or closed', async () => {
    const journal = fakeJournal();
    await change(journal, '1', release, [...upTo(4), 'step-begin replicas.remove:b']);
    const record = await findUnfinished(journal, undefined);
    expect(() => planAbort(record)).toThrow(
      'change 1 cannot be taken back any more: remove b (nobody goes back to it)',
    );
    expect(planAbandon(record)).toMatchObject({ target: 'production', steps: [] });
  });

  test('must give an undo the time that it needs', async () => {
    const journal = fakeJournal();
    await change(journal, '1', release, upTo(1));
    expect(planAbort(await findUnfinished(journal, undefined)).steps[0]?.timeoutMs).toBe(70_000);
  });
});

describe('a change after which another was made to the same things', () => {
  test.each<[string, Plan, string[], boolean]>([
    ['that came to its end', release, ['end done'], true],
    ['that took itself back', release, ['end rolled-back'], false],
    ['to other things', restart('z'), ['end done'], false],
  ])('must not be recovered by its own plan: one %s', async (_which, later, told, refused) => {
    const journal = fakeJournal();
    await change(journal, '1', release, upTo(1));
    await change(journal, '2', later, told);
    const asked = mustBeLast(await findUnfinished(journal, '1'), journal);
    if (!refused) await expect(asked).resolves.toBeUndefined();
    else
      await expect(asked).rejects.toMatchObject({
        code: 'UNSAFE',
        hint: expect.stringContaining('opsctl abort 1 --abandon') as string,
      });
  });

  test('must be recovered where what came after were its own recoveries', async () => {
    const journal = fakeJournal();
    await change(journal, '1', release, upTo(1));
    await change(journal, '2', release, ['end partial'], '1');
    await expect(mustBeLast(await findUnfinished(journal, '1'), journal)).resolves.toBeUndefined();
  });
});
