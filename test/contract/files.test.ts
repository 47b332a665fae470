/** The files port: what holds on a disk and in memory. What only a disk can show is in unit/adapters/files.test.ts. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { openFiles } from '../../src/adapters/files.ts';
import type { FilesWriter } from '../../src/core/ports/local.ts';
import { type FakeFile, fakeFiles } from '../support/fakes/files.ts';

/** Files of which `.env` is the one of the configuration. */
interface World {
  files: FilesWriter;
  write(path: string, text: string): Promise<void>;
  text(path: string): Promise<string>;
  close(): Promise<void>;
}

const worlds: Record<string, () => Promise<World>> = {
  'a disk': async () => {
    const directory = await mkdtemp(join(tmpdir(), 'opsctl-files-'));
    return {
      files: openFiles({ directory, envFile: '.env' }),
      write: (path, text) => writeFile(join(directory, path), text),
      text: (path) => readFile(join(directory, path), 'utf8'),
      close: () => rm(directory, { recursive: true, force: true }),
    };
  },
  'the fake': async () => {
    const all = new Map<string, FakeFile>();
    return {
      files: fakeFiles(all),
      write: async (path, text) => void all.set(path, { text }),
      text: async (path) => all.get(path)?.text ?? '',
      close: async () => undefined,
    };
  },
};

describe.each(Object.keys(worlds))('files port: %s', (which) => {
  let world: World;
  beforeEach(async () => {
    world = await (worlds[which] as () => Promise<World>)();
  });
  afterEach(() => world.close());

  it('reads a file and tells when it was changed', async () => {
    await world.write('a.txt', 'grüße\n');
    expect(await world.files.read('a.txt')).toBe('grüße\n');
    expect(await world.files.modifiedAt('a.txt')).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  it('says NOT_FOUND for what is not there, and that it was never changed', async () => {
    const missing = { code: 'NOT_FOUND' };
    await expect(world.files.read('a.txt')).rejects.toMatchObject(missing);
    await expect(world.files.hasVariable('.env', 'A', null)).rejects.toMatchObject(missing);
    await expect(world.files.setVariable('.env', 'A', '1')).rejects.toMatchObject(missing);
    expect(await world.files.modifiedAt('a.txt')).toBeUndefined();
  });

  it('knows of nothing that keeps a file from being replaced, or why it cannot be', async () => {
    await world.write('.env', 'A=1\n');
    expect(await world.files.whyFixed('.env')).toBeUndefined();
    expect(await world.files.whyFixed('absent')).toBe('ENOENT');
  });

  it('sets a variable where it stands, adds it where it does not, and keeps all else', async () => {
    await world.write('.env', '# versions\nA=v1\nexport B=x\n');
    await world.files.setVariable('.env', 'A', 'v2');
    await world.files.setVariable('.env', 'A', 'v2');
    await world.files.setVariable('.env', 'B', 'y');
    await world.files.setVariable('.env', 'C', '3');
    expect(await world.text('.env')).toBe('# versions\nA=v2\nexport B=y\nC=3\n');
  });

  it('removes a variable', async () => {
    await world.write('.env', 'A=1\nB=2\nA=3\n');
    await world.files.setVariable('.env', 'A', null);
    await world.files.setVariable('.env', 'A', null);
    expect(await world.text('.env')).toBe('B=2\n');
  });

  it('tells whether a variable has a value, or is not there', async () => {
    await world.write('.env', "A='v1'\nEMPTY=\nB=1\nB=2\n");
    const has = (name: string, value: string | null) => world.files.hasVariable('.env', name, value);
    expect(await Promise.all([has('A', 'v1'), has('A', 'v2'), has('A', null)])).toEqual([true, false, false]);
    expect(await Promise.all([has('EMPTY', ''), has('EMPTY', null)])).toEqual([true, false]);
    expect(await Promise.all([has('B', '2'), has('B', '1')])).toEqual([true, false]);
    expect(await Promise.all([has('C', null), has('C', '')])).toEqual([true, false]);
  });

  it('changes no file but that of the configuration', async () => {
    await world.write('other.env', 'A=1\n');
    await expect(world.files.setVariable('other.env', 'A', '2')).rejects.toMatchObject({ code: 'UNSAFE' });
    await expect(world.files.setVariable('nowhere.env', 'A', '2')).rejects.toMatchObject({ code: 'UNSAFE' });
    expect(await world.text('other.env')).toBe('A=1\n');
    expect(await world.files.hasVariable('other.env', 'A', '1')).toBe(true);
  });
});
