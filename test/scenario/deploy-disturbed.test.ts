/**
 * The ground shakes in the middle of a deploy: nginx or the engine with all containers restarts, nginx stays down, or the
 * host reboots. The short form has each at another moment; each at every moment: OPSCTL_TEST_KILL=all (`npm run test:deploy`).
 */
import { afterAll, beforeEach, describe, expect, inject, test } from 'vitest';

import { ensurePlatform } from '../../demo/platform.ts';
import { restartEngine } from '../../scripts/engine.ts';
import { PRIVATE_HOST } from '../../scripts/engine-find.ts';
import {
  ALL,
  as,
  docker,
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
import { waitUntil } from '../support/process.ts';
import { visit } from '../support/traffic.ts';

const DEPLOY = ['deploy', 'blue-green', '--version', GOOD];
const bob = as('bob');

const isSwitch = (id: string): boolean => /^lb\.route:[^:]*$/.test(id);

/** Steps in the order of a deploy, before and after the switch. */
const MOMENTS: [string, (id: string) => boolean][] = [
  ['while a new version becomes healthy', (id) => id.startsWith('engine.serving:')],
  ['at the switch', isSwitch],
  ['while the new version is watched', (id) => id === 'release.well'],
];

beforeEach(async () => {
  await ensurePlatform({ metrics: false });
  await fresh();
});
afterAll(async () => {
  await ensurePlatform({ metrics: false });
});

/** One version for all visitors, nothing left in the middle, and answers: whatever happened before. */
async function expectWhole(version: string, where: string): Promise<void> {
  const now = await status();
  expect(now, `${where}: ${JSON.stringify(now)}`).toMatchObject({ code: 0, canary: null, drift: [] });
  expect(await versions(), where).toEqual({ api: version, web: version });
  expect(await made(), where).toHaveLength(version === GOOD ? 2 : 0);
  expect(await leftOver(), where).toEqual([]);
  const clients = visit({ base: inject('platform').http, gets: 4, posts: 2 });
  await waitUntil(
    () => Promise.resolve((clients.report.versions[version] ?? 0) > 50),
    () => `${where}: no answers`,
  );
  const { failed, versions: seen } = await clients.stop();
  expect([failed, Object.keys(seen)], where).toEqual([[], [version]]);
}

/** Answers again, after all was down, with no container on its way up: a watch judges what visitors get meanwhile, too. */
async function waitForAnswers(): Promise<void> {
  const { http } = inject('platform');
  const answers = async (path: string): Promise<boolean> =>
    (await fetch(`${http}${path}`).catch(() => undefined))?.ok === true;
  let seen = 'nothing was seen';
  await waitUntil(
    async () => {
      const answered = (await answers('/api/health')) && (await answers('/'));
      const containers = await docker('ps', '--all', '--format', '{{.Names}} {{.Status}}');
      seen = `${answered ? 'it answers' : 'no answer'}; ${containers}`;
      return answered && !/\((?:health: starting|unhealthy)\)/.test(containers);
    },
    () => `the platform does not come back: ${seen}`,
    120_000,
  );
}

const ours = inject('platform').dockerHost === PRIVATE_HOST;
/** What happens, and the one moment of the short form. An engine that is not ours is not ours to restart. */
const SHOCKS: [string, number, boolean, (moment: string, isStep: (id: string) => boolean) => Promise<void>][] = [
  ['a restart of nginx must be survived, or end where it began', 1, true, nginxRestarts],
  [
    'a restart of the engine must be survived, or be taken back, or be recoverable from another machine',
    ...([0, ours, engineRestarts] as const),
  ],
  ['a reboot of the host must be recoverable from another machine', 2, ours, hostReboots],
];

describe.each(SHOCKS)('%s', (_what, short, can, happens) => {
  test.runIf(can).each(MOMENTS.filter((_moment, at) => ALL || at === short))('%s', happens);
});

test('an nginx that is down after a deploy was killed must be started as status says, and the deploy be ended then', async () => {
  const where = 'nginx down';
  await whenAt(DEPLOY, isSwitch, async (child) => {
    child.kill('SIGKILL');
    await docker('stop', 'ecommerce-nginx-prod');
  });
  await freeLock();
  const { code, next } = await status();
  expect([code, next[0]], where).toEqual([1, 'opsctl service restart nginx']);
  const started = await bob([...'service restart nginx'.split(' '), '--yes', '--json']);
  expect(started.code, started.stdout + started.stderr).toBe(0);
  await recover('abort', where);
  await expectWhole(LIVE_AT_FIRST, where);
});

async function nginxRestarts(moment: string, isStep: (id: string) => boolean): Promise<void> {
  const result = await whenAt(DEPLOY, isStep, () => docker('restart', 'ecommerce-nginx-prod'));
  expect(result.code, `${moment}: ${result.stdout}${result.stderr}`).toBeOneOf([0, 3]);
  await expectWhole(result.code === 0 ? GOOD : LIVE_AT_FIRST, moment);
}

async function engineRestarts(moment: string, isStep: (id: string) => boolean): Promise<void> {
  const result = await whenAt(DEPLOY, isStep, restartEngine);
  expect(result.code, `${moment}: ${result.stdout}${result.stderr}`).toBeOneOf([0, 3, 4]);
  await waitForAnswers();
  if (result.code === 4) await recover('abort', moment);
  await expectWhole(result.code === 0 ? GOOD : LIVE_AT_FIRST, moment);
}

async function hostReboots(moment: string, isStep: (id: string) => boolean): Promise<void> {
  const result = await whenAt(DEPLOY, isStep, async (child) => {
    child.kill('SIGKILL');
    await restartEngine();
  });
  expect(result.signal).toBe('SIGKILL');
  await waitForAnswers();
  await freeLock();
  const how = moment.startsWith('while a new') ? 'abort' : 'resume';
  await recover(how, moment);
  await expectWhole(how === 'resume' ? GOOD : LIVE_AT_FIRST, moment);
}

async function recover(how: 'resume' | 'abort', where: string): Promise<void> {
  const told = await status();
  expect([told.code, told.next.join(' ').includes(`opsctl ${how}`)], `${where}: ${JSON.stringify(told)}`).toEqual([
    1,
    true,
  ]);
  const result = await bob([how, '--yes', '--json', '--set', 'deploy.watchMs=2000']);
  expect(result.code, `${where}: ${result.stdout}${result.stderr}`).toBe(0);
  expect(documentOf(result).ok).toBe(true);
}
