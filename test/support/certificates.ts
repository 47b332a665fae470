/** Certificates made with openssl for one test run: an authority of our own and what it signs. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';

export interface Pair {
  key: string;
  cert: string;
}

export interface Certificates {
  directory: string;
  /** Path of the authority's PEM file. */
  authority: string;
  authorityPem: string;
  /** Signed by the authority. `days` may be negative: then it has expired. */
  sign(name: string, names: string[], days: number): Promise<Pair>;
  selfSigned(name: string): Promise<Pair>;
  remove(): Promise<void>;
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

export async function makeCertificates(): Promise<Certificates> {
  const directory = await mkdtemp(join(tmpdir(), 'opsctl-certificates-'));
  const openssl = async (...argv: string[]): Promise<void> => {
    await execa('openssl', argv, { cwd: directory });
  };
  const read = (file: string): Promise<string> => readFile(join(directory, file), 'utf8');
  const alone = async (file: string, subject: string, ...more: string[]): Promise<Pair> => {
    await openssl(
      'req',
      '-x509',
      ...KEY,
      '-keyout',
      `${file}.key`,
      '-out',
      `${file}.pem`,
      '-subj',
      `/CN=${subject}`,
      '-days',
      '5',
      ...more,
    );
    return { key: await read(`${file}.key`), cert: await read(`${file}.pem`) };
  };
  const authority = await alone('authority', 'opsctl test authority');
  return {
    directory,
    authority: join(directory, 'authority.pem'),
    authorityPem: authority.cert,
    selfSigned: (name) => alone(`self-${name}`, name, '-addext', `subjectAltName=DNS:${name}`),
    sign: async (name, names, days) => {
      await openssl('req', ...KEY, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
      await writeFile(join(directory, `${name}.ext`), `subjectAltName=${names.join(',')}\n`);
      const by = ['-CA', 'authority.pem', '-CAkey', 'authority.key', '-CAcreateserial'];
      await openssl(
        'x509',
        '-req',
        '-in',
        `${name}.csr`,
        ...by,
        '-days',
        days.toString(),
        '-extfile',
        `${name}.ext`,
        '-out',
        `${name}.pem`,
      );
      return { key: await read(`${name}.key`), cert: await read(`${name}.pem`) };
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}
