/**
 * SIGKILL at every step of a deploy and of a canary, then `resume` or `abort` from another machine, with visitors all
 * the time. The short form takes a choice of the steps; all of them: OPSCTL_TEST_KILL=all.
 */
import { afterAll, describe, expect, inject, test } from 'vitest';

import { ensurePlatform } from '../../demo/platform.ts';
import {
  ALL,
  as,
  documentOf,
  fresh,
  freeLock,
  GOOD,
  LIVE_AT_FIRST,
  leftOver,
  made,
  status,
  versions,
  whenAt,
} from '../support/deploy-scene.ts';
import { visit } from '../support/traffic.ts';

const alice = as('alice');
const bob = as('bob');

interface Killed {
  /** Made before it, to the end. */
  before?: string[];
  argv: string[];
  /** The version that is live before and after it. */
  from: string;
  to: string;
  /** Containers of deploys, when it was taken back and when it was finished. */
  made: { abort: number; resume: number };
  /** Which step the short form takes, and what then. */
  short: [RegExp, 'resume' | 'abort'];
}

const CHANGES: Record<string, Killed> = {
  'blue-green': {
    argv: ['deploy', 'blue-green', '--version', GOOD],
    ...{ from: LIVE_AT_FIRST, to: GOOD, made: { abort: 0, resume: 2 } },
    short: [/^lb\.route/, 'abort'],
  },
  canary: {
    argv: [
      ...['deploy', 'canary', '--version', GOOD, '--auto-promote'],
      ...['--steps', '30,100', '--step-duration', '5s', '--no-analysis'],
    ],
    ...{ from: LIVE_AT_FIRST, to: GOOD, made: { abort: 0, resume: 2 } },
    short: [/^lb\.route:.*%/, 'resume'],
  },
  // The release before the live one is stopped at its beginning and removed at its end: what then cannot be taken back.
  'a second blue-green': {
    before: ['deploy', 'blue-green', '--version', GOOD],
    argv: ['deploy', 'blue-green', '--version', LIVE_AT_FIRST],
    ...{ from: GOOD, to: LIVE_AT_FIRST, made: { abort: 2, resume: 4 } },
    short: [/^engine\.stop:.*api/, 'resume'],
  },
};

afterAll(async () => {
  await ensurePlatform({ metrics: false });
});

/** The ids of the steps that it would take now. */
async function stepsOf(argv: string[]): Promise<string[]> {
  const dry = await alice([...argv, '--dry-run', '--json']);
  expect(dry.code, dry.stdout).toBe(0);
  return (documentOf(dry).plan as { steps: { id: string }[] }).steps.map(({ id }) => id);
}

/** Runs it and kills it at a step. */
async function killedAt(argv: string[], step: string): Promise<void> {
  const result = await whenAt(
    argv,
    (id) => id === step,
    (child) => child.kill('SIGKILL'),
  );
  expect(result.signal, `${step}: ${result.stdout}${result.stderr}`).toBe('SIGKILL');
}

/** Recovers it on another machine. What cannot be taken back any more is refused, and finished. */
async function recover(how: 'resume' | 'abort', where: string): Promise<'resume' | 'abort'> {
  const run = (verb: string): ReturnType<typeof bob> => bob([verb, '--yes', '--json', '--set', 'deploy.watchMs=2000']);
  const told = await status();
  expect([told.code, told.drift.length > 0], `${where}: ${JSON.stringify(told)}`).toEqual([1, true]);
  const tooLate = !told.next.join(' ').includes('opsctl abort');
  if (how === 'abort' && tooLate) {
    const refused = await run('abort');
    expect([refused.code, documentOf(refused).error?.code], where).toEqual([5, 'UNSAFE']);
  }
  const done = tooLate ? 'resume' : how;
  expect(told.next.join(' '), where).toContain(`opsctl ${done}`);
  const result = await run(done);
  expect(result.code, `${where}: ${result.stdout}${result.stderr}`).toBe(0);
  return done;
}

describe.each(Object.entries(CHANGES))(
  '%s',
  (_name, { before, argv, from, to, made: counts, short: [chosen, recovery] }) => {
    const prepare = async (): Promise<void> => {
      await ensurePlatform({ metrics: false });
      await fresh();
      if (before !== undefined) expect((await alice([...before, '--yes', '--json'])).code).toBe(0);
    };
    test(
      'killed at a step it must be resumed or aborted from another machine, with no request lost and nothing left over',
      async () => {
        await prepare();
        let isPrepared = true;
        const all = await stepsOf(argv);
        const ids = ALL ? all : all.filter((id) => chosen.test(id)).slice(0, 1);
        expect(ids.length).toBeGreaterThan(0);
        for (const id of ids)
          for (const how of ALL ? (['resume', 'abort'] as const) : [recovery]) {
            const where = `${id}, ${how}`;
            if (!isPrepared) await prepare();
            isPrepared = false;
            const clients = visit({ base: inject('platform').http, gets: 4, posts: 2 });
            await killedAt(argv, id);
            await freeLock();
            const done = await recover(how, where);
            const version = done === 'resume' ? to : from;
            expect(await versions(), where).toEqual({ api: version, web: version });
            const after = await status();
            expect(after, `${where}: ${JSON.stringify(after)}`).toMatchObject({ code: 0, canary: null, drift: [] });
            expect(await made(), where).toHaveLength(counts[done]);
            expect(await leftOver(), where).toEqual([]);
            if (done === 'resume') {
              const back = await alice(['deploy', 'blue-green', '--rollback', '--yes', '--json']);
              expect(back.code, `${where}: ${back.stdout}`).toBe(0);
            }
            const { failed } = await clients.stop();
            expect(failed, where).toEqual([]);
          }
      },
      ALL ? 7_200_000 : 600_000,
    );
  },
);
