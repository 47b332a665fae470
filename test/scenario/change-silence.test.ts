/**
 * Holders of the lock that fall silent: a long step, a stopped process, one that left, an engine out of reach. Each
 * of these tests waits for a TTL of 30 s, so they do it at the same time.
 */
import { describe, inject, test } from 'vitest';

import { beginRestart, documentOf, historyOf, type Scene, sceneFor } from '../support/change-scene.ts';
import { openRelay } from '../support/engine-relay.ts';
import { pause, waitUntil } from '../support/process.ts';

describe.concurrent('the lock of a holder', () => {
  test('a step longer than its TTL must keep it, and no recovery may begin meanwhile', async ({
    expect,
    onTestFinished,
  }) => {
    const one = await sceneFor(onTestFinished);
    const { ended, letGo } = await beginRestart(one, 'alice');
    const began = performance.now();
    const recovery = await one.as('bob')(['abort', '--yes', '--json']);
    expect(recovery.code).toBe(5);
    expect(documentOf(recovery).error).toMatchObject({ code: 'LOCKED', details: { holder: { owner: 'alice' } } });
    await pause(32_000 - (performance.now() - began));
    // Older than its TTL of 30 s, alive all the same.
    const looked = (await one.as('bob')(['lock', '--json'])).json<{
      data: { holder: { heldMs: number; heartbeatAgeMs: number; stale: boolean } };
    }>();
    expect(looked.data.holder.heldMs).toBeGreaterThan(31_000);
    expect(looked.data.holder.heartbeatAgeMs).toBeLessThan(looked.data.holder.heldMs);
    expect(looked.data.holder.stale).toBe(false);
    expect((await one.as('bob')(['service', 'restart', 'app', '--yes'])).code).toBe(5);
    await letGo();
    expect((await ended).code).toBe(0);
    expect(await one.serves()).toBe(true);
  });

  test('a holder that was stopped for longer than its TTL must lose it to the next, who ends its change, and must undo nothing when it wakes', async ({
    expect,
    onTestFinished,
  }) => {
    const one = await sceneFor(onTestFinished);
    const { ended, kill, letGo } = await beginRestart(one, 'alice');
    kill('SIGSTOP');
    await letGo();
    await waitUntil(
      async () => !(await one.as('bob')(['lock', '--json'])).stdout.includes('"stale":false'),
      () => 'never stale',
    );
    const [only = ''] = one.containers;
    const met = await one.as('bob')(['service', 'restart', 'app', '--yes', '--json']);
    expect(met.code).toBe(5);
    expect(documentOf(met).error?.message).toMatch(/service restart by alice\) was left in the middle/);
    const taken = await one.as('bob')(['abort', '--yes', '--json']);
    expect(taken.code).toBe(0);
    expect(taken.stderr).toContain('took over the stale lock of alice');
    expect(await one.serves()).toBe(true);
    const afterTakeover = await one.see();

    kill('SIGCONT');
    const woken = await ended;
    expect(await one.see()).toEqual(afterTakeover);
    expect(woken.code).toBe(4);
    expect(documentOf(woken).error).toMatchObject({
      code: 'PARTIAL',
      details: { left: [`engine.stop:${only}: may have been done, not undone because the lock was lost`] },
    });
    const { changes } = await historyOf(one);
    expect(changes).toMatchObject([
      { command: 'abort', actor: 'bob', outcome: 'done' },
      { actor: 'alice', outcome: 'partial', recoveredBy: changes[0]?.id, next: [] },
    ]);
    expect(await takenOverIn(one)).toMatch(/^alice on .*, service restart, since \d{4}-/);
  });
});

describe.concurrent('a change that its program left', () => {
  test('Ctrl-C twice must leave at once and say how to go on; resume from another machine finishes', async ({
    expect,
    onTestFinished,
  }) => {
    const one = await sceneFor(onTestFinished);
    const { ended, kill, letGo } = await beginRestart(one, 'alice');
    kill('SIGINT');
    await pause(300);
    kill('SIGINT');
    const result = await ended; // while its step is still held: see letGo
    expect(result.code).toBe(130);
    const { error } = documentOf(result);
    expect(error).toMatchObject({ code: 'INTERRUPTED', message: 'left at once in the middle of the change' });
    const id = String(error?.details?.['change']);
    expect(result.stderr).toContain(`opsctl history ${id}\nThen: opsctl resume ${id}, or opsctl abort ${id}`);
    expect(await one.own()).toHaveLength(2); // its lock is still there

    await letGo();
    // Whoever recovers need not know of the lock: a silent holder is waited for until it is stale.
    const resumed = await one.as('bob')(['resume', '--yes', '--json']);
    expect(await one.serves()).toBe(true);
    expect(await one.own()).toEqual([expect.stringContaining('opsctl-journal-')]);
    expect(resumed.code).toBe(0);
    expect(resumed.stderr).toMatch(/alice on .* holds the lock; waiting up to 30 s to see whether it still lives/);
    const { changes } = await historyOf(one);
    expect(changes).toMatchObject([
      { command: 'resume', actor: 'bob', outcome: 'done', recovers: id },
      { command: 'service restart', actor: 'alice', outcome: 'recovered', recoveredBy: changes[0]?.id, next: [] },
    ]);
  });

  test('an engine that stays away must end in exit 4 with what may be left; another machine finishes it', async ({
    expect,
    onTestFinished,
  }) => {
    const one = await sceneFor(onTestFinished);
    const [only = ''] = one.containers;
    const relay = await openRelay(inject('platform').dockerHost);
    onTestFinished(() => relay.close());
    relay.hooks = { after: ({ path }) => (/^\/containers\/[0-9a-f]+\/stop/.test(path) ? relay.cut() : undefined) };
    const result = await one.as('alice')(['service', 'restart', 'app', '--yes', '--json', '--grace-seconds', '0'], {
      env: { DOCKER_HOST: relay.host },
    });
    expect((await one.see())[0]?.running).toBe(false);
    expect(result.code).toBe(4);
    const { error } = documentOf(result);
    expect(error).toMatchObject({
      code: 'PARTIAL',
      details: { left: [`engine.stop:${only}: may have been done, not undone because the lock was lost`] },
    });
    expect(result.stderr).toMatch(
      /warning: the journal is kept in .*state-alice.*, where other machines do not see it/,
    );
    const id = String(error?.details?.['change']);
    expect((await historyOf(one)).changes).toMatchObject([
      { id, outcome: expect.stringMatching(/running|interrupted/) as unknown },
    ]);
    const resumed = await one.as('bob')(['resume', '--yes', '--json']);
    expect(await one.serves()).toBe(true);
    expect(resumed.code, resumed.stderr).toBe(0);
    expect((await historyOf(one)).changes).toMatchObject([
      { command: 'resume', outcome: 'done', recovers: id },
      { id, outcome: 'recovered' },
    ]);
  });
});

/** Whose lock was taken over, as the journal itself tells. */
async function takenOverIn(one: Scene): Promise<string | undefined> {
  const journal = (await one.own()).find((name) => name.startsWith('opsctl-journal-'));
  const archive = await one.docker('cp', `${journal ?? ''}:/journal/events`, '-');
  return /"takenOver":"([^"]*)"/.exec(archive)?.[1];
}
