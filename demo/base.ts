/** The image that all others stand on: pulled where a registry answers, bootstrapped where none does. */
import { spawn } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { say } from '../scripts/failure.ts';
import { hasProgram, install } from '../scripts/packages.ts';
import { run } from '../scripts/run.ts';
import { debianMirror } from './mirror.ts';
import { BUILD, LABEL } from './paths.ts';

const TAG = 'opsctl-demo/debian:trixie';
const UPSTREAM = 'debian:trixie-slim';
/** How long a registry may take to say anything, and then to deliver. */
const ANSWER_MS = 10_000;
const PULL_MS = 180_000;

/** Makes the base's own base exist under a name of ours. */
export async function ensureDebian(): Promise<void> {
  if (await pull()) {
    await run(['docker', 'tag', UPSTREAM, TAG]);
    return;
  }
  await bootstrap();
}

/** True when the image was there or came; false when no registry answers in time. */
async function pull(): Promise<boolean> {
  say(`pulling ${UPSTREAM}`);
  const child = spawn('docker', ['pull', UPSTREAM], { stdio: ['ignore', 'pipe', 'ignore'] });
  let patience = setTimeout(() => child.kill(), ANSWER_MS);
  child.stdout.once('data', () => {
    clearTimeout(patience);
    patience = setTimeout(() => child.kill(), PULL_MS);
  });
  const code = await new Promise<number | null>((resolve) => {
    child.on('error', () => resolve(null));
    child.on('close', resolve);
  });
  clearTimeout(patience);
  return code === 0;
}

async function bootstrap(): Promise<void> {
  say('no image registry answers: making a Debian 13 image from packages (mmdebstrap)');
  const missing = [
    ...(hasProgram('mmdebstrap') ? [] : ['mmdebstrap']),
    // On Ubuntu, Debian's signatures cannot be checked without it.
    'debian-archive-keyring',
  ];
  if (missing.length > 1) await install(missing);
  const archive = join(BUILD, 'trixie.tar');
  await mkdir(BUILD, { recursive: true });
  const mirror = debianMirror();
  const argv = [
    'mmdebstrap',
    '--quiet',
    '--variant=minbase',
    '--aptopt=Acquire::Check-Valid-Until "false"',
    '--dpkgopt=path-exclude=/usr/share/doc/*',
    '--dpkgopt=path-exclude=/usr/share/man/*',
    'trixie',
    archive,
    // Without a mirror, mmdebstrap knows Debian's own.
    ...(mirror === undefined ? [] : [`deb ${mirror} trixie main`]),
  ];
  try {
    await run(argv);
    await run(['docker', 'import', '--change', `LABEL ${LABEL}`, archive, TAG]);
  } finally {
    await rm(archive, { force: true });
  }
}
