/** The built program keeps what was compiled, and never believes what became of it since. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';

const program = path.resolve(import.meta.dirname, '../../../bin/opsctl');

interface Kept {
  home: string;
  folder(): string;
  files(): string[];
  help(env?: Record<string, string>): Promise<string>;
}

function openKept(): Kept {
  const home = mkdtempSync(path.join(tmpdir(), 'opsctl-kept-'));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  // Node makes a directory in it for its version and flags.
  const compile = path.join(home, 'opsctl', 'compile');
  const folder = (): string => path.join(compile, readdirSync(compile)[0] ?? '');
  return {
    home,
    folder,
    files: () =>
      readdirSync(folder())
        .filter((name) => name.startsWith('opsctl-'))
        .map((name) => path.join(folder(), name)),
    help: async (env = { XDG_CACHE_HOME: home }) => {
      const { stdout, stderr } = await execa(process.execPath, [program, 'cache', 'flush', '--help'], {
        env: { PATH: process.env['PATH'] ?? '', ...env },
        extendEnv: false,
        // Where a relative path would lead to.
        cwd: home,
      });
      expect(stderr).toBe('');
      return stdout;
    },
  };
}

const inode = (file: string): number => statSync(file).ino;

test('what a run compiled must be kept for its owner alone, and serve the next', async () => {
  const { files, help } = openKept();
  const first = await help();
  expect(first).toContain('--pattern');
  const [kept = '', ...others] = files();
  expect(others).toEqual([]);
  expect(statSync(kept).mode & 0o777).toBe(0o600);
  const before = inode(kept);
  expect(await help()).toBe(first);
  expect([files(), inode(kept)]).toEqual([[kept], before]);
});

test.each<[string, (bytes: Buffer) => Buffer]>([
  [
    'changed',
    (bytes) => Buffer.concat([bytes.subarray(0, 5000), Buffer.from([(bytes[5000] ?? 0) ^ 255]), bytes.subarray(5001)]),
  ],
  ['cut short', (bytes) => bytes.subarray(0, 5000)],
  ['emptied', () => Buffer.alloc(0)],
])('what was %s since must not be run, but made anew', async (_what, change) => {
  const { files, help } = openKept();
  const first = await help();
  const [kept = ''] = files();
  const good = readFileSync(kept);
  writeFileSync(kept, change(good));
  const before = inode(kept);
  expect(await help()).toBe(first);
  expect(inode(kept)).not.toBe(before);
  expect(readFileSync(kept).length).toBeGreaterThan(good.length / 2);
});

test('where nothing can be kept, nothing must be missed', async () => {
  const { help, home } = openKept();
  const file = path.join(tmpdir(), `opsctl-no-folder-${process.pid.toString()}`);
  writeFileSync(file, '');
  onTestFinished(() => rmSync(file));
  const first = await help();
  for (const env of [{ XDG_CACHE_HOME: file }, { XDG_CACHE_HOME: 'relative' }, {}, { HOME: '/nonexistent' }])
    expect(await help(env)).toBe(first);
  expect(readdirSync(home)).toEqual(['opsctl']);
});

test('the oldest must go once there are many', async () => {
  const { files, folder, help } = openKept();
  await help();
  const [kept = ''] = files();
  rmSync(kept);
  for (let age = 1; age <= 60; age += 1) {
    const old = path.join(folder(), `opsctl-of-another-build-${age.toString()}`);
    writeFileSync(old, '');
    utimesSync(old, Date.now() / 1000 - age * 60, Date.now() / 1000 - age * 60);
  }
  await help();
  expect([files().length, files().includes(kept), files().some((one) => one.endsWith('-60'))]).toEqual([
    40,
    true,
    false,
  ]);
});
