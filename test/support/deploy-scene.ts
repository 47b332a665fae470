/** Deploys on the reference platform: by whom, what is live, what is there afterwards. */
import type { ChildProcess } from 'node:child_process';

import { expect, inject } from 'vitest';

import { run } from '../../scripts/run.ts';
import { documentOf } from './change-scene.ts';
import { machine, type Result, type RunOptions } from './opsctl.ts';

/** The long form: all of what the short one takes a choice of. */
export const ALL = process.env['OPSCTL_TEST_KILL'] === 'all';
export const LIVE_AT_FIRST = 'v1.0.0';
export const GOOD = 'v1.1.0';
/** Shorter than for visitors: what is tested is that it is watched, not for how long. */
const QUICK = ['--set', 'deploy.watchMs=2000', '--set', 'deploy.healthyWithinMs=20000'];

const people = new Map<string, ReturnType<typeof machine>>();

/** Runs the program as somebody on a machine of their own. */
export function as(name: string): (argv: string[], options?: RunOptions) => Promise<Result> {
  const known = people.get(name) ?? machine(name);
  people.set(name, known);
  return (argv, options) =>
    known(argv[0] === 'deploy' ? [...argv.slice(0, 2), ...QUICK, ...argv.slice(2)] : argv, {
      timeoutMs: 400_000,
      ...options,
    });
}

const alice = as('alice');

export const docker = (...args: string[]): Promise<string> =>
  run(['docker', '--host', inject('platform').dockerHost, ...args]);

/** A service in `deploy status`. */
export interface ServiceState {
  service: string;
  colour: string;
  version: string | null;
  weight: number;
  replicas: { name: string; state: string }[];
  previous: { version: string | null; warm: boolean; replicas: { name: string; state: string }[] } | null;
  drift: string[];
}

export interface State {
  services: ServiceState[];
  canary: {
    services: string[];
    percent: number;
    compared: { service: string; analysis: { verdict: string } }[];
  } | null;
  drift: string[];
  next: string[];
}

export async function status(): Promise<State & { code: number | null }> {
  const result = await alice(['deploy', 'status', '--json']);
  return { code: result.code, ...result.json<{ data: State }>().data };
}

/** The versions that are live, by service. */
export async function versions(): Promise<Record<string, string | null>> {
  const { services } = await status();
  return Object.fromEntries(services.map(({ service, version }) => [service, version]));
}

/** Makes the load balancer ready; the first version live alone, whatever was tried before. */
export async function fresh(): Promise<void> {
  // What an earlier test left in the middle, when it failed, is no matter of the next.
  while ((await status()).next.some((command) => command.startsWith('opsctl abort')))
    expect((await alice(['abort', '--yes', '--json'])).code).toBe(0);
  const set = await alice(['lb', 'setup', '--yes', '--json']);
  expect(set.code, set.stdout + set.stderr).toBe(0);
  expect(await status()).toMatchObject({ code: 0, canary: null, drift: [] });
}

/** Names of all containers that deploys made. Those of other tests are not of here, even after a test run that was killed. */
export async function made(): Promise<string[]> {
  const names = await docker('ps', '--all', '--filter', 'label=opsctl.deploy', '--format', '{{.Names}}');
  return names
    .split('\n')
    .filter((name) => /^(?!opsctl-test-)./.test(name))
    .toSorted();
}

/** Containers that opsctl has for itself, but the journal: locks and probes that were forgotten. Scenes of other tests are not of here. */
export async function leftOver(): Promise<string[]> {
  const names = await docker('ps', '--all', '--format', '{{.Names}}');
  return names
    .split('\n')
    .filter((name) => /^opsctl-(?!journal-|change-|test-)/.test(name) || name.includes('-release-r'));
}

/** The lock of a program that was killed, freed by somebody who knows that. */
export async function freeLock(): Promise<void> {
  const result = await as('bob')([
    'lock',
    'release',
    '--reason',
    'killed by the test',
    '--confirm',
    'production',
    '--json',
  ]);
  if (result.code !== 0 && !result.stdout.includes('NOT_FOUND') && !result.stdout.includes('"free"'))
    throw new Error(result.stdout + result.stderr);
}

/**
 * Runs a change and does something to it or to the platform as soon as a step has begun: its call is on its way, or its gate
 * waits. Once; `act` is waited for.
 */
export async function whenAt(
  argv: string[],
  isStep: (id: string) => boolean,
  act: (child: ChildProcess) => unknown,
): Promise<Result> {
  let acted: Promise<unknown> | undefined;
  const result = await alice([...argv, '--yes', '--json=stream'], {
    onStart: (child) => {
      let text = '';
      child.stdout?.on('data', (chunk: string) => {
        text += chunk;
        const begun = [...text.matchAll(/"step-begin","step":"([^"]*)"/g)].map(([, id]) => id ?? '');
        if (begun.some(isStep)) acted ??= Promise.resolve(act(child));
      });
    },
  });
  await acted;
  if (acted === undefined) throw new Error(`never came to that step: ${result.stdout}${result.stderr}`);
  return result;
}

/** What `.env` says of the versions, as compose would read it. */
export const envVersions = async (): Promise<string[]> =>
  (await run(['grep', '-E', '^(API|WEB)_VERSION=', new URL('../../demo/.env', import.meta.url).pathname]))
    .trim()
    .split('\n');

export { documentOf };
