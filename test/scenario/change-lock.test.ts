/** One change at a time, across machines, whatever becomes of the one who holds the lock. */
import { hostname } from 'node:os';

import { describe, test } from 'vitest';

import { beginRestart, documentOf, historyOf, type Scene, sceneFor } from '../support/change-scene.ts';

const changesMade = async (one: Scene): Promise<unknown[]> => (await historyOf(one)).changes;

describe.concurrent('the lock', () => {
  test('a second machine must be refused, told by whom, and must change nothing', async ({
    expect,
    onTestFinished,
  }) => {
    const one = await sceneFor(onTestFinished);
    const { ended, letGo } = await beginRestart(one, 'alice');
    const second = await one.as('bob')(['service', 'restart', 'app', '--yes', '--json']);
    const shown = await one.as('bob')(['service', 'restart', 'app', '--yes']);
    const looked = await one.as('bob')(['lock', '--json']);
    await letGo();
    const first = await ended;
    expect(await one.serves()).toBe(true);
    expect(await changesMade(one)).toMatchObject([{ actor: 'alice', outcome: 'done' }]);
    expect(first.code).toBe(0);
    expect(second.code).toBe(5);
    expect(documentOf(second).error).toMatchObject({
      code: 'LOCKED',
      message: expect.stringMatching(
        new RegExp(`is locked by alice on ${hostname()}, running service restart since \\d{4}-.*Z \\(.+ ago\\)`),
      ) as unknown,
      details: { holder: { owner: 'alice', host: hostname(), command: 'service restart', stale: false } },
    });
    expect(shown.code).toBe(5);
    expect(shown.stderr).toMatch(/next: Wait for it, or if it is dead: opsctl lock release --reason/);
    expect(looked.json()).toMatchObject({ data: { held: true, holder: { owner: 'alice', stale: false } } });
  });

  test('of ten at the same moment exactly one must run', async ({ expect, onTestFinished }) => {
    const one = await sceneFor(onTestFinished);
    const [only = ''] = one.containers;
    await one.put(only, 'slow', '300');
    const before = await one.see();
    let over = 0;
    const results = await Promise.all(
      Array.from({ length: 10 }, async (_, at) => {
        const argv = ['service', 'restart', 'app', '--grace-seconds', '300', '--yes', '--json'];
        const result = await one.as(`m${String(at)}`)(argv);
        if ((over += 1) === 9) await one.remove(only, 'slow'); // only the one that holds the lock is left
        return result;
      }),
    );
    expect(await one.serves()).toBe(true);
    expect((await one.logs(only)).match(/stopping/g)).toHaveLength(1);
    expect((await one.see())[0]?.startedAt).not.toBe(before[0]?.startedAt);
    expect(await changesMade(one)).toHaveLength(1);
    expect(results.map(({ code }) => Number(code)).toSorted((a, b) => a - b)).toEqual([0, 5, 5, 5, 5, 5, 5, 5, 5, 5]);
    for (const result of results.filter(({ code }) => code === 5))
      expect(documentOf(result).error?.code).toBe('LOCKED');
  });

  test('lock release must make a living holder stop before its next step, and be journalled with its reason', async ({
    expect,
    onTestFinished,
  }) => {
    const one = await sceneFor(onTestFinished);
    const [only = ''] = one.containers;
    const { ended, letGo } = await beginRestart(one, 'alice');
    const free = ['lock', 'release', '--reason', 'alice is on a plane', '--json'];
    const unasked = await one.as('bob')([...free, '--yes']);
    expect(await one.own()).toHaveLength(2);
    const wrong = await one.as('bob')([...free, '--confirm', 'app']);
    expect(await one.own()).toHaveLength(2);
    const released = await one.as('bob')([...free, '--confirm', one.environment]);
    expect(await one.own()).toEqual([expect.stringContaining('opsctl-journal-')]);
    await letGo();
    const first = await ended;
    expect((await one.see())[0]?.running).toBe(false); // left as it is: somebody else may be at work
    expect(first.code).toBe(4);
    expect(documentOf(first).error).toMatchObject({
      code: 'PARTIAL',
      details: { left: [`engine.stop:${only}: done, not undone because the lock was lost`] },
    });
    expect(unasked.code).toBe(5);
    expect(documentOf(unasked).error).toMatchObject({
      code: 'NOT_CONFIRMED',
      hint: expect.stringContaining(`--confirm ${one.environment}`) as unknown,
    });
    expect(wrong.code).toBe(5);
    expect(released.code).toBe(0);
    expect(documentOf(released)).toMatchObject({ ok: true, data: { held: false } });
    const { changes } = await historyOf(one);
    const [release, restart] = changes;
    expect(changes).toMatchObject([
      { command: 'lock release', actor: 'bob', outcome: 'done', reason: 'alice is on a plane' },
      { command: 'service restart', outcome: 'partial' },
    ]);
    expect(restart?.next).toEqual([`opsctl resume ${restart?.id ?? ''}`, `opsctl abort ${restart?.id ?? ''}`]);
    const aborted = await one.as('bob')(['abort', '--yes', '--json']);
    expect(await one.serves()).toBe(true);
    expect(aborted.code).toBe(0);
    expect((await historyOf(one, restart?.id)).changes).toMatchObject([
      { recoveredBy: expect.not.stringContaining(release?.id ?? '') as unknown, next: [] },
    ]);
  });

  test('a lock that nobody holds must need no confirmation to be released, only a reason', async ({
    expect,
    onTestFinished,
  }) => {
    const one = await sceneFor(onTestFinished);
    const silent = await one.as('bob')(['lock', 'release', '--json']);
    expect(silent.code).toBe(2);
    expect(documentOf(silent).error).toMatchObject({ code: 'USAGE', hint: "Add: --reason '<why>'" });
    const result = await one.as('bob')(['lock', 'release', '--reason', 'tidy', '--json']);
    expect(result.code).toBe(0);
    expect(documentOf(result)).toMatchObject({ ok: true, data: { held: false } });
  });
});
