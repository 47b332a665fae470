/** A certificate made for a test, with openssl. */
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';

/** A self-made certificate for `name`, in files that everybody may read. `remove` when done. */
export async function makeCertificate(
  name: string,
): Promise<{ key: string; cert: string; pem: string; remove: () => Promise<void> }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'opsctl-cert-'));
  await chmod(folder, 0o755);
  const key = path.join(folder, 'key.pem');
  const cert = path.join(folder, 'cert.pem');
  const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`];
  await execa('openssl', [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    key,
    '-out',
    cert,
    '-days',
    '2',
    ...subject,
  ]);
  await chmod(key, 0o644);
  return { key, cert, pem: await readFile(cert, 'utf8'), remove: () => rm(folder, { recursive: true, force: true }) };
}
