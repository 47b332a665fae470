/** What a change that cannot be finished, or is interrupted, must leave behind. */
import { describe, test } from 'vitest';

import { beginRestart, documentOf, historyOf, sceneFor } from '../support/change-scene.ts';

describe.concurrent('a change that fails', () => {
  test('a container that does not become healthy again must end in exit 3, with its own words kept', async ({
    expect,
    onTestFinished,
  }) => {
    const one = await sceneFor(onTestFinished, { replicas: 2 });
    const [first = '', second = ''] = one.containers;
    await one.put(first, 'sick');
    const before = await one.see();
    const result = await one.as('alice')(['service', 'restart', 'app', '--yes', '--healthy-within', '3', '--json']);
    const after = await one.see();
    expect(after.map(({ running }) => running)).toEqual([true, true]);
    expect(after[1]).toEqual(before[1]); // the next replica is left alone
    expect(await one.own()).toEqual([expect.stringContaining('opsctl-journal-')]);
    expect(result.code).toBe(3);
    const { error } = documentOf(result);
    expect(error).toMatchObject({
      code: 'ROLLED_BACK',
      message: `not seen done within 3 s: wait until ${first} serves; everything done was taken back`,
    });
    expect(error?.details).toMatchObject({
      state: 'running',
      health: expect.stringMatching(/unhealthy|starting/) as unknown,
      log: expect.arrayContaining(['cannot reach the database: connection refused']) as unknown,
    });
    const { changes } = await historyOf(one);
    expect(changes).toMatchObject([{ outcome: 'rolled-back', command: 'service restart', actor: 'alice', left: [] }]);
    const { steps } = await historyOf(one, changes[0]?.id);
    expect(steps.map(({ id, state }) => `${state} ${id}`)).toEqual([
      `undone engine.stop:${first}`,
      `done engine.start:${first}`,
      `failed engine.serving:${first}`,
      `pending engine.stop:${second}`,
      `pending engine.start:${second}`,
      `pending engine.serving:${second}`,
    ]);
    const shown = await one.as('alice')(['service', 'restart', 'app', '--yes', '--healthy-within', '2']);
    expect(shown.stdout).toBe('');
    expect(shown.stderr).toContain('cannot reach the database: connection refused');
    expect(shown.stderr).toMatch(/next: What happened, step by step: opsctl history \d{8}T\d{6}Z-/);
  });

  test('an undo that fails must end in exit 4 and name what is left', async ({ expect, onTestFinished }) => {
    const one = await sceneFor(onTestFinished);
    const [only = ''] = one.containers;
    const { ended } = await beginRestart(one, 'alice');
    await one.docker('rm', '--force', only);
    const result = await ended;
    expect(await one.docker('ps', '--all', '--quiet', '--filter', `name=${only}`)).toBe('');
    expect(result.code).toBe(4);
    expect(documentOf(result).error).toMatchObject({
      code: 'PARTIAL',
      details: { left: [expect.stringContaining(`engine.stop:${only}: undo failed: `)] },
    });
    const { changes } = await historyOf(one);
    expect(changes).toMatchObject([
      { outcome: 'partial', left: [expect.stringContaining(only)], next: [`opsctl abort ${changes[0]?.id ?? ''}`] },
    ]);
    expect(await one.own()).toEqual([expect.stringContaining('opsctl-journal-')]);
  });
});

describe.concurrent('an interruption', () => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    test(`${signal} during a long stop must finish that step, take it back and end with 130`, async ({
      expect,
      onTestFinished,
    }) => {
      const one = await sceneFor(onTestFinished);
      const [only = ''] = one.containers;
      const { ended, kill, letGo } = await beginRestart(one, 'alice');
      kill(signal);
      await letGo();
      const result = await ended;
      expect(await one.serves()).toBe(true);
      expect(await one.own()).toEqual([expect.stringContaining('opsctl-journal-')]);
      expect(result.code).toBe(130);
      expect(result.stderr).toContain(
        'stopping before the next step and taking back what was done; press again to leave at once',
      );
      expect(documentOf(result).error).toMatchObject({
        code: 'INTERRUPTED',
        message: `interrupted before engine.start:${only}; everything done was taken back`,
      });
      expect((await historyOf(one)).changes).toMatchObject([{ outcome: 'rolled-back' }]);
    });
  }

  test('output that nobody reads any more must not end a change half way', async ({ expect, onTestFinished }) => {
    const one = await sceneFor(onTestFinished);
    const result = await one.as('alice')(['service', 'restart', 'app', '--yes', '--json=stream'], {
      onStart: (child) => void child.stdout?.once('data', () => child.stdout?.destroy()), // as `| head -1` does
    });
    expect(await one.serves()).toBe(true);
    expect(await one.own()).toEqual([expect.stringContaining('opsctl-journal-')]);
    expect((await historyOf(one)).changes).toMatchObject([{ outcome: 'done' }]);
    expect(result.code).toBe(0);
  });

  test('Ctrl-C while it waits for health must end the wait at once', async ({ expect, onTestFinished }) => {
    const one = await sceneFor(onTestFinished);
    const [only = ''] = one.containers;
    await one.put(only, 'sick');
    let at = 0;
    const result = await one.as('alice')(
      ['service', 'restart', 'app', '--yes', '--healthy-within', '60', '--json=stream'],
      {
        onStart: (child) => {
          let out = '';
          child.stdout?.on('data', (text: string) => {
            out += text;
            if (at > 0 || !out.includes(`"step-begin","step":"engine.serving:${only}"`)) return;
            at = performance.now();
            child.kill('SIGINT');
          });
        },
      },
    );
    expect(performance.now() - at).toBeLessThan(20_000);
    expect((await one.see())[0]?.running).toBe(true);
    expect(result.code).toBe(130);
    const lines = result.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.at(-1)).toMatchObject({
      schema: 'opsctl/service.restart/v1',
      ok: false,
      error: { code: 'INTERRUPTED', exit: 130 },
    });
    expect(lines.slice(0, -1).every(({ schema }) => schema === 'opsctl/service.restart/v1/event')).toBe(true);
  });
});
