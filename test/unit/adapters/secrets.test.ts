import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { containerVariables, openSecrets } from '../../../src/adapters/secrets.ts';
import type { SecretRef } from '../../../src/core/platform.ts';
import { container, engineOf } from '../../support/containers.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'opsctl-secrets-'));
});
afterAll(() => rm(directory, { recursive: true }));

const environment = {
  DB_PASSWORD: 'from-the-container',
  TOKEN_FILE: '/run/secrets/token',
  LOST_FILE: '/run/secrets/lost',
  EMPTY: '',
};

async function resolve(ref: SecretRef, service?: string): Promise<string> {
  const engine = engineOf([container()], { environment, files: { '/run/secrets/token': 'from-the-secret-file\n' } });
  const secrets = openSecrets({
    env: { PATH: process.env['PATH'], TOKEN: 'from-the-environment', EMPTY: '' },
    directory,
    containerVariable: containerVariables(engine, 'test'),
  });
  return (await secrets.resolve(ref, service)).reveal();
}

const missing = (ref: SecretRef, service?: string): Promise<{ code: string; message: string; hint: string }> =>
  resolve(ref, service).then(
    () => expect.unreachable('the secret was found'),
    (error: { code: string; message: string; hint: string }) => error,
  );

describe('a secret must be found', () => {
  test('in the environment', async () => {
    expect(await resolve({ env: 'TOKEN' })).toBe('from-the-environment');
  });
  test('in a file relative to the configuration, its last line feed dropped and no more', async () => {
    await writeFile(path.join(directory, 'one'), ' with space \n\n');
    expect(await resolve({ file: 'one' })).toBe(' with space \n');
    await writeFile(path.join(directory, 'two'), 'windows\r\n');
    expect(await resolve({ file: 'two' })).toBe('windows');
  });
  test('in the output of a program, which is run without a shell', async () => {
    expect(await resolve({ command: ['printf', '%s\\n', '$(id) "quoted"'] })).toBe('$(id) "quoted"');
  });
  test("in the container's environment, NAME_FILE followed", async () => {
    expect(await resolve({ container: 'DB_PASSWORD' }, 'db')).toBe('from-the-container');
    expect(await resolve({ container: 'TOKEN' }, 'db')).toBe('from-the-secret-file');
  });
});

describe('a secret that is missing must be told by where it was looked for', () => {
  test.each<[SecretRef, string | undefined, string]>([
    [{ env: 'NONE' }, undefined, 'environment variable NONE is not set'],
    [{ env: 'EMPTY' }, undefined, 'environment variable EMPTY is empty'],
    [{ file: 'nowhere' }, undefined, 'nowhere does not exist'],
    [{ file: '.' }, undefined, 'is a directory'],
    [{ command: ['false'] }, undefined, 'secret command false failed: exit code 1'],
    [{ command: ['true'] }, undefined, 'secret command true is empty'],
    [
      { command: ['no-such-program', 'account-of-somebody'] },
      undefined,
      'secret command no-such-program failed: ENOENT',
    ],
    [{ container: 'NONE' }, 'db', 'variable NONE (or NONE_FILE) of the container of db is not set'],
    [{ container: 'EMPTY' }, 'db', 'of the container of db is empty'],
    [{ container: 'NONE' }, 'other', 'of the container of other is not set'],
    [{ container: 'NONE' }, undefined, 'no service is configured whose container could have NONE'],
    [
      { container: 'LOST' },
      'db',
      'file /run/secrets/lost, which LOST_FILE names, does not exist in container test-db-1',
    ],
  ])('%j of %s', async (ref, service, message) => {
    const error = await missing(ref, service);
    expect(error).toMatchObject({ code: 'SECRET_MISSING', message: expect.stringContaining(message) });
    expect(error.hint).toMatch(/\.$/);
    expect(error.message).not.toContain('account-of-somebody');
  });
});

test('what is too large must be refused, and a device, which has no size, is not read', async () => {
  await writeFile(path.join(directory, 'large'), 'x'.repeat(65_537));
  expect((await missing({ file: 'large' })).message).toContain('larger than 65536 bytes');
  expect((await missing({ file: '/dev/zero' })).message).toContain('/dev/zero is no regular file');
  expect((await missing({ command: ['head', '-c', '200000', '/dev/zero'] })).message).toContain(
    'prints more than 65536 bytes',
  );
});

test('what a failing program says must not be repeated, since it may be the secret', async () => {
  const error = await missing({ command: ['sh', '-c', 'echo half-a-secret; echo half-a-secret >&2; exit 3'] });
  expect(error.message).toBe('secret command sh failed: exit code 3');
  expect(JSON.stringify(error)).not.toContain('half-a-secret');
});
