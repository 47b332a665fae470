import { X509Certificate } from 'node:crypto';
import { resolve } from 'node:path';
import type { SecureContext } from 'node:tls';

import { OpsError } from '../../core/errors.ts';
import type { TlsOptions } from '../../core/ports/http.ts';
import { LARGEST_PEM, readCapped, whyUnread } from '../read-capped.ts';
import { pemBlocks } from './pem.ts';

/** Options of `tls.connect` that say whom to trust. */
export interface Trust {
  rejectUnauthorized: boolean;
  servername?: string;
  secureContext?: SecureContext;
}

/** Turns configured TLS options into Node's; contexts are made once a file, because parsing the system's roots takes time. */
export type TrustStore = (tls: TlsOptions) => Promise<Trust>;

/** @param directory where relative `ca` paths start */
export function openTrust(directory: string, defaults: TlsOptions = {}): TrustStore {
  const contexts = new Map<string, Promise<SecureContext>>();
  return async (tls) => {
    const { ca, serverName, insecure } = { ...defaults, ...tls };
    const trust: Trust = {
      // Always said, so that NODE_TLS_REJECT_UNAUTHORIZED cannot switch verification off behind the user's back.
      rejectUnauthorized: insecure !== true,
      ...(serverName === undefined ? {} : { servername: serverName }),
    };
    if (ca === undefined) return trust;
    const path = resolve(directory, ca);
    const context = contexts.get(path) ?? contextWith(path);
    contexts.set(path, context);
    return { ...trust, secureContext: await context };
  };
}

/** The roots that Node trusts anyway (NODE_EXTRA_CA_CERTS and --use-system-ca included) and those of a file. */
async function contextWith(path: string): Promise<SecureContext> {
  const { default: tls } = await import('node:tls');
  const own = await authorities(path);
  const context = tls.createSecureContext();
  const { addCACert } = context.context as { addCACert?: (this: unknown, pem: string) => void };
  // Node documents no way to add to its roots but to name them all, and parses each anew: 16 to 22 ms of CPU more.
  if (addCACert === undefined) return tls.createSecureContext({ ca: [...tls.getCACertificates('default'), ...own] });
  for (const pem of own) addCACert.call(context.context, pem);
  return context;
}

async function authorities(path: string): Promise<string[]> {
  const wrong = (message: string, cause?: unknown): OpsError =>
    new OpsError('CONFIG_INVALID', message, {
      hint: `Correct tls.ca in the configuration, or look at the file: openssl x509 -in ${path} -noout -text`,
      cause,
    });
  const { bytes, whole } = await readCapped(path, LARGEST_PEM).catch((thrown: unknown) => {
    throw wrong(`the authority file ${path} of tls.ca ${whyUnread(thrown)}`, thrown);
  });
  if (!whole) throw wrong(`the authority file ${path} of tls.ca is larger than 4 MiB`);
  // Node ignores what it cannot parse in `ca`; the user would then look for the mistake at the server.
  const blocks = pemBlocks(bytes.toString('utf8'));
  if (blocks.length === 0) throw wrong(`the authority file ${path} of tls.ca holds no PEM certificate`);
  for (const block of blocks) {
    try {
      new X509Certificate(block);
    } catch (thrown) {
      throw wrong(`the authority file ${path} of tls.ca holds a certificate that cannot be parsed`, thrown);
    }
  }
  return blocks;
}
