/** Releases that are bad, each in its own way: stopped at a gate or taken back by the watch, the stable one untouched. */
import { afterEach, beforeAll, expect, inject, test } from 'vitest';

import { ensurePlatform } from '../../demo/platform.ts';
import {
  ALL,
  as,
  documentOf,
  envVersions,
  fresh,
  LIVE_AT_FIRST,
  leftOver,
  made,
  status,
  versions,
} from '../support/deploy-scene.ts';
import { visit } from '../support/traffic.ts';

const alice = as('alice');

beforeAll(async () => {
  await ensurePlatform();
  await fresh();
});

/** What must be so after each of them. */
afterEach(async () => {
  expect(await versions()).toEqual({ api: LIVE_AT_FIRST, web: LIVE_AT_FIRST });
  expect(await status()).toMatchObject({ code: 0, canary: null, drift: [] });
  expect(await made()).toEqual([]);
  expect(await leftOver()).toEqual([]);
  expect(await envVersions()).toEqual([`API_VERSION=${LIVE_AT_FIRST}`, `WEB_VERSION=${LIVE_AT_FIRST}`]);
});

test.each<[string, string, string[], RegExp]>([
  ['crashes at its start', 'v1.4.0-crash', [], /PAYMENT_GATEWAY_URL|exited|restart/],
  ['never becomes healthy', 'v1.5.0-unhealthy', ['--set', 'deploy.healthyWithinMs=12000'], /not seen done within 12/],
])('a version that %s must stop at the gate, with no visitor touched', async (_name, version, more, why) => {
  const clients = visit({ base: inject('platform').http });
  const result = await alice(['deploy', 'blue-green', '--version', version, '--yes', '--json', ...more]);
  const { failed, versions: seen } = await clients.stop();
  expect(result.code, result.stdout + result.stderr).toBe(3);
  expect(JSON.stringify(documentOf(result).error)).toMatch(why);
  expect(failed).toEqual([]);
  expect(Object.keys(seen)).toEqual([LIVE_AT_FIRST]);
});

const WORSE: [string, string, string, RegExp][] = [
  ['fails 2 % of its requests', 'v1.2.0-errors', '/api/products', /v1\.2\.0-errors is worse than v1\.0\.0.*fail/],
  ['takes three times as long', 'v1.3.0-slow', '/api/slow?ms=60', /v1\.3\.0-slow is worse than v1\.0\.0.*p95/],
];

// In the short form the slow one is the canary's.
test.each(ALL ? WORSE : WORSE.slice(0, 1))(
  'a version that %s must be taken back by the watch',
  async (_name, version, path, why) => {
    const clients = visit({ base: inject('platform').http, path, gets: 12, posts: 2, thinkMs: 5 });
    // The version before is compared for as long before the switch.
    await new Promise((resolve) => setTimeout(resolve, 20_000));
    const result = await alice([
      ...['deploy', 'blue-green', '--version', version, '--service', 'api', '--yes', '--json'],
      ...['--set', 'deploy.watchMs=120000'],
    ]);
    const { lastAsked } = await clients.stop();
    expect(result.code, result.stdout + result.stderr).toBe(3);
    expect(documentOf(result).error?.message).toMatch(why);
    expect(lastAsked[LIVE_AT_FIRST]).toBeGreaterThan(lastAsked[version] ?? Infinity);
  },
  300_000,
);
