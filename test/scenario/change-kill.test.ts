/**
 * SIGKILL before and after every call with which a restart changes something, then `resume` or `abort` from another
 * machine. The short form takes a choice of the points; all of them: OPSCTL_TEST_KILL=all.
 */
import { describe, expect, inject, test } from 'vitest';

import { documentOf, historyOf, openScene, type Scene } from '../support/change-scene.ts';
import { type Asked, openRelay, type Relay } from '../support/engine-relay.ts';

const ALL = process.env['OPSCTL_TEST_KILL'] === 'all';
const RESTART = ['service', 'restart', 'app', '--yes', '--json'];
type Moment = 'before' | 'after';

/** What a call is for, for people who read a failure. */
const nameOf = ({ method, path, body }: Asked): string => {
  // A write may tell of several; the last is what is about to happen.
  const event =
    [...body.matchAll(/"type":"((?:step|undo)-[a-z]+|begin|end)"(?:[^{}]*?"step":"([^"]+)")?/g)].at(-1) ?? null;
  const short = path
    .replace(/\?.*/, '')
    .replace(/[0-9a-f]{64}/, 'id')
    .replace(/opsctl-change-[0-9a-f]+/g, 'x');
  return `${method} ${short}${event === null ? '' : ` ${event[1] ?? ''} ${event[2] ?? ''}`}`.trim();
};

/** A heartbeat comes when it comes; it is no point of the plan. */
const isBeat = ({ body }: Asked): boolean => body.startsWith('opsctl/beat-');

interface World {
  scene: Scene;
  relay: Relay;
}

async function inWorld(replicas: number, work: (world: World) => Promise<void>): Promise<void> {
  const scene = await openScene({ replicas });
  const relay = await openRelay(inject('platform').dockerHost);
  try {
    await work({ scene, relay });
  } finally {
    await relay.close();
    await scene.close();
  }
}

/** The calls of an undisturbed restart; of the second one, since the first makes the journal. */
async function callsOf({ scene, relay }: World): Promise<Asked[]> {
  for (let round = 0; round < 2; round += 1) {
    relay.changes.length = 0;
    const result = await scene.as('alice')(RESTART, { env: { DOCKER_HOST: relay.host } });
    expect(result.code, result.stderr).toBe(0);
  }
  return relay.changes.filter((asked) => !isBeat(asked));
}

/** Runs a restart and kills it at its nth changing call. */
async function killedAt({ scene, relay }: World, nth: number, moment: Moment, expected: Asked): Promise<void> {
  let seen = -1;
  let reached = '';
  let kill: () => void = () => undefined;
  relay.hooks = {
    [moment === 'before' ? 'before' : 'after']: async (asked: Asked) => {
      if (isBeat(asked)) return;
      seen += 1;
      if (seen !== nth) return;
      reached = nameOf(asked);
      kill();
      // The program is dead before it can see an answer, and the engine never sees a call of the dead.
      await new Promise((resolve) => setTimeout(resolve, 50));
      if (moment === 'before') throw new Error('killed');
    },
  };
  const result = await scene.as('alice')(RESTART, {
    env: { DOCKER_HOST: relay.host },
    onStart: (child) => (kill = () => void child.kill('SIGKILL')),
  });
  relay.hooks = {};
  expect(result.signal, `${result.stdout}${result.stderr}`).toBe('SIGKILL');
  expect(reached).toBe(nameOf(expected));
}

/** Frees the lock as an operator who knows that the holder is dead, and recovers. */
async function recoveredBy({ scene }: World, how: 'resume' | 'abort', point: string): Promise<void> {
  const bob = scene.as('bob');
  const before = (await historyOf(scene)).changes[0];
  const released = await bob([
    'lock',
    'release',
    '--reason',
    'killed by the test',
    '--confirm',
    scene.environment,
    '--json',
  ]);
  expect(released.code, `${point}: ${released.stderr}`).toBe(0);
  const unfinished = before?.actor === 'alice' && before.outcome !== 'done' ? before : undefined;
  const result = await bob([how, '--yes', '--json']);
  expect(await scene.serves(), `${point}, ${how}: ${result.stderr}`).toBe(true);
  const own = await scene.own();
  expect(
    own.filter((name) => !name.startsWith('opsctl-journal-')),
    `${point}: left over: ${result.stdout}${result.stderr}`,
  ).toEqual([]);
  if (unfinished === undefined) {
    // Killed before it began or after it ended: there is nothing to recover, which it says.
    expect(result.code, `${point}: ${result.stdout}`).toBe(2);
    expect(documentOf(result).error).toMatchObject({ code: 'NOT_FOUND', message: 'no change was left in the middle' });
    return;
  }
  expect(result.code, `${point}, ${how}: ${result.stdout}`).toBe(0);
  const { changes } = await historyOf(scene);
  const [recovery] = changes;
  expect(recovery, point).toMatchObject({ command: how, actor: 'bob', outcome: 'done', recovers: unfinished.id });
  expect(
    changes.find(({ id }) => id === unfinished.id),
    point,
  ).toMatchObject({ outcome: 'recovered', recoveredBy: recovery?.id, next: [] });
  expect(
    changes.every(({ outcome }) => outcome !== 'interrupted'),
    point,
  ).toBe(true);
  const { steps } = await historyOf(scene, unfinished.id);
  const expected = how === 'resume' ? ['done'] : ['done', 'undone', 'running', 'pending', 'failed'];
  expect(
    steps.filter(({ state }) => !expected.includes(state)),
    point,
  ).toEqual([]);
}

/** The points of the short form: the beginning, each kind of call of a step, the end. */
function chosen(calls: Asked[]): [number, Moment][] {
  const every = calls.flatMap((_, at): [number, Moment][] => [
    [at, 'before'],
    [at, 'after'],
  ]);
  if (ALL) return every;
  const wanted = [
    /^PUT .* begin/,
    /step-begin engine.stop/,
    /^POST .*stop$/,
    /^POST .*start$/,
    /step-begin engine.serving/,
  ];
  return calls.flatMap((asked, at): [number, Moment][] =>
    wanted.some((one) => one.test(nameOf(asked))) ? [[at, 'after']] : [],
  );
}

describe.concurrent('after a SIGKILL at any point', () => {
  for (const how of ['resume', 'abort'] as const) {
    test(
      `${how} from another machine must leave a platform that serves, no lock and a history that explains`,
      async () => {
        await inWorld(ALL ? 2 : 1, async (world) => {
          const calls = await callsOf(world);
          const points = chosen(calls);
          expect(points.length, calls.map(nameOf).join('\n')).toBeGreaterThan(4);
          for (const [at, moment] of points) {
            const asked = calls[at];
            if (asked === undefined) continue;
            await killedAt(world, at, moment, asked);
            await recoveredBy(world, how, `killed ${moment} ${nameOf(asked)}`);
          }
          const nothing = await world.scene.as('bob')([how, '--yes', '--json']);
          expect(nothing.code).toBe(2);
        });
      },
      ALL ? 1_800_000 : 600_000,
    );
  }

  test('a recovery that was killed itself must be recoverable', async () => {
    await inWorld(1, async (world) => {
      const { scene, relay } = world;
      const calls = await callsOf(world);
      const stop = calls.findIndex((asked) => /^POST .*stop$/.test(nameOf(asked)));
      const asked = calls[stop] ?? { method: '', path: '', body: '' };
      await killedAt(world, stop, 'after', asked);
      const [interrupted] = (await historyOf(scene)).changes;
      const free = ['lock', 'release', '--reason', 'killed by the test', '--confirm', scene.environment];
      for (const how of ['abort', 'resume'] as const) {
        expect((await scene.as('bob')(free)).code).toBe(0);
        let kill: () => void = () => undefined;
        relay.hooks = { before: (asked) => (/^POST .*start$/.test(nameOf(asked)) ? kill() : undefined) };
        const killed = await scene.as('bob')([how, '--yes'], {
          env: { DOCKER_HOST: relay.host },
          onStart: (child) => (kill = () => void child.kill('SIGKILL')),
        });
        relay.hooks = {};
        // A change whose taking back has begun is not finished any more.
        if (how === 'resume')
          expect(killed).toMatchObject({ code: 5, stderr: expect.stringContaining('was being taken back') as unknown });
        else expect(killed.signal, killed.stderr).toBe('SIGKILL');
        expect((await historyOf(scene, interrupted?.id)).changes[0]).toMatchObject({
          outcome: 'interrupted',
          next: [`opsctl abort ${interrupted?.id ?? ''}`],
        });
      }
      expect((await scene.as('carol')(free)).code).toBe(0);
      const result = await scene.as('carol')(['abort', '--yes', '--json']);
      expect(await scene.serves()).toBe(true);
      expect(result.code, result.stderr).toBe(0);
      const { changes } = await historyOf(scene);
      expect(changes.filter(({ command }) => command !== 'lock release')).toMatchObject([
        { command: 'abort', actor: 'carol', outcome: 'done', recovers: interrupted?.id },
        { command: 'abort', actor: 'bob', outcome: 'recovered' },
        { command: 'service restart', outcome: 'recovered', recoveredBy: changes[0]?.id },
        { command: 'service restart', outcome: 'done' },
        { command: 'service restart', outcome: 'done' },
      ]);
    });
  });
});
