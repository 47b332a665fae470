/** Canaries with real traffic, judged by what the real Prometheus counted. */
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';

import { ensurePlatform } from '../../demo/platform.ts';
import {
  ALL,
  as,
  docker,
  documentOf,
  fresh,
  GOOD,
  LIVE_AT_FIRST,
  made,
  status,
  versions,
} from '../support/deploy-scene.ts';
import { DEMO_CONFIG } from '../support/opsctl.ts';
import { visit } from '../support/traffic.ts';

const alice = as('alice');
const canary = (...argv: string[]) => alice(['deploy', 'canary', ...argv, '--service', 'api', '--yes', '--json']);
const busy = (path = '/api/products') => visit({ base: inject('platform').http, path, gets: 16, posts: 4, thinkMs: 5 });

beforeAll(async () => {
  await ensurePlatform();
});

const WORSE: [string, string, string, RegExp][] = [
  ['2 % errors', 'v1.2.0-errors', '/api/products', /fail/],
  ['three times the latency', 'v1.3.0-slow', '/api/slow?ms=60', /p95/],
];

describe('deploy canary', () => {
  beforeEach(async () => {
    const { canary: one } = await status().catch(() => ({ canary: null }));
    if (one !== null) await alice(['deploy', 'canary', '--rollback', '--yes', '--json']);
    await fresh();
  });

  // In the short form the one with errors is the watch's.
  test.each(ALL ? WORSE : WORSE.slice(1))(
    'with %s it must be failed at the first step with enough samples, and taken back',
    async (_name, version, path, why) => {
      const clients = busy(path);
      const result = await canary(
        '--version',
        version,
        '--auto-promote',
        '--steps',
        '30,60,100',
        '--step-duration',
        '40s',
      );
      await clients.stop();
      expect(result.code, result.stdout + result.stderr).toBe(3);
      expect(documentOf(result).error?.message).toMatch(/is worse than v1\.0\.0/);
      expect(documentOf(result).error?.message).toMatch(why);
      expect(await versions()).toMatchObject({ api: LIVE_AT_FIRST });
      expect(await status()).toMatchObject({ code: 0, canary: null });
      expect(await made()).toEqual([]);
    },
  );

  test('a good version must be walked through its steps to all visitors, without a failed request', async () => {
    const clients = busy();
    const result = await canary('--version', GOOD, '--auto-promote', '--steps', '40,100', '--step-duration', '30s');
    const { failed, versions: seen } = await clients.stop();
    expect(result.code, result.stdout + result.stderr).toBe(0);
    expect(failed).toEqual([]);
    expect(Object.keys(seen).toSorted()).toEqual([LIVE_AT_FIRST, GOOD]);
    expect(await versions()).toMatchObject({ api: GOOD });
    const back = await alice(['deploy', 'blue-green', '--rollback', '--yes', '--json']);
    expect(back.code, back.stdout).toBe(0);
  });

  test('without traffic it must end inconclusive and paused, never promoted; and be resumable, abortable, promotable by force', async () => {
    await ensurePlatform();
    await fresh();
    await docker('stop', 'ecommerce-load-prod');
    try {
      const result = await canary('--version', GOOD, '--auto-promote', '--steps', '10,100', '--step-duration', '5s');
      expect(result.code, result.stdout + result.stderr).toBe(6);
      expect(documentOf(result).error).toMatchObject({ code: 'PAUSED' });
      const paused = await status();
      expect(paused).toMatchObject({ code: 1, canary: { percent: 10, services: ['api'] } });
      expect(await versions()).toMatchObject({ api: LIVE_AT_FIRST });
      const refused = await alice(['deploy', 'promote', '--yes', '--json']);
      expect(refused.code, refused.stdout).toBe(5);
      const forced = await alice(['deploy', 'promote', '--force', '--yes', '--json']);
      expect(forced.code, forced.stdout + forced.stderr).toBe(0);
      expect(await versions()).toMatchObject({ api: GOOD });
      expect(await status()).toMatchObject({ code: 0, canary: null, drift: [] });
    } finally {
      await docker('start', 'ecommerce-load-prod');
    }
    expect((await alice(['deploy', 'blue-green', '--rollback', '--yes', '--json'])).code).toBe(0);
  });

  test('by hand it must stay at its share until it is taken back', async () => {
    await ensurePlatform();
    await fresh();
    const clients = busy();
    const result = await canary(
      '--version',
      GOOD,
      '--initial-traffic-percent',
      '25',
      '--step-duration',
      '20s',
      '--no-analysis',
    );
    expect(result.code, result.stdout + result.stderr).toBe(0);
    expect(await status()).toMatchObject({ canary: { percent: 25 } });
    const second = await alice(['deploy', 'blue-green', '--version', GOOD, '--yes', '--json']);
    expect(second.code, second.stdout).toBe(5);
    const back = await alice(['deploy', 'canary', '--rollback', '--yes', '--json']);
    const { failed, versions: seen } = await clients.stop();
    expect(back.code, back.stdout + back.stderr).toBe(0);
    expect(failed).toEqual([]);
    const share = (seen[GOOD] ?? 0) / ((seen[GOOD] ?? 0) + (seen[LIVE_AT_FIRST] ?? 0));
    expect(share).toBeGreaterThan(0.05);
    expect(share).toBeLessThan(0.4);
    expect(await status()).toMatchObject({ code: 0, canary: null });
    expect(await made()).toEqual([]);
  });
});

describe('bad input', () => {
  test.each<[string, string[], number]>([
    ['a weight of 0', ['--version', GOOD, '--initial-traffic-percent', '0'], 2],
    ['a weight of 100', ['--version', GOOD, '--initial-traffic-percent', '100'], 2],
    ['steps that fall', ['--version', GOOD, '--steps', '50,5'], 2],
    ['a step without a length', ['--version', GOOD, '--step-duration', 'soon'], 2],
    ['--rollback of one service', ['--rollback'], 2],
  ])('%s must be refused', async (_name, argv, code) => {
    const result = await canary(...argv);
    expect(result.code, result.stdout).toBe(code);
  });

  test('--rollback without a canary must be refused', async () => {
    const result = await alice(['deploy', 'canary', '--rollback', '--yes', '--json']);
    expect(result.code, result.stdout).toBe(5);
  });

  test.each<[string, (text: string) => string, number]>([
    ['without Prometheus', (text) => text.replace(/^ {4}prometheus:\n(?: {6}.*\n)+/m, ''), 2],
    [
      'with one that does not answer',
      (text) => text.replace(/(\n {4}prometheus:\n.*\n {6}url: ).*/, '$1http://127.0.0.1:1'),
      6,
    ],
  ])('%s it must be refused before anything is made, and told what to do', async (_name, changed, code) => {
    const config = path.join(await mkdtemp(path.join(tmpdir(), 'opsctl-canary-')), 'opsctl.yaml');
    await writeFile(config, changed(await readFile(DEMO_CONFIG, 'utf8')));
    const result = await canary('--version', GOOD, '--config', config);
    expect(result.code, result.stdout).toBe(code);
    expect(result.stdout).toContain('--no-analysis');
    expect(result.stdout).not.toContain('resume');
  });
});
