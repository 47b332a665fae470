import { access, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { openHooks } from '../../../src/adapters/hooks.ts';
import { pause, waitUntil } from '../../support/process.ts';
import { shop } from '../inspect/platform.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'opsctl-hooks-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const shell = (script: string): string[] => ['sh', '-c', script];

/** What the first hook before a deploy prints. */
async function run(command: string[], timeoutMs = 10_000, facts: Record<string, string> = {}): Promise<string> {
  const platform = shop({ deploy: { hooks: { before: [{ command, timeoutMs }] } } });
  const env = { PATH: process.env['PATH'], TOKEN: 'own' };
  return await openHooks({ ...platform, directory }, env).run('before', 0, facts);
}

/** Beats until it is ended, whatever else ends; it may have been asked to end before. */
const BEATING = 'while :; do echo >> beats; sleep 0.05; done';
const beats = async (): Promise<number> => (await readFile(path.join(directory, 'beats'))).length;
const beatsOn = async (): Promise<boolean> => {
  const before = await beats();
  await pause(500);
  return (await beats()) > before;
};

describe('a hook', () => {
  test('must be run without a shell where the configuration is, with the facts of the release in its environment, and nothing else that a journal says', async () => {
    expect(await run(['printf', '%s', '$(id) *'])).toBe('$(id) *');
    const facts = { OPSCTL_VERSION: 'v2', TOKEN: 'told', BASH_ENV: '/nonexistent', OPSCTL_CONFIG: '/elsewhere' };
    expect(await run(shell('pwd -P; echo $OPSCTL_VERSION $TOKEN $BASH_ENV $OPSCTL_CONFIG'), 10_000, facts)).toBe(
      `${directory}\nv2 own`,
    );
    expect(await run(['cat'])).toBe(''); // nobody types
  });

  test('must give all that it prints, in order', async () => {
    expect(await run(shell('echo one; sleep 0.1; echo two >&2; sleep 0.1; echo three'))).toBe('one\ntwo\nthree');
  });

  test('must be let finish however much it prints; the end of it is kept', async () => {
    const said = await run(
      shell(
        'i=0; while [ $i -lt 4000 ]; do echo $i.......................................................; i=$((i+1)); done; touch finished; echo the end',
      ),
    );
    await access(path.join(directory, 'finished'));
    expect(said.endsWith('\nthe end')).toBe(true);
    expect(said.length).toBeLessThanOrEqual(100_000);
  });

  test('that fails must be told with its exit code and its last words', async () => {
    await expect(run(shell('echo no room >&2; exit 3'))).rejects.toMatchObject({
      code: 'REJECTED',
      message: 'hook sh failed with exit code 3',
      details: { output: 'no room\n' },
    });
  });

  test.each([
    [['no-such-program', 'secret'], 'hook no-such-program cannot be run (ENOENT)'],
    [['/'], 'hook / cannot be run (EACCES)'],
    [shell('kill -9 $$'), 'hook sh cannot be run (killed)'],
  ])('%j must be told to be impossible', async (command, message) => {
    await expect(run(command)).rejects.toMatchObject({ code: 'REJECTED', message });
  });

  test('that does not end must be ended, and what it said be kept', async () => {
    await expect(run(shell('echo begun; exec sleep 60'), 500)).rejects.toMatchObject({
      code: 'TIMED_OUT',
      message: 'hook sh did not end within 500 ms',
      details: { output: 'begun\n' },
    });
  });

  test('that does not end must be ended with all that it started, also what does not heed being asked', async () => {
    const script = `(trap '' TERM; ${BEATING}) > /dev/null 2>&1 & sleep 60`;
    await expect(run(shell(script), 500)).rejects.toMatchObject({ code: 'TIMED_OUT' });
    expect(await beatsOn()).toBe(false);
  }, 20_000);

  test('must be done when it ends, although what it left running holds its output open', async () => {
    expect(await run(shell('sleep 8 & echo done'), 4000)).toBe('done');
    await expect(run(shell('sleep 8 & echo no room; exit 3'), 4000)).rejects.toMatchObject({
      message: 'hook sh failed with exit code 3',
      details: { output: 'no room\n' },
    });
  });

  test('that does not end must be given up, although what left its group holds its output open', async () => {
    await expect(run(shell('setsid sleep 15 & sleep 60'), 500)).rejects.toMatchObject({ code: 'TIMED_OUT' });
  });

  test('must be ended with all that it started when this program ends', async () => {
    const hook = { command: shell(`(${BEATING}) & sleep 60`), timeoutMs: 60_000 };
    const platform = { ...shop({ deploy: { hooks: { before: [hook] } } }), directory };
    const module = pathToFileURL(path.resolve('src/adapters/hooks.ts')).href;
    const program = `
      const { openHooks } = await import(${JSON.stringify(module)});
      openHooks(${JSON.stringify(platform)}, process.env).run('before', 0, {});
      process.on('SIGTERM', () => process.exit(130));`;
    const opsctl = execa(process.execPath, ['--input-type=module', '--eval', program], { reject: false });
    await waitUntil(
      async () => (await beats().catch(() => 0)) > 0,
      () => 'the hook does not start',
    );
    opsctl.kill();
    expect(await opsctl).toMatchObject({ exitCode: 130 });
    expect(await beatsOn()).toBe(false);
  }, 20_000);

  test('that this machine does not have must not be run', async () => {
    const hooks = openHooks({ ...shop(), directory }, {});
    await expect(hooks.run('after', 1, {})).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: 'the configuration here has no hook after 2',
    });
  });
});
