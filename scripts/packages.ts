/** Installs what the machine lacks, from its own Debian or Ubuntu sources, and says so. */
import { existsSync, readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { Failure, say } from './failure.ts';
import { withLock } from './lock.mjs';
import { attempt, run } from './run.ts';

const POLICY = '/usr/sbin/policy-rc.d';

/** True when a program of this name is on the path (or in sbin, which root's path may lack). */
export function hasProgram(name: string): boolean {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.some((folder) => existsSync(join(folder, name)));
}

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

export function isDebianLike(): boolean {
  return hasProgram('apt-get') && existsSync('/etc/debian_version');
}

/** Installs packages; a list inside the list means "the first of these that exists". */
export async function install(wanted: readonly (string | readonly string[])[]): Promise<void> {
  const names = wanted.map((entry) => (typeof entry === 'string' ? entry : entry.join(' or ')));
  if (!isRoot() || !isDebianLike()) {
    throw new Failure(
      `these packages are missing and only root on Debian or Ubuntu can have them installed: ` +
        `${names.join(', ')}. Install them by hand, then run this again`,
      2,
    );
  }
  let chosen = await choose(wanted);
  if (chosen.includes(undefined)) {
    say('reading the package lists (apt-get update)');
    await run(['apt-get', 'update', '-q'], { env: quiet, watch: true });
    chosen = await choose(wanted);
  }
  const found = chosen.filter((name) => name !== undefined);
  if (found.length < chosen.length) {
    throw new Failure(`the machine's apt sources do not know all of: ${names.join(', ')}`, 2);
  }
  say(`installing packages: ${found.join(', ')}`);
  const argv = ['apt-get', 'install', '-y', '-q', '--no-install-recommends', ...found];
  // Tests install side by side, and neither apt nor the policy file below bears two at once.
  await withLock('/run/opsctl-packages.lock', () =>
    withoutServiceStart(async () => {
      if ((await attempt(argv, { env: quiet })).ok) return;
      // The usual cause is a package list older than the mirror: once more with a new one.
      await run(['apt-get', 'update', '-q'], { env: quiet, watch: true });
      await run(argv, { env: quiet });
    }),
  );
}

const quiet = { DEBIAN_FRONTEND: 'noninteractive' };

async function choose(wanted: readonly (string | readonly string[])[]): Promise<(string | undefined)[]> {
  return Promise.all(
    wanted.map(async (entry) => {
      for (const name of typeof entry === 'string' ? [entry] : entry) {
        if (await isAvailable(name)) return name;
      }
      return undefined;
    }),
  );
}

export async function isAvailable(name: string): Promise<boolean> {
  const result = await attempt(['apt-cache', 'policy', name]);
  return /Candidate: (?!\(none\))/.test(result.stdout);
}

/** A package must not start its service: the demo's engine uses a socket of its own. */
async function withoutServiceStart(work: () => Promise<void>): Promise<void> {
  if (existsSync(POLICY)) return work();
  await writeFile(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    await work();
  } finally {
    await rm(POLICY, { force: true });
  }
}

/** On systemd the service would come up at the next boot and shadow the private engine. */
export async function disableService(...units: string[]): Promise<void> {
  if (!existsSync('/run/systemd/system')) return;
  await attempt(['systemctl', 'disable', ...units]);
}

export function osId(): string {
  return /^ID=(.*)$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1]?.replaceAll('"', '') ?? '';
}
