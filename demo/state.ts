/**
 * What the platform must keep between starts: passwords and the certificate. They live in volumes on
 * the engine, beside the data that they belong to; demo/.build has a copy for clients to use. A
 * second checkout thus finds the passwords that the database was made with.
 */
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../scripts/run.ts';
import { certificateIsGood, issueCertificate } from './certificate.ts';
import { BUILD, LABEL } from './paths.ts';

export const TLS_FOLDER = join(BUILD, 'tls');
export const SECRETS_FOLDER = join(BUILD, 'secrets');

const FOLDERS = { secrets: SECRETS_FOLDER, tls: TLS_FOLDER } as const;
const VOLUMES = { secrets: 'ecommerce_secrets', tls: 'ecommerce_tls' } as const;
const PASSWORDS = ['postgres_password', 'app_password', 'monitor_password'];

/** Makes passwords and certificate exist. True when the certificate is new, so nginx must reload. */
export async function ensureState(): Promise<boolean> {
  return withVolumes(async (container) => {
    for (const name of ['secrets', 'tls'] as const) {
      await rm(FOLDERS[name], { recursive: true, force: true });
      await mkdir(FOLDERS[name], { recursive: true, mode: 0o700 });
      await run(['docker', 'cp', `${container}:/${name}/.`, FOLDERS[name]]);
    }
    if (await addPasswords()) await store(container, 'secrets');
    if (await certificateIsGood(TLS_FOLDER)) return false;
    await issueCertificate(TLS_FOLDER);
    await store(container, 'tls');
    return true;
  });
}

/** Puts another certificate in place, valid for so many days, for tests; nginx must then reload. */
export async function replaceCertificate(days: number): Promise<void> {
  await withVolumes(async (container) => {
    await issueCertificate(TLS_FOLDER, days);
    await store(container, 'tls');
  });
}

/** A container that is never started is the way into a volume on any engine, near or far. */
async function withVolumes<T>(work: (container: string) => Promise<T>): Promise<T> {
  for (const volume of Object.values(VOLUMES)) {
    await run(['docker', 'volume', 'create', '--label', LABEL, volume]);
  }
  const mounts = Object.entries(VOLUMES).flatMap(([name, volume]) => ['-v', `${volume}:/${name}`]);
  const container = await run(['docker', 'create', ...mounts, 'opsctl-demo/base', 'true']);
  try {
    return await work(container);
  } finally {
    await run(['docker', 'rm', container]);
  }
}

async function store(container: string, name: keyof typeof FOLDERS): Promise<void> {
  await run(['docker', 'cp', `${FOLDERS[name]}/.`, `${container}:/${name}`]);
}

async function addPasswords(): Promise<boolean> {
  let added = false;
  for (const name of PASSWORDS) {
    const path = join(SECRETS_FOLDER, name);
    const known = await readFile(path, 'utf8').catch(() => '');
    if (known.trim() !== '') continue;
    await writeFile(path, `${randomBytes(18).toString('base64url')}\n`);
    // Services run as users of their own; who reads the volume is decided by who mounts it.
    await chmod(path, 0o444);
    added = true;
  }
  return added;
}
