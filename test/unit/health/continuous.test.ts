import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { STATUSES, type Status } from '../../../src/core/verdict.ts';
import { makeTracker, roundLine, rounds, roundSchema, type Round } from '../../../src/health/continuous.ts';
import type { Health } from '../../../src/health/observe.ts';
import { NOW, plain } from './platform.ts';

const health = (status: Status): Health => ({
  status,
  checks: [{ id: 'api', component: 'api', status, reason: `it is ${status}`, next: [], durationMs: 1 }],
});

async function play(story: readonly Status[], takesMs = 0, intervalMs = 5): Promise<Round[]> {
  const end = new AbortController();
  let at = 0;
  const seen: Round[] = [];
  const observe = async (): Promise<Health> => {
    const status = story[at] ?? 'ok';
    at += 1;
    if (at === story.length) end.abort();
    await new Promise((resolve) => setTimeout(resolve, takesMs));
    return health(status);
  };
  for await (const round of rounds(observe, { intervalMs, signal: end.signal, now: () => new Date(NOW) }))
    seen.push(roundSchema.parse(round));
  return seen;
}

describe('what is held of a check', () => {
  it.each<[string, string, number[]]>([
    ['one odd round', 'ok ok crit ok ok ok', []],
    ['two odd rounds', 'ok crit crit ok ok', []],
    ['three bad rounds', 'ok crit crit crit crit', [3]],
    ['bad news of changing kinds', 'ok crit unknown warn', [3]],
    ['better after two', 'crit ok ok', [2]],
    ['not better after one', 'crit ok crit ok crit', []],
    ['worse after having been better', 'crit ok ok crit crit crit', [2, 5]],
    ['skipped as good as ok', 'ok skipped skipped skipped', []],
  ])('must turn as it should for %s', (_what, story, expected) => {
    const track = makeTracker();
    const turns = story
      .split(' ')
      .flatMap((status, index) => (track('x', status as Status) === undefined ? [] : [index]));
    expect(turns).toEqual(expected);
  });

  it('must never turn twice within two rounds, whatever happens', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...STATUSES), { maxLength: 60 }), (story) => {
        const track = makeTracker();
        const turns = story.flatMap((status, index) => (track('x', status) === undefined ? [] : [index]));
        for (const [at, turn] of turns.entries()) expect(turn - (turns[at - 1] ?? -9)).toBeGreaterThanOrEqual(2);
      }),
    );
  });
});

describe('rounds', () => {
  it('must tell each round, mark a change and end with a summary', async () => {
    const seen = await play(['ok', 'crit', 'crit', 'crit', 'crit', 'ok']);
    expect(
      seen
        .map((round) => roundLine(round, plain))
        .join('\n')
        .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, 'TIME')
        .replace(/ in .*?,/, ' in SOME ms,'),
    ).toMatchInlineSnapshot(`
      "TIME  ✓ ok
      TIME  ✗ crit  api crit
      TIME  ✗ crit  api crit
      TIME  ✗ crit  api crit
        → api: ok → crit: it is crit
      TIME  ✗ crit  api crit
      Summary: 5 rounds in SOME ms, 1 change of state
        api: 1 ok, 4 crit"
    `);
  });

  it('must leave out rounds rather than run two at once when one takes long', async () => {
    const seen = await play(['ok', 'ok', 'ok'], 25, 10);
    const last = seen.findLast((round) => round.type === 'round');
    expect(last?.type === 'round' && last.skippedRounds).toBeGreaterThanOrEqual(2);
  });
});
