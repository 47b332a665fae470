/** A canary that is held, and held again at the share that a promote gave it. */
import { describe, expect, test } from 'vitest';

import type { ChangeEvent, Plan } from '../../../src/core/change.ts';
import type { Readers } from '../../../src/core/ports.ts';
import { mustNotMeetUnfinished } from '../../../src/core/unfinished.ts';
import { planBlueGreen } from '../../../src/deploy/plan-blue-green.ts';
import { planCanary, planCanaryRollback, planPromote, type Promoted } from '../../../src/deploy/plan-canary.ts';
import { pausedCanary } from '../../../src/deploy/running-canary.ts';
import { findUnfinished, mustBeLast, planAbort, planResume } from '../../../src/recovery/plan.ts';
import { fakeJournal, type FakeJournal } from '../../support/fakes/journal.ts';
import { deployed, factsOf, ids, requestOf, serviceFacts, wanted } from './facts.ts';

const canary = deployed('api', { colour: 'green', version: 'v2', deploy: 1 });
const facts = serviceFacts('api', { previous: [canary] });
const promoted: Promoted = {
  ...{ facts, version: 'v2', containers: [canary.name], variable: { why: 'none' } },
  ...{ noRollback: undefined, gone: [], smoke: [], compared: { metrics: 'api', stable: 'v1', candidate: 'v2' } },
};
const where = (percent: number) => ({
  ...{ project: 'shop', environment: 'production', options: requestOf([]).options },
  facts: factsOf([facts], { canary: { services: ['api'], percent } }),
});
const walk = (percents: number[]) => ({ percents, stepMs: 60_000, analysed: true });
const at = '2026-03-01T11:00:00.000Z';

/** A change that is held at its first comparison; or that did all. */
async function changed(
  journal: FakeJournal,
  id: string,
  made: Plan,
  more: { command: string; recovers?: string; settles?: string },
): Promise<void> {
  const begin = { type: 'begin', at, input: {}, actor: 'alice', host: 'h1', plan: made } as const;
  const all = ids(made);
  const held = all.findIndex((one) => one.startsWith('release.passed'));
  const done = all.slice(0, held === -1 ? undefined : held);
  const events: ChangeEvent[] = done.flatMap((step) => [
    { type: 'step-begin', at, step },
    { type: 'step-done', at, step, durationMs: 1 },
  ]);
  await journal.append(id, { ...begin, ...more }, ...events);
  const [gate] = all.slice(done.length);
  if (gate !== undefined) await journal.append(id, { type: 'step-failed', at, step: gate, error: 'too few requests' });
  await journal.append(id, { type: 'end', at, outcome: gate === undefined ? 'done' : 'paused', left: [] });
}

/** Change 1 is held at 5 %, change 2 at 50 %. */
async function heldTwice(): Promise<FakeJournal> {
  const journal = fakeJournal();
  const canaryPlan = planCanary(requestOf([wanted(serviceFacts('api'))]), walk([5, 25, 100]));
  await changed(journal, '1', canaryPlan, { command: 'deploy canary' });
  const promote = planPromote(where(5), [promoted], walk([50]));
  await changed(journal, '2', promote, { command: 'deploy promote', settles: '1' });
  return journal;
}

describe('a canary that is held again where it was promoted to', () => {
  test.each<[string, Plan]>([
    ['taken back by its own command', planCanaryRollback(where(50), [promoted], false)],
    ['promoted', planPromote(where(50), [promoted], walk([100]))],
  ])('must be %s', async (_how, made) => {
    const journal = await heldTwice();
    const settles = (await pausedCanary({ journal } as unknown as Readers))?.id;
    expect(settles).toBe('2');
    mustNotMeetUnfinished(made, (await journal.unfinished()).changes, { settles });
    await changed(journal, '3', { ...made, steps: [] }, { command: 'deploy canary', ...(settles && { settles }) });
    expect((await journal.unfinished()).changes).toEqual([]);
  });

  test('must be ended before another deploy, where it is held now', async () => {
    const journal = await heldTwice();
    const unfinished = (await journal.unfinished()).changes;
    expect(() => {
      mustNotMeetUnfinished(planBlueGreen(requestOf([wanted(serviceFacts('api'))])), unfinished, {});
    }).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('opsctl resume 2, or opsctl abort 2') as string }),
    );
  });

  test('must be recovered by the change that holds it now, not by the one before', async () => {
    const journal = await heldTwice();
    expect((await findUnfinished(journal, undefined)).id).toBe('2');
    await expect(findUnfinished(journal, '1')).rejects.toMatchObject({
      ...{ code: 'UNSAFE', message: 'change 1 is in the hands of 2 (deploy promote), which is not at its end' },
      hint: 'End that: opsctl resume 2, or opsctl abort 2',
    });
  });

  test('must be taken back as a whole, one change after the other', async () => {
    const journal = await heldTwice();
    await changed(journal, '3', planAbort(await findUnfinished(journal, '2')), { command: 'abort', recovers: '2' });
    const first = await findUnfinished(journal, undefined);
    expect(first.id).toBe('1');
    await mustBeLast(first, journal);
    expect(ids(planResume(first)).slice(0, 3)).toEqual([
      'engine.serving:shop_api-green-r1',
      'release.answers',
      'release.passed:5%',
    ]);
    const back = planAbort(first);
    expect(ids(back)).toEqual(['undo.lb.route:nginx:5%', 'undo.replicas.create:shop_api-green-r1']);
    await changed(journal, '4', back, { command: 'abort', recovers: '1' });
    expect((await journal.unfinished()).changes).toEqual([]);
  });
});
