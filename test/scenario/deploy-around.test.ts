/**
 * What goes with a deploy: several containers of a service, a command of the new version before its traffic, commands of
 * the user before and after. On a compose project of its own.
 */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { stringify } from 'yaml';

import { compose } from '../../scripts/engine.ts';
import { attempt, run } from '../../scripts/run.ts';
import { documentOf, GOOD, LIVE_AT_FIRST } from '../support/deploy-scene.ts';
import { opsctl, type Result } from '../support/opsctl.ts';
import { waitUntil } from '../support/process.ts';
import { visit } from '../support/traffic.ts';

const REPLICAS = 2;
const id = randomBytes(4).toString('hex');
const project = `opsctl-replicas-${id}`;
const environment = `stage-${id}`;
let folder = '';
let base = '';

/** Docker on the engine of the tests. */
const docker = (...args: string[]): Promise<string> =>
  run(['docker', '--host', inject('platform').dockerHost, ...args]);

async function composeIn(...args: string[]): Promise<string> {
  const env = { DOCKER_HOST: inject('platform').dockerHost, RUN: id };
  return run([...(await compose()), '-f', 'compose.yaml', '-p', project, ...args], { cwd: folder, env });
}

const program = (...argv: string[]): Promise<Result> =>
  opsctl([...argv, '--json'], {
    cwd: folder,
    stateDirectory: path.join(folder, 'state'),
    timeoutMs: 300_000,
    env: { OPSCTL_CONFIG: path.join(folder, 'opsctl.yaml'), OPSCTL_ACTOR: 'alice' },
  });
const deploy = (...argv: string[]): Promise<Result> => program('deploy', 'blue-green', ...argv, '--yes');

interface Around {
  before?: string[];
  after?: string[];
  releaseCommand?: string[];
}

/** The configuration, with these commands around a deploy. */
async function configure({ before, after, releaseCommand }: Around = {}): Promise<void> {
  const hook = (command: string[] | undefined) => (command === undefined ? [] : [{ command, timeoutMs: 5000 }]);
  const production = {
    compose: { project, files: ['compose.yaml'], envFile: '.env' },
    services: {
      web: {
        health: `${base}/health`,
        ...(releaseCommand === undefined ? {} : { releaseCommand: { command: releaseCommand, timeoutMs: 15_000 } }),
      },
    },
    loadBalancer: { service: 'edge', health: `${base}/health` },
    deploy: { watchMs: 1000, drainMs: 20_000, hooks: { before: hook(before), after: hook(after) } },
  };
  await writeFile(
    path.join(folder, 'opsctl.yaml'),
    stringify({ version: 1, environments: { [environment]: production } }),
  );
}

interface Seen {
  drift: string[];
  colour: string;
  version: string;
  replicas: { state: string }[];
}

/** The service as `deploy status` has it. */
async function live(): Promise<Seen | undefined> {
  const result = await program('deploy', 'status');
  expect(result.code, result.stdout + result.stderr).toBe(0);
  return result.json<{ data: { services: Seen[] } }>().data.services[0];
}

/** What the newest change of the history tells, its steps with it. */
async function newest(): Promise<string> {
  const { data } = (await program('history')).json<{ data: { changes: { id: string }[] } }>();
  return (await program('history', data.changes[0]?.id ?? '')).stdout;
}

/** The environment variables of opsctl that a hook was given. */
const told = async (file: string): Promise<Record<string, string>> =>
  Object.fromEntries(
    (await readFile(path.join(folder, file), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => line.split('=') as [string, string]),
  );

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'opsctl-replicas-'));
  await cp(path.join(import.meta.dirname, 'projects', 'replicas'), folder, { recursive: true });
  await composeIn('up', '--detach', '--scale', `web=${REPLICAS.toString()}`);
  const edge = (await composeIn('ps', '--quiet', 'edge')).trim();
  base = `http://${(await docker('port', edge, '80/tcp')).trim().split('\n')[0] ?? ''}`;
  await waitUntil(
    async () => (await fetch(`${base}/health`).catch(() => undefined))?.ok === true,
    () => 'nothing answers',
  );
  await configure();
  const set = await program('lb', 'setup', '--yes');
  expect(set.code, set.stdout + set.stderr).toBe(0);
});

afterAll(async () => {
  const own = ['ps', '--all', '--quiet', '--filter', `label=com.docker.compose.project=${project}`];
  const opsctls = ['ps', '--all', '--quiet', '--filter', `name=${project}`];
  const ids = [...(await docker(...own)).split('\n'), ...(await docker(...opsctls)).split('\n')].filter(Boolean);
  await attempt(['docker', '--host', inject('platform').dockerHost, 'rm', '--force', '--volumes', ...ids]);
  await composeIn('down', '--volumes').catch(() => undefined);
  await attempt([
    ...['docker', '--host', inject('platform').dockerHost, 'volume', 'rm', '--force'],
    `opsctl-journal-${project}`,
  ]);
  await rm(folder, { recursive: true, force: true });
});

describe('a service of several containers', () => {
  test('a deploy must make as many, with no request lost, and hand each hook and the release command the facts', async () => {
    const say = (file: string): string[] => ['sh', '-c', `env | grep ^OPSCTL_ >${file}; echo said by ${file}`];
    await configure({
      before: say('before'),
      after: say('after'),
      releaseCommand: ['node', '-e', "console.log('migrated to', process.env.OPSCTL_RELEASE)"],
    });
    const clients = visit({ base, path: '/health', gets: 6, posts: 0, thinkMs: 5 });
    const there = await deploy('--version', GOOD);
    expect(there.code, there.stdout + there.stderr).toBe(0);
    expect(documentOf(there).data).toMatchObject({ running: null, drift: [] });
    expect(await live()).toMatchObject({
      ...{ colour: 'green', version: GOOD },
      replicas: Array.from({ length: REPLICAS }, () => ({ state: 'running' })),
    });
    for (const file of ['before', 'after'])
      expect(await told(file)).toMatchObject({
        OPSCTL_PROJECT: project,
        OPSCTL_ENVIRONMENT: environment,
        OPSCTL_VERSION: GOOD,
        OPSCTL_SERVICES: 'web',
        OPSCTL_COLOURS: 'green',
      });
    const history = await newest();
    for (const words of ['said by before', 'said by after', `migrated to ${GOOD}`]) expect(history).toContain(words);
    const back = await deploy('--rollback');
    expect(back.code, back.stdout + back.stderr).toBe(0);
    expect(await live()).toMatchObject({
      ...{ colour: 'blue', version: LIVE_AT_FIRST },
      replicas: Array.from({ length: REPLICAS }, () => ({ state: 'running' })),
    });
    const { failed, versions } = await clients.stop();
    expect(failed).toEqual([]);
    expect(Object.keys(versions).toSorted()).toEqual([LIVE_AT_FIRST, GOOD]);
  });

  test.each<[string, Around, RegExp]>([
    ['a hook before it fails', { before: ['sh', '-c', 'echo the gate is shut >&2; exit 7'] }, /gate is shut/],
    ['a hook before it hangs', { before: ['sleep', '300'] }, /did not end within 5 s/],
    [
      'its release command fails',
      { releaseCommand: ['sh', '-c', 'echo no such column >&2; exit 1'] },
      /no such column/,
    ],
    [
      'its release command hangs',
      { releaseCommand: ['sh', '-c', "echo begun; trap 'exit 1' TERM; sleep 300 & wait"] },
      /not seen done within 15 s.*begun/s,
    ],
  ])('when %s, the deploy must end with nothing changed, and say why', async (_name, around, why) => {
    await configure(around);
    const before = await live();
    const containers = (): Promise<string> =>
      docker('ps', '--all', '--filter', `name=${project}`, '--format', '{{.Names}}');
    const there = await containers();
    const clients = visit({ base, path: '/health', gets: 4, posts: 0, thinkMs: 5 });
    const result = await deploy('--version', 'v1.6.0-leak');
    expect(result.code, result.stdout).toBe(3);
    // What a release command did to data is not taken back, and that is told.
    expect(result.stdout.includes('what it did is kept')).toBe(around.releaseCommand !== undefined);
    expect(JSON.stringify(documentOf(result).error) + result.stderr).toMatch(why);
    expect(await live()).toMatchObject({ colour: before?.colour, version: before?.version, drift: [] });
    expect(await containers()).toEqual(there);
    const { failed, versions } = await clients.stop();
    expect([failed, Object.keys(versions)]).toEqual([[], [LIVE_AT_FIRST]]);
  });

  test('a failing hook after it must not take back what is live and well', async () => {
    await configure({ after: ['sh', '-c', 'echo no chat today >&2; exit 1'] });
    const result = await deploy('--version', GOOD);
    expect([result.code, result.stderr.includes('no chat today')], result.stdout + result.stderr).toEqual([0, true]);
    expect(await live()).toMatchObject({ version: GOOD });
    expect((await deploy('--rollback')).code).toBe(0);
  });

  test('where what is live was removed, as by compose down and up, the way out must be named and lead to answers', async () => {
    await configure();
    expect((await deploy('--version', GOOD)).code).toBe(0);
    const green = ['ps', '--all', '--quiet', '--filter', `label=opsctl.colour=green`, '--filter', `name=${project}`];
    await docker('rm', '--force', ...(await docker(...green)).split('\n').filter(Boolean));
    // Until nginx has looked the name up again, it tries the addresses that it knew.
    await waitUntil(
      async () => (await fetch(`${base}/health`)).status >= 500,
      () => 'still answers',
      90_000,
    );
    const health = await program('health', '--detailed', '--only', 'web', '--only', 'releases');
    expect(health.code, health.stdout).toBe(1);
    expect(health.stdout).toContain('opsctl deploy status');
    const told = await program('deploy', 'status');
    expect([told.code, told.json<{ data: { next: string[] } }>().data.next]).toEqual([
      1,
      ['opsctl deploy blue-green --rollback'],
    ]);
    const back = await deploy('--rollback');
    expect(back.code, back.stdout + back.stderr).toBe(0);
    expect((await fetch(`${base}/health`)).headers.get('x-version')).toBe(LIVE_AT_FIRST);
    expect(await live()).toMatchObject({ colour: 'blue', version: LIVE_AT_FIRST, drift: [] });
  });
});
