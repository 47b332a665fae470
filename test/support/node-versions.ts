/** Other versions of Node, from npm, each in a directory of its own in the temporary directory; kept between runs. */
import { access, mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { withLock } from '../../scripts/lock.mjs';
import { run } from '../../scripts/run.ts';

/** Path of a node of that version, installed when it is not there yet. Linux on x64 and arm64. */
export async function nodeOf(version: string): Promise<string> {
  const folder = path.join(tmpdir(), 'opsctl-test-node', version);
  const program = path.join(folder, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node');
  await mkdir(folder, { recursive: true });
  await withLock(path.join(folder, 'install.lock'), async () => {
    if (
      await access(program).then(
        () => true,
        () => false,
      )
    )
      return;
    await writeFile(path.join(folder, 'package.json'), '{"private":true}');
    await run([
      'npm',
      'install',
      '--prefix',
      folder,
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
      `node-linux-${process.arch}@${version}`,
    ]);
  });
  return program;
}
