import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { openFiles } from '../../../src/adapters/files.ts';
import { openTrust } from '../../../src/adapters/http/trust.ts';
import { readCapped } from '../../../src/adapters/read-capped.ts';
import { openSecrets } from '../../../src/adapters/secrets.ts';
import { readPem } from '../../../src/adapters/server-url.ts';

let directory: string;
const at = (name: string): string => path.join(directory, name);
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'opsctl-files-'));
  execFileSync('mkfifo', [at('fifo')]);
  await writeFile(at('large'), '');
  await truncate(at('large'), 5_000_000);
});
afterAll(() => rm(directory, { recursive: true }));

test('a file must be read up to the limit, and it must be told whether that was all', async () => {
  await writeFile(at('ten'), '0123456789');
  expect(await readCapped(at('ten'), 10)).toEqual({ bytes: Buffer.from('0123456789'), whole: true });
  expect(await readCapped(at('ten'), 9)).toEqual({ bytes: Buffer.from('012345678'), whole: false });
  const long = await readCapped(at('large'), 200_000);
  expect([long.bytes.length, long.whole]).toEqual([200_000, false]);
});

test('a file whose size says nothing must be read', async () => {
  expect((await readCapped('/proc/self/status', 65_536)).bytes.toString()).toContain('Pid:');
});

describe('what is no regular file, or too large, must be refused at once', () => {
  const secrets = (): ReturnType<typeof openSecrets> =>
    openSecrets({ env: {}, directory, containerVariable: () => Promise.resolve(undefined) });
  const readers: Record<string, (file: string) => Promise<unknown>> = {
    'a file of the platform': (file) => openFiles({ directory }).read(file),
    'an authority of HTTP': (file) => openTrust(directory)({ ca: file }),
    'a certificate of a database': (file) => readPem('database main', file, directory),
    'a secret': (file) => secrets().resolve({ file }),
  };
  test.each(Object.entries(readers))('%s', { timeout: 3000 }, async (_name, read) => {
    await expect(read(at('fifo'))).rejects.toThrow(/fifo.* is no regular file$/);
    await expect(read('/dev/zero')).rejects.toThrow(/zero.* is no regular file$/);
    await expect(read(at('large'))).rejects.toThrow(/is larger than /);
    await expect(read(directory)).rejects.toThrow(/ is a directory$/);
  });
});
