import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { openCompose } from '../../../src/adapters/compose.ts';
import { shop } from '../inspect/platform.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'opsctl-compose-'));
  await mkdir(path.join(directory, 'bin'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const hash = 'b'.repeat(64);

/** A program in the only directory of the PATH. It notes how it was called. */
async function program(name: string, script: string): Promise<void> {
  const file = path.join(directory, 'bin', name);
  await writeFile(file, `#!/bin/sh\necho "$0 $* V=$V" >> ${directory}/called\n${script}\n`);
  await chmod(file, 0o755);
}
async function hashes(services: string[], files = ['compose.yml']): Promise<Record<string, string>> {
  const compose = { project: 'shop', files, envFile: '.env' };
  const opened = openCompose({ ...shop({ compose }), directory }, { PATH: path.join(directory, 'bin'), V: 'old' });
  return await opened.hashes(services, { V: 'v2' });
}
const called = async (): Promise<string[]> =>
  (await readFile(path.join(directory, 'called'), 'utf8')).replaceAll(`${directory}/`, '').trim().split('\n');

test('compose must be asked for the hashes with the files of the platform and the new version', async () => {
  await program('docker', `echo "api ${hash}"; echo "web ${hash}"`);
  expect(await hashes(['api', 'web'])).toEqual({ api: hash, web: hash });
  expect(await called()).toEqual([
    'bin/docker compose --project-name shop --file compose.yml --env-file .env config --hash api,web V=v2',
  ]);
});

test('version 1 must be asked where version 2 is not there or fails', async () => {
  await program('docker-compose', `echo "api  ${hash}"`);
  expect(await hashes(['api'])).toEqual({ api: hash });
  await program('docker', 'echo unknown flag >&2; exit 125');
  expect(await hashes(['api'])).toEqual({ api: hash });
  expect(await called()).toHaveLength(3);
});

test('only hashes of what was asked for must be believed', async () => {
  await program('docker', `echo "WARNING: api is old"; echo "db ${hash}"; echo "api 123"; echo "web ${hash} x"`);
  expect(await hashes(['api', 'web'])).toEqual({});
});

test('without compose, or without files, there must be none', async () => {
  expect(await hashes(['api'])).toEqual({});
  await program('docker', `echo "api ${hash}"`);
  expect(await hashes(['api'], [])).toEqual({});
});
