/**
 * Real image registries for tests: Debian's docker-registry, installed when it is missing and the tests run as root.
 * Each listens on a free port of the loopback interface, where engines of this machine speak plain HTTP to it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { disableService, hasProgram, install, isDebianLike, isRoot } from '../../scripts/packages.ts';
import { freePort, waitUntil } from './process.ts';

export interface TestRegistry {
  /** First part of its references, such as `127.0.0.1:5000`. */
  host: string;
  /** It still tells what its images are made of, and does not have that any more. */
  loseLayers(): Promise<void>;
  stop(): Promise<void>;
}

/** Who is let in where a password is wanted. */
export const MEMBER = { username: 'member', password: 'let-me-in' };
/** The password as the server wants to be told of it: bcrypt. */
const HTPASSWD = 'member:$2b$05$znFPYoxdUhl.0aJrcR50O.r.CUitvdwcTkUnaNfe4UirLQch8pRIm\n';

/** Why there can be no registry here; undefined where there can. */
export async function noRegistry(): Promise<string | undefined> {
  if (hasProgram('docker-registry')) return undefined;
  if (!isDebianLike() || !isRoot())
    return 'docker-registry is not installed, and only root on Debian or Ubuntu can have it installed';
  await install(['docker-registry']);
  await disableService('docker-registry');
  return undefined;
}

/** Layers are larger, in bytes. */
const LARGEST_MANIFEST = 10_000;

export async function startRegistry({ password }: { password: boolean }): Promise<TestRegistry> {
  const home = await mkdtemp(join(tmpdir(), 'opsctl-registry-'));
  const host = `127.0.0.1:${(await freePort()).toString()}`;
  const data = join(home, 'data');
  const secrets = join(home, 'htpasswd');
  const config = {
    version: '0.1',
    log: { level: 'warn' },
    storage: { filesystem: { rootdirectory: data } },
    http: { addr: host, secret: 'test' },
    ...(password && { auth: { htpasswd: { realm: 'test', path: secrets } } }),
  };
  await writeFile(secrets, HTPASSWD);
  // Every JSON text is YAML.
  await writeFile(join(home, 'config.yml'), JSON.stringify(config));
  const child = spawn('docker-registry', ['serve', join(home, 'config.yml')], { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  for (const output of [child.stdout, child.stderr])
    output.on('data', (chunk: Buffer) => (log = (log + chunk.toString()).slice(-4000)));
  const stop = async (): Promise<void> => {
    await ended(child);
    await rm(home, { recursive: true, force: true });
  };
  const answers = (): Promise<boolean> =>
    fetch(`http://${host}/v2/`).then(
      ({ status }) => status === (password ? 401 : 200),
      () => false,
    );
  try {
    await waitUntil(answers, () => `docker-registry does not start: ${log}`);
  } catch (thrown) {
    await stop();
    throw thrown;
  }
  return {
    host,
    stop,
    loseLayers: async () => {
      for (const entry of await readdir(data, { recursive: true, withFileTypes: true })) {
        const file = join(entry.parentPath, entry.name);
        if (entry.name === 'data' && (await stat(file)).size > LARGEST_MANIFEST) await rm(file);
      }
    },
  };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const over = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await over;
}
