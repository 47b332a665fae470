/** The platform's certificate: signed by an authority of its own, so that clients can verify it. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { hasProgram, install } from '../scripts/packages.ts';
import { run } from '../scripts/run.ts';

const DAYS = 90;
const RENEW_DAYS = 30;
const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** True when the folder has a certificate that is good for another while. */
export async function certificateIsGood(folder: string): Promise<boolean> {
  try {
    const certificate = new X509Certificate(await readFile(join(folder, 'server.pem')));
    const authority = new X509Certificate(await readFile(join(folder, 'ca.pem')));
    const left = Date.parse(certificate.validTo) - Date.now();
    return left > RENEW_DAYS * 86_400_000 && certificate.verify(authority.publicKey);
  } catch {
    return false;
  }
}

/** Writes ca.pem, server.pem and server.key. The authority's key is thrown away: it signs once. */
export async function issueCertificate(folder: string, days = DAYS): Promise<void> {
  if (!hasProgram('openssl')) await install(['openssl']);
  await mkdir(folder, { recursive: true });
  const at = (name: string): string => join(folder, name);
  await run([
    'openssl',
    'req',
    '-x509',
    ...KEY,
    '-days',
    String(days),
    '-subj',
    '/CN=opsctl demo CA',
    '-addext',
    'keyUsage=critical,keyCertSign,cRLSign',
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.pem'),
  ]);
  await run([
    'openssl',
    'req',
    ...KEY,
    '-subj',
    '/CN=localhost',
    '-keyout',
    at('server.key'),
    '-out',
    at('server.csr'),
  ]);
  await writeFile(
    at('server.ext'),
    'subjectAltName=DNS:localhost,DNS:nginx,IP:127.0.0.1\n' +
      'basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n',
  );
  await run([
    'openssl',
    'x509',
    '-req',
    '-in',
    at('server.csr'),
    '-days',
    String(days),
    '-CA',
    at('ca.pem'),
    '-CAkey',
    at('ca.key'),
    '-CAcreateserial',
    '-extfile',
    at('server.ext'),
    '-out',
    at('server.pem'),
  ]);
  for (const name of ['ca.key', 'ca.srl', 'server.csr', 'server.ext']) {
    await rm(at(name), { force: true });
  }
}
