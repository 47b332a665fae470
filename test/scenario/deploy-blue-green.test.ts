/**
 * Blue-green deploys and rollbacks under load. The short form does two; as many as are promised:
 * OPSCTL_TEST_DEPLOYS=20 (`npm run test:deploy`).
 */
import { beforeAll, describe, expect, inject, test } from 'vitest';

import { composeRun, ensurePlatform } from '../../demo/platform.ts';
import {
  as,
  docker,
  documentOf,
  envVersions,
  fresh,
  GOOD,
  LIVE_AT_FIRST,
  made,
  status,
  versions,
} from '../support/deploy-scene.ts';
import { visit } from '../support/traffic.ts';

const ROUNDS = Number(process.env['OPSCTL_TEST_DEPLOYS'] ?? 2);
const alice = as('alice');

const deploy = (...argv: string[]) => alice(['deploy', 'blue-green', ...argv, '--yes', '--json']);

beforeAll(async () => {
  await ensurePlatform({ metrics: false });
  await fresh();
});

describe('deploy blue-green', () => {
  test('a dry run must change nothing, and its plan must be the one that is executed next', async () => {
    const seen = async (): Promise<string[]> => [
      await docker('ps', '--all', '--no-trunc', '--format', '{{.ID}} {{.Names}} {{.State}}'),
      await docker('exec', 'ecommerce-nginx-prod', 'find', '/etc/opsctl', '-printf', '%p %l %T@\n'),
      (await alice(['history', '--json'])).stdout.replace(/"cost".*/s, ''),
      ...(await envVersions()),
    ];
    const before = await seen();
    const since = Math.floor(Date.now() / 1000);
    const dry = await alice(['deploy', 'blue-green', '--version', GOOD, '--dry-run', '--json']);
    expect(dry.code, dry.stdout).toBe(0);
    const until = Math.ceil(Date.now() / 1000);
    expect(await seen()).toEqual(before);
    const events = await docker(
      'events',
      '--since',
      String(since),
      '--until',
      String(until),
      '--format',
      '{{.Type}} {{.Action}} {{.Actor.Attributes.name}}',
    );
    // Health checks, asking nginx for its configuration and reading files start programs and mount volumes for a moment.
    expect(
      events.split('\n').filter((line) => /^(?:container|network|image) (?!exec_|top|archive-path)/.test(line)),
    ).toEqual([]);
    const done = await deploy('--version', GOOD);
    expect(done.code, done.stdout + done.stderr).toBe(0);
    expect(documentOf(done).plan).toEqual(documentOf(dry).plan);
    expect(await versions()).toEqual({ api: GOOD, web: GOOD });
  });

  test('what is live already must need nothing', async () => {
    const result = await deploy('--version', GOOD);
    expect(result.code).toBe(0);
    expect(documentOf(result).plan).toMatchObject({ steps: [] });
  });

  test('compose must still see the services, and bring no old version back', async () => {
    expect(await envVersions()).toEqual([`API_VERSION=${GOOD}`, `WEB_VERSION=${GOOD}`]);
    expect(await composeRun(['ps'])).toContain('ecommerce-api-prod-green');
    const clients = visit({ base: inject('platform').http });
    await composeRun(['up', '--detach', '--no-build']);
    const { failed } = await clients.stop();
    expect(failed).toEqual([]);
    expect(await versions()).toEqual({ api: GOOD, web: GOOD });
    expect((await status()).drift).toEqual([]);
  });

  test('a rollback without a release before must be refused', async () => {
    // Compose made the release before anew, of the version that is live.
    expect((await deploy('--rollback')).code).toBe(5);
    await ensurePlatform({ metrics: false });
    await fresh();
    const result = await deploy('--rollback');
    expect(result.code, result.stdout).toBe(5);
    expect(documentOf(result).error).toMatchObject({ code: 'UNSAFE' });
  });

  test(
    `${ROUNDS.toString()} deploys and rollbacks under load must lose no request`,
    async () => {
      const clients = visit({ base: inject('platform').http, gets: 8, posts: 4, longs: 2, sockets: 2 });
      const rows: string[] = [];
      for (let round = 1; round <= ROUNDS; round += 1) {
        const there = await deploy('--version', GOOD);
        expect(there.code, there.stdout + there.stderr).toBe(0);
        expect(await versions()).toEqual({ api: GOOD, web: GOOD });
        const began = Date.now();
        const back = await deploy('--rollback');
        expect(back.code, back.stdout + back.stderr).toBe(0);
        expect(await versions()).toEqual({ api: LIVE_AT_FIRST, web: LIVE_AT_FIRST });
        const last = (clients.report.lastAsked[GOOD] ?? 0) - began;
        rows.push(
          `round ${round.toString()}: deploy ${(there.ms / 1000).toFixed(1)} s, rollback ${(back.ms / 1000).toFixed(1)} s, last answer of the version rolled back asked for after ${last.toString()} ms`,
        );
      }
      const report = await clients.stop();
      const { answered, longs, conversations } = report;
      process.stderr.write(
        `${rows.join('\n')}\n${answered.toString()} answers, ${longs.toString()} of 10 s, ${conversations.toString()} conversations, ${report.failed.length.toString()} failed\n`,
      );
      expect(report.failed).toEqual([]);
      expect(Math.min(longs, conversations)).toBeGreaterThan(0);
      // The version before the last one is there to go back to, and nothing else.
      expect(await made()).toHaveLength(2);
      expect(await status()).toMatchObject({ code: 0, drift: [] });
    },
    120_000 + ROUNDS * 90_000,
  );

  test('two at once: one must run, the other be refused and told who runs since when', async () => {
    const [one, two] = await Promise.all([
      deploy('--version', GOOD),
      as('carol')(['deploy', 'blue-green', '--version', GOOD, '--yes', '--json']),
    ]);
    expect([one.code, two.code].toSorted((a, b) => Number(a) - Number(b))).toEqual([0, 5]);
    const refused = one.code === 5 ? one : two;
    expect(documentOf(refused).error).toMatchObject({
      code: 'LOCKED',
      message: expect.stringMatching(/alice|carol/) as string,
    });
    expect(await status()).toMatchObject({ code: 0, drift: [] });
  });

  test('the release before must be stopped by retire, and start again for a rollback', async () => {
    expect((await alice(['deploy', 'retire', '--yes', '--json'])).code).toBe(5);
    const retired = await alice(['deploy', 'retire', '--force', '--yes', '--json']);
    expect(retired.code, retired.stdout).toBe(0);
    const { services } = await status();
    expect(services.map(({ previous }) => previous?.warm)).toEqual([false, false]);
    const back = await deploy('--rollback');
    expect(back.code, back.stdout + back.stderr).toBe(0);
    process.stderr.write(`rollback to a cold version: ${(back.ms / 1000).toFixed(1)} s\n`);
    expect(await versions()).toEqual({ api: LIVE_AT_FIRST, web: LIVE_AT_FIRST });
  });

  test('one service alone must leave the other as it is', async () => {
    const result = await deploy('--version', GOOD, '--service', 'api');
    expect(result.code, result.stdout).toBe(0);
    expect(await versions()).toEqual({ api: GOOD, web: LIVE_AT_FIRST });
    expect((await deploy('--rollback')).code).toBe(0);
    expect(await versions()).toEqual({ api: LIVE_AT_FIRST, web: LIVE_AT_FIRST });
  });
});

describe('bad input', () => {
  test.each<[string, string[], number, string]>([
    ['a version without an image', ['--version', 'v9.9.9'], 2, 'NOT_FOUND'],
    ['what cannot be a version', ['--version', 'v1 2'], 2, 'USAGE'],
    ['a service that is none', ['--version', GOOD, '--service', 'postgres'], 2, 'USAGE'],
    ['no version', [], 2, 'USAGE'],
  ])('%s must be refused', async (_name, argv, code, error) => {
    const result = await deploy(...argv);
    expect(result.code, result.stdout).toBe(code);
    expect(documentOf(result).error).toMatchObject({ code: error });
  });

  test('without --yes and a terminal nothing must happen', async () => {
    const result = await alice(['deploy', 'blue-green', '--version', GOOD, '--json']);
    expect(result.code).toBe(5);
    expect(await versions()).toEqual({ api: LIVE_AT_FIRST, web: LIVE_AT_FIRST });
  });
});
