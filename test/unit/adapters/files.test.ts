import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { openFiles } from '../../../src/adapters/files.ts';
import type { FilesWriter } from '../../../src/core/ports/local.ts';

let directory: string;
let files: FilesWriter;
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'opsctl-files-'));
  files = openFiles({ directory, envFile: '.env' });
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const at = (name: string): string => path.join(directory, name);
const text = (name = '.env'): Promise<string> => readFile(at(name), 'utf8');
const write = (content: string, name = '.env'): Promise<void> => writeFile(at(name), content);

describe('setting a variable', () => {
  test.each([
    ['A=v1\n# kept\nB=x', 'A=v2\n# kept\nB=x'],
    ['A="v1" # live\n', 'A="v2" # live\n'],
    ['A=v1\r\nB=x\r\n', 'A=v2\r\nB=x\r\n'],
    ['B=x', 'B=x\nA=v2\n'],
  ])('must change %j to %j', async (before, after) => {
    await write(before);
    await files.setVariable('.env', 'A', 'v2');
    expect(await text()).toBe(after);
    expect(await files.hasVariable('.env', 'A', 'v2')).toBe(true);
    expect(await files.hasVariable('.env', 'A', 'v1')).toBe(false);
    expect(await readdir(directory)).toEqual(['.env']);
  });

  test('must be taken back by setting it to what it was, or to nothing', async () => {
    const before = 'A="v1" # live\n';
    await write(before);
    await files.setVariable('.env', 'A', 'v2');
    await files.setVariable('.env', 'A', 'v1');
    expect(await text()).toBe(before);
    await files.setVariable('.env', 'N', '1');
    await files.setVariable('.env', 'N', null);
    expect(await files.hasVariable('.env', 'N', null)).toBe(true);
    expect(await text()).toBe(before);
  });

  test.each([
    ['A', 'v2\nB=injected'],
    ['A=v2\nB', 'x'],
  ])('must be refused for %j and %j, and change nothing', async (name, value) => {
    await write('A=v1\n');
    await expect(files.setVariable('.env', name, value)).rejects.toMatchObject({ code: 'REJECTED' });
    expect(await text()).toBe('A=v1\n');
  });

  test('must replace the file as a whole: whoever has it open sees the old text to its end', async () => {
    await write('A=v1\n');
    const before = await stat(at('.env'));
    await files.setVariable('.env', 'A', 'v2');
    expect((await stat(at('.env'))).ino).not.toBe(before.ino);
  });

  test('must never show part of the file to whoever reads it meanwhile', async () => {
    const filler = `B=${'x'.repeat(200_000)}\n`;
    await write(`${filler}A=v0\nZ=end\n`);
    const done = new AbortController();
    const read = async (): Promise<Set<string>> => {
      const seen = new Set<string>();
      while (!done.signal.aborted) seen.add((await text()).replace(filler, ''));
      return seen;
    };
    const reader = read();
    for (let n = 1; n <= 20; n++) await files.setVariable('.env', 'A', `v${n.toString()}`);
    done.abort();
    for (const one of await reader) expect(one).toMatch(/^A=v\d+\nZ=end\n$/);
  });

  test.each([0o600, 0o640, 0o664, 0o666])(
    'must keep mode %o, whatever the mask of the user takes away',
    async (mode) => {
      await write('A=v1\n');
      await chmod(at('.env'), mode);
      await files.setVariable('.env', 'A', 'v2');
      expect((await stat(at('.env'))).mode & 0o777).toBe(mode);
    },
  );

  test('must write nothing when it is so already', async () => {
    await write('A=v1\n');
    const before = await stat(at('.env'));
    await files.setVariable('.env', 'A', 'v1');
    expect((await stat(at('.env'))).ino).toBe(before.ino);
  });

  test('must change the file behind a link and leave the link', async () => {
    await write('A=v1\n', 'production.env');
    await symlink('production.env', at('.env'));
    await files.setVariable('.env', 'A', 'v2');
    expect(await text('production.env')).toBe('A=v2\n');
    expect((await readdir(directory)).toSorted()).toEqual(['.env', 'production.env']);
  });
});

describe('only the .env file of the configuration', () => {
  test('may be changed, by whatever path', async () => {
    await mkdir(at('x'));
    await write('A=v1\n');
    await files.setVariable('x/../.env', 'A', 'v2');
    await files.setVariable(at('.env'), 'A', 'v3');
    expect(await text()).toBe('A=v3\n');
  });

  test.each(['other.env', '../.env', 'x/.env', ''])('may be changed, not %j', async (name) => {
    await write('A=v1\n', 'other.env');
    await expect(files.setVariable(name, 'A', 'v2')).rejects.toMatchObject({ code: 'UNSAFE' });
    expect(await text('other.env')).toBe('A=v1\n');
  });

  test('may be changed, so none where it names none', async () => {
    await write('A=v1\n');
    await expect(openFiles({ directory }).setVariable('.env', 'A', 'v2')).rejects.toMatchObject({ code: 'UNSAFE' });
    expect(await text()).toBe('A=v1\n');
  });
});

test('what cannot be read must be told by its path', async () => {
  await expect(files.setVariable('.env', 'A', 'v2')).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: `there is no file ${at('.env')}`,
  });
  await expect(files.hasVariable('.env', 'A', null)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await mkdir(at('.env'));
  await expect(files.setVariable('.env', 'A', 'v2')).rejects.toMatchObject({ code: 'REJECTED' });
  await expect(files.read('large')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await write('x'.repeat(1_048_577), 'large');
  await expect(files.read('large')).rejects.toMatchObject({ code: 'REJECTED' });
  expect(await files.modifiedAt('absent')).toBeUndefined();
});

describe('why a file cannot be replaced', () => {
  test('must be nothing where it can, and an answer where there is none', async () => {
    await write('A=v1\n');
    await chmod(at('.env'), 0o444);
    expect(await files.whyFixed('.env')).toBeUndefined();
    expect(await files.whyFixed('absent')).toBe('ENOENT');
  });

  // Root may write everywhere.
  test.skipIf(process.getuid?.() === 0)('must be told where its directory bears no other file', async () => {
    await mkdir(at('fixed'));
    await write('A=v1\n', 'fixed/.env');
    await chmod(at('fixed'), 0o555);
    expect(await files.whyFixed('fixed/.env')).toBe('EACCES');
  });
});
