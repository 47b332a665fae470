import { describe, expect, test } from 'vitest';

import type { ChangeRecord, Step } from '../../../src/core/change.ts';
import type { Route } from '../../../src/core/ports/load-balancer.ts';
import type { CanaryStep } from '../../../src/core/ports/release.ts';
import { viewOf } from '../../../src/deploy/view.ts';
import type { Facts } from '../../../src/deploy/observe.ts';
import { released } from '../../../src/deploy/plan-blue-green.ts';
import { planCanary } from '../../../src/deploy/plan-canary.ts';
import type { Released } from '../../../src/deploy/request.ts';
import { currentStep, mustBeWell } from '../../../src/deploy/running-canary.ts';
import { compare } from '../../../src/deploy/steps.ts';
import { deployed, factsOf, requestOf, serviceFacts, wanted } from './facts.ts';
import { live, route, step, type World, world } from './world.ts';

/** The canary of the world, as a deploy finds it. */
const canary = deployed('api', { colour: 'green', version: 'v2', deploy: 1 }, { name: 'api-green' });
const api = serviceFacts('api', { previous: [canary] });
const request = requestOf([wanted(api)]);
const running: Released = { ...released(wanted(api), request), containers: ['api-green'] };
const factsAt = (to: Route = route, since = ''): Facts => ({
  ...factsOf([api], { ...to, since }),
  instances: [{ id: 'nginx', name: 'nginx' }],
});
const share = (percent: number): Route => ({ live, canary: { services: ['api'], percent } });

/** A change of the journal that has these steps. */
function changeOf(steps: Step[]): ChangeRecord {
  const plan = { target: 't', summary: 's', touches: [], steps };
  const begin = { command: 'deploy canary', input: {}, actor: 'a', host: 'h', at: '2026-03-01T11:00:00.000Z', plan };
  return { id: 'c1', begin: { type: 'begin', ...begin }, steps: [], others: {} };
}
/** The plan of a whole canary, as the journal gives it back. */
const walked = changeOf(
  JSON.parse(
    JSON.stringify(planCanary(request, { percents: [5, 25, 100], stepMs: 60_000, analysed: true }).steps),
  ) as Step[],
);

describe('the step that a canary is in', () => {
  test('must be the one of the plan that sends visitors where they go now', () => {
    expect(currentStep(factsAt(), [running], [walked])).toMatchObject({
      route: { canary: { percent: 5 } },
      containers: ['api-green'],
      services: [{ metrics: 'api', stable: 'v1', candidate: 'v2' }],
      ...{ forMs: 60_000, firstLook: 0, plannedLooks: 36 },
    });
    expect(currentStep(factsAt(share(25)), [running], [walked])).toMatchObject({ firstLook: 18, plannedLooks: 36 });
  });

  test('must be that of the newest change that has one', () => {
    const newest = changeOf([compare(step({ forMs: 30_000, plannedLooks: 9 }), 5)]);
    const other = changeOf([compare(step({ route: share(50) }), 50)]);
    expect(currentStep(factsAt(), [running], [other, newest, walked])).toMatchObject({ plannedLooks: 9 });
  });

  const gate = (more: Partial<CanaryStep>): ChangeRecord => changeOf([compare(step(more), 5)]);
  const watched = planCanary(request, { percents: [5], stepMs: 60_000, analysed: false });
  test.each<[string, ChangeRecord[]]>([
    ['there is no change', []],
    ['none sends visitors there', [gate({ route: share(50) })]],
    ['it was of another version', [gate({ services: [{ metrics: 'api', stable: 'v1', candidate: 'v3' }] })]],
    ['it only watched containers', [changeOf(watched.steps)]],
    ['what it says makes no sense', [gate({ plannedLooks: -1 }), gate({ forMs: '1 min' as unknown as number })]],
  ])('must have one look where %s', (_why, changes) => {
    expect(currentStep(factsAt(), [running], changes)).toMatchObject({
      forMs: 0,
      firstLook: 0,
      plannedLooks: 0,
    });
  });
});

describe('a canary that is looked at', () => {
  const since = '2026-03-01T11:59:00.000Z';
  /** 8 of 1000 instead of 2: by chance with 0.0018, which is enough in a single look and not in one of 36. */
  function doubtful(): World {
    const seen = world();
    seen.counted['v1'] = { requests: 20_000, errors: 40 };
    seen.counted['v2'] = { requests: 1000, errors: 8 };
    return seen;
  }

  test('must be judged alike by who looks at its status, who promotes it, and the change itself', async () => {
    const { journal, platform, readers, release } = doubtful();
    await journal.append('c1', walked.begin);
    const facts = factsAt(route, since);
    const current = currentStep(facts, [running], await readers.journal.changes(50));
    const { services } = await viewOf(current, platform, readers);
    expect(services).toMatchObject([
      { analysis: { verdict: 'inconclusive', look: 6, planned: 36, rules: { errors: { level: 0.01 * (0.9 / 36) } } } },
    ]);
    expect((await release.canaryView(step({ plannedLooks: 36 }))).services).toEqual(services);
    expect(await release.hasPassed(step({ plannedLooks: 36 }))).toBe(false);
    await expect(mustBeWell(facts, [running], platform, readers)).rejects.toMatchObject({
      message: expect.stringContaining('is not yet seen to be as good as'),
      details: { analysis: { errors: { level: 0.01 * (0.9 / 36) } } },
    });
  });

  test('must be judged by this look alone where no plan of it is known', async () => {
    const { platform, readers } = doubtful();
    await expect(mustBeWell(factsAt(route, since), [running], platform, readers)).rejects.toMatchObject({
      message: expect.stringContaining('is worse than v1'),
    });
  });

  test('must not be promoted before anything was measured', async () => {
    const { platform, readers, asked } = world();
    const facts = factsAt(route, '2026-03-01T11:59:46.000Z');
    await expect(mustBeWell(facts, [running], platform, readers)).rejects.toMatchObject({
      message: expect.stringContaining('nothing was measured'),
    });
    expect(asked).toEqual([]);
  });

  test('must be promoted when it is seen to be no worse', async () => {
    const { journal, platform, readers } = world();
    await journal.append('c1', walked.begin);
    await mustBeWell(factsAt(route, since), [running], platform, readers);
  });
});
