/**
 * Programs of a newer Debian than the machine's, for a matrix of versions: their packages, with all that they need, are
 * unpacked into a cache directory and run with their own C library. Nothing of the machine is changed. apt checks the
 * signatures with the keys that the machine has.
 */
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { debianMirror } from '../../demo/mirror.ts';
import { run } from '../../scripts/run.ts';

const KEYS = '/usr/share/keyrings/debian-archive-keyring.gpg';
const CACHE = path.join(tmpdir(), 'opsctl-test-debian');

/** Why it cannot be done on this machine; undefined where it can. */
export const whyNoDebian = (): string | undefined =>
  process.arch === 'x64' && debianMirror() !== undefined && existsSync(KEYS)
    ? undefined
    : 'needs Debian on x64, with its keys, to have programs of a newer Debian';

/** How to start a program of a package of that release; the arguments of the program follow. */
export async function debianProgram(release: string, name: string, program: string): Promise<string[]> {
  const home = path.join(CACHE, `${release}-${name}`);
  if (!existsSync(home)) await unpack(release, name, home);
  const libraries = path.join(home, 'usr/lib/x86_64-linux-gnu');
  return [
    path.join(libraries, 'ld-linux-x86-64.so.2'),
    '--library-path',
    libraries,
    path.join(home, 'usr/bin', program),
  ];
}

async function unpack(release: string, name: string, home: string): Promise<void> {
  process.stderr.write(`test: unpacking ${name} of Debian ${release} into ${home}\n`);
  await mkdir(CACHE, { recursive: true, mode: 0o755 });
  const work = await mkdtemp(path.join(CACHE, 'partial-'));
  try {
    const options = await privateApt(work, release);
    await run(['apt-get', ...options, 'update', '-q']);
    await run(['apt-get', ...options, 'install', '-y', '-q', '--download-only', '--no-install-recommends', name]);
    const root = path.join(work, 'root');
    await mkdir(root);
    const archives = path.join(work, 'cache/archives');
    for (const file of await readdir(archives))
      if (file.endsWith('.deb')) await run(['dpkg-deb', '--extract', path.join(archives, file), root]);
    await chmod(root, 0o755);
    // Another run may have been quicker.
    await rename(root, home).catch(() => undefined);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** An apt of its own: the other release as its only source, and nothing installed, so that all that is needed is fetched. */
async function privateApt(work: string, release: string): Promise<string[]> {
  for (const folder of ['etc/apt.conf.d', 'etc/preferences.d', 'state/lists/partial', 'cache/archives/partial'])
    await mkdir(path.join(work, folder), { recursive: true });
  await writeFile(path.join(work, 'state/status'), '');
  await writeFile(
    path.join(work, 'etc/sources.list'),
    `deb [signed-by=${KEYS}] ${debianMirror() ?? ''} ${release} main\n`,
  );
  const own: Record<string, string> = {
    'Dir::Etc': path.join(work, 'etc'),
    'Dir::State': path.join(work, 'state'),
    'Dir::State::status': path.join(work, 'state/status'),
    'Dir::Cache': path.join(work, 'cache'),
    'Acquire::Check-Valid-Until': 'false',
    'Acquire::Languages': 'none',
    // The directory is root's, and only files are fetched.
    'APT::Sandbox::User': 'root',
  };
  return Object.entries(own).flatMap(([option, value]) => ['-o', `${option}=${value}`]);
}
