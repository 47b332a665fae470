/**
 * SIGKILL at every step of a deploy and of a canary, then `resume` or `abort` from another machine, with visitors all
 * the time. The short form takes a choice of the steps; all of them: OPSCTL_TEST_KILL=all.
 */
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';

import { ensurePlatform } from '../../demo/platform.ts';
import {
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
} from '../support/deploy-scene.ts';
import { visit } from '../support/traffic.ts';

const ALL = process.env['OPSCTL_TEST_KILL'] === 'all';
const alice = as('alice');
const bob = as('bob');

const CHANGES: Record<string, { argv: string[]; short: RegExp }> = {
  'blue-green': {
    argv: ['deploy', 'blue-green', '--version', GOOD],
    short: /^replicas\.create:.*api|^lb\.route/,
  },
  canary: {
    argv: [
      'deploy',
      'canary',
      '--version',
      GOOD,
      '--auto-promote',
      '--steps',
      '30,100',
      '--step-duration',
      '5s',
      '--no-analysis',
    ],
    short: /^lb\.route:.*%|^release\.well:/,
  },
};

beforeAll(async () => {
  await ensurePlatform();
  await fresh();
});
afterAll(async () => {
  await ensurePlatform();
});

/** The ids of the steps that it would take now. */
async function stepsOf(argv: string[]): Promise<string[]> {
  const dry = await alice([...argv, '--dry-run', '--json']);
  expect(dry.code, dry.stdout).toBe(0);
  return (documentOf(dry).plan as { steps: { id: string }[] }).steps.map(({ id }) => id);
}

/** Runs it and kills it as soon as a step has begun: the call is on its way, or the gate waits. */
async function killedAt(argv: string[], step: string): Promise<void> {
  let kill: () => void = () => undefined;
  const result = await alice([...argv, '--yes', '--json=stream'], {
    onStart: (child) => {
      kill = () => void child.kill('SIGKILL');
      let text = '';
      child.stdout?.on('data', (chunk: string) => {
        text += chunk;
        if (text.split('\n').some((line) => line.includes('"step-begin"') && line.includes(JSON.stringify(step))))
          kill();
      });
    },
  });
  expect(result.signal, `${step}: ${result.stdout}${result.stderr}`).toBe('SIGKILL');
}

describe.each(Object.entries(CHANGES))('%s', (_name, { argv, short }) => {
  test(
    'killed at a step it must be resumed or aborted from another machine, with no request lost and nothing left over',
    async () => {
      const ids = (await stepsOf(argv)).filter((id) => ALL || short.test(id));
      expect(ids.length).toBeGreaterThan(1);
      for (const id of ids)
        for (const how of ['resume', 'abort'] as const) {
          const where = `${id}, ${how}`;
          const clients = visit({ base: inject('platform').http, gets: 4, posts: 2 });
          await killedAt(argv, id);
          await freeLock();
          const told = await status();
          expect([told.code, told.drift.length > 0], `${where}: ${JSON.stringify(told)}`).toEqual([1, true]);
          expect(told.next.join(' '), where).toContain(`opsctl ${how}`);
          const result = await bob([how, '--yes', '--json', '--set', 'deploy.watchMs=2000']);
          expect(result.code, `${where}: ${result.stdout}${result.stderr}`).toBe(0);
          const version = how === 'resume' ? GOOD : LIVE_AT_FIRST;
          expect(await versions(), where).toEqual({ api: version, web: version });
          const after = await status();
          expect(after, `${where}: ${JSON.stringify(after)}`).toMatchObject({ code: 0, canary: null, drift: [] });
          expect(await made(), where).toHaveLength(how === 'resume' ? 2 : 0);
          expect(await leftOver(), where).toEqual([]);
          if (how === 'resume') {
            const back = await alice(['deploy', 'blue-green', '--rollback', '--yes', '--json']);
            expect(back.code, `${where}: ${back.stdout}`).toBe(0);
          }
          const { failed } = await clients.stop();
          expect(failed, where).toEqual([]);
          await ensurePlatform();
          await fresh();
        }
    },
    ALL ? 7_200_000 : 600_000,
  );
});
