/** The journal: ahead of every step, on the engine, and the condition for anything to start. */
import { describe, inject, test } from 'vitest';

import { documentOf, historyOf, type Scene, sceneFor } from '../support/change-scene.ts';
import { openRelay, type Relay } from '../support/engine-relay.ts';
import type { Result } from '../support/opsctl.ts';

const RESTART = ['service', 'restart', 'app', '--yes', '--json'];
type Finished = (close: () => Promise<void>) => void;

async function relayFor(onTestFinished: Finished): Promise<Relay> {
  const relay = await openRelay(inject('platform').dockerHost);
  onTestFinished(() => relay.close());
  return relay;
}

const restartThrough = (one: Scene, relay: Relay, more: string[] = []): Promise<Result> =>
  one.as('alice')([...RESTART, ...more], { env: { DOCKER_HOST: relay.host } });

/** A journal of a few kilobytes, held mounted by a container of the scene; `fill` leaves no room in it. */
async function tinyJournal(one: Scene): Promise<{ fill: () => Promise<void> }> {
  const project = one.environment.replace('stage-', 'opsctl-change-');
  const volume = `opsctl-journal-${project}`;
  await one.docker(
    'volume',
    'create',
    '--opt',
    'type=tmpfs',
    '--opt',
    'device=tmpfs',
    '--opt',
    'o=size=256k,mode=0777',
    volume,
  );
  const holder = `${project}-holder`;
  await one.docker(
    'run',
    '--detach',
    '--name',
    holder,
    '--label',
    'opsctl.demo=false',
    '--network',
    'none',
    '--user',
    '0',
    '--entrypoint',
    'sleep',
    '--volume',
    `${volume}:/journal`,
    'ecommerce-redis:8',
    '600',
  );
  one.containers.push(holder);
  return {
    fill: async () =>
      void (await one.docker('exec', holder, 'sh', '-c', 'dd if=/dev/zero of=/journal/filler bs=1k 2>/dev/null; true')),
  };
}

describe.concurrent('the journal', () => {
  test('every step must stand in it before the engine is asked, and another machine must see it', async ({
    expect,
    onTestFinished,
  }) => {
    const one = await sceneFor(onTestFinished, { replicas: 2 });
    const relay = await relayFor(onTestFinished);
    const result = await restartThrough(one, relay);
    expect(result.code, result.stderr).toBe(0);
    const position = (test: (text: string) => boolean): number =>
      relay.changes.findIndex(({ method, path, body }) => test(`${method} ${path} ${body}`));
    const id = async (name: string): Promise<string> =>
      (await one.docker('inspect', '--format', '{{.Id}}', name)).trim();
    for (const name of one.containers) {
      for (const verb of ['stop', 'start'] as const) {
        const container = await id(name);
        const written = (type: string): number =>
          position(
            (text) => text.startsWith('PUT') && text.includes(`"type":"${type}","step":"engine.${verb}:${name}"`),
          );
        const begun = written('step-begin');
        const acted = position((text) => text.startsWith(`POST /containers/${container}/${verb}`));
        const done = written('step-done');
        expect(
          [begun, acted, done].every((at) => at >= 0),
          `${verb} ${name}`,
        ).toBe(true);
        expect([begun, acted, done]).toEqual([begun, acted, done].toSorted((a, b) => a - b));
      }
    }
    const began = position((text) => text.includes('"type":"begin"'));
    expect(began).toBeGreaterThan(position((text) => text.includes('/containers/create?name=opsctl-lock-')));
    expect(began).toBeLessThan(position((text) => text.includes('"type":"step-begin"')));
    const { changes } = await historyOf(one);
    const { steps } = await historyOf(one, changes[0]?.id);
    expect(changes).toMatchObject([{ actor: 'alice', command: 'service restart', outcome: 'done' }]);
    expect(steps.map(({ state }) => state)).toEqual(Array.from({ length: 6 }, () => 'done'));
  });

  test('when it cannot be written nothing must start', async ({ expect, onTestFinished }) => {
    const one = await sceneFor(onTestFinished);
    const before = await one.see();
    const { fill } = await tinyJournal(one);
    await fill();
    const result = await one.as('alice')(RESTART);
    expect((await one.see()).slice(0, 1)).toEqual(before);
    expect((await one.own()).filter((name) => name.includes('-lock-'))).toEqual([]);
    expect(result.code).toBe(5);
    expect(documentOf(result).error).toMatchObject({
      code: 'JOURNAL_UNWRITABLE',
      hint: expect.stringContaining('system df') as unknown,
    });
  });

  test('when it fills up in the middle the step that cannot be written must not be made, and what was done is taken back', async ({
    expect,
    onTestFinished,
  }) => {
    const one = await sceneFor(onTestFinished);
    const relay = await relayFor(onTestFinished);
    const { fill } = await tinyJournal(one);
    relay.hooks = {
      after: async ({ path }) => (/^\/containers\/[0-9a-f]+\/stop/.test(path) ? await fill() : undefined),
    };
    const result = await restartThrough(one, relay);
    expect((await one.see())[0]?.running).toBe(true);
    expect((await one.own()).filter((name) => name.includes('-lock-'))).toEqual([]);
    expect(result.code).toBe(3);
    expect(documentOf(result).error).toMatchObject({
      code: 'ROLLED_BACK',
      message: expect.stringMatching(/^the journal on .* cannot be written/) as unknown,
    });
  });

  test('an engine that is away for a moment must be waited for, and the outcome of the step looked at', async ({
    expect,
    onTestFinished,
  }) => {
    const one = await sceneFor(onTestFinished);
    const relay = await relayFor(onTestFinished);
    relay.hooks = {
      after: ({ path }) => {
        if (!/^\/containers\/[0-9a-f]+\/stop/.test(path)) return;
        relay.down = true;
        setTimeout(() => (relay.down = false), 3000);
      },
    };
    const result = await restartThrough(one, relay);
    expect(await one.serves()).toBe(true);
    expect((await one.logs(one.containers[0] ?? '')).match(/stopping/g)).toHaveLength(1);
    expect(result.code, result.stderr).toBe(0);
    expect((await historyOf(one)).changes).toMatchObject([{ outcome: 'done' }]);
  });
});
