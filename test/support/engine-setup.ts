/** Global set-up of the contract tests: an engine that answers, and a small image on it that needs no registry. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tar from 'tar-stream';
import type { TestProject } from 'vitest/node';

import { ensureEngine } from '../../scripts/engine.ts';
import { isDebianLike } from '../../scripts/packages.ts';
import { attempt, run } from '../../scripts/run.ts';

/** Busybox and its commands, nothing else. Stays on an engine of our own, is removed from anybody else's. */
export const TEST_IMAGE = 'opsctl-test/busybox:1';

const IMAGE_NAME = '{{.Repository}}:{{.Tag}}';

declare module 'vitest' {
  export interface ProvidedContext {
    dockerHost: string;
    /** Value of the label `opsctl.test` on everything that this run creates. */
    runId: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const engine = await ensureEngine();
  const docker = ['docker', '--host', engine.host];
  const runId = `${Date.now().toString(36)}-${process.pid}`;
  project.provide('dockerHost', engine.host);
  project.provide('runId', runId);
  if (!(await attempt([...docker, 'image', 'inspect', TEST_IMAGE])).ok) await makeImage(docker);
  return async () => {
    // Locks and journals bear the run's id in their names, not the label.
    const mark = `opsctl-test-${runId}`;
    const ids = await Promise.all([
      list([...docker, 'ps', '-aq', '--filter', `label=opsctl.test=${runId}`]),
      list([...docker, 'ps', '-aq', '--filter', `name=${mark}`]),
    ]);
    const left = [...new Set(ids.flat())];
    if (left.length > 0) await attempt([...docker, 'rm', '--force', '--volumes', ...left]);
    const volumes = await list([...docker, 'volume', 'ls', '-q', '--filter', `name=${mark}`]);
    if (volumes.length > 0) await attempt([...docker, 'volume', 'rm', ...volumes]);
    const networks = await list([...docker, 'network', 'ls', '-q', '--filter', `name=${mark}`]);
    if (networks.length > 0) await attempt([...docker, 'network', 'rm', ...networks]);
    const images = await list([...docker, 'images', '--filter', `label=opsctl.test=${runId}`, '--format', IMAGE_NAME]);
    if (images.length > 0) await attempt([...docker, 'rmi', '--force', ...images]);
    if (!engine.ours) await attempt([...docker, 'rmi', TEST_IMAGE]);
  };
}

const list = async (argv: readonly string[]): Promise<string[]> =>
  (await attempt(argv)).stdout.split('\n').filter((line) => line !== '');

async function makeImage(docker: readonly string[]): Promise<void> {
  if (isDebianLike() && (await importFromDebian(docker))) return;
  await run([...docker, 'pull', 'busybox:1.36']);
  await run([...docker, 'tag', 'busybox:1.36', TEST_IMAGE]);
}

/** Takes the program out of Debian's package without installing it. */
async function importFromDebian(docker: readonly string[]): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'opsctl-busybox-'));
  try {
    const download = () => attempt(['apt-get', 'download', 'busybox-static'], { cwd: folder });
    if (!(await download()).ok && !((await attempt(['apt-get', 'update', '-q'])).ok && (await download()).ok))
      return false;
    const name = (await readdir(folder)).find((entry) => entry.endsWith('.deb'));
    if (name === undefined || !(await attempt(['dpkg-deb', '-x', join(folder, name), folder])).ok) return false;
    const places = ['usr/bin/busybox', 'bin/busybox'].map((place) =>
      readFile(join(folder, place)).catch(() => undefined),
    );
    const program = (await Promise.all(places)).find((data) => data !== undefined);
    if (program === undefined) return false;
    const commands = (
      await run([join(folder, 'usr/bin/busybox'), '--list']).catch(() => run([join(folder, 'bin/busybox'), '--list']))
    ).split('\n');
    await run([...docker, 'import', '-', TEST_IMAGE], { input: await archive(program, commands) });
    return true;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function archive(program: Buffer, commands: readonly string[]): Promise<Buffer> {
  const pack = tar.pack();
  for (const name of ['bin', 'tmp', 'etc', 'proc', 'dev', 'sys']) pack.entry({ name, type: 'directory', mode: 0o755 });
  pack.entry({ name: 'bin/busybox', mode: 0o755 }, program);
  for (const name of commands) {
    if (name !== '' && name !== 'busybox') pack.entry({ name: `bin/${name}`, type: 'symlink', linkname: 'busybox' });
  }
  pack.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of pack as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
