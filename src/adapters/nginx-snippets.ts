/** Files of opsctl in nginx' configuration, and the token in them. */
import { randomBytes } from 'node:crypto';
import { posix } from 'node:path';

import { OpsError } from '../core/errors.ts';
import { type Snippet, TOKEN } from '../core/ports/load-balancer.ts';
import { putArchive, readFile } from './docker/archive.ts';
import type { DockerClient } from './docker/client.ts';

/** Largest snippet that is read, in bytes; ours are a few KB. */
const LIMIT = 256 * 1024;
/** The token by itself, for root only: nginx' workers have no need to read it. */
const TOKEN_FILE = 'token';

/** @throws UNSAFE when the load balancer was never set up */
export async function readToken(docker: DockerClient, id: string, directory: string): Promise<string> {
  const found = await read(docker, id, posix.join(directory, TOKEN_FILE));
  const token = found?.trim() ?? '';
  if (/^[0-9a-f]{32}$/.test(token)) return token;
  throw new OpsError('UNSAFE', 'the load balancer is not set up for deploys', {
    hint: 'See what it would write, then set it up: opsctl lb setup --dry-run',
  });
}

/** The text of a file with the token taken out; undefined when there is none. */
export async function readSnippet(
  docker: DockerClient,
  id: string,
  directory: string,
  name: string,
): Promise<string | undefined> {
  const [text, token] = await Promise.all([
    read(docker, id, posix.join(directory, name)),
    readToken(docker, id, directory).catch(() => undefined),
  ]);
  return token === undefined ? text : text?.replaceAll(token, TOKEN);
}

/** Writes files; the token is the one that is there already, else a new one. */
export async function writeSnippets(
  docker: DockerClient,
  id: string,
  directory: string,
  snippets: readonly Snippet[],
): Promise<void> {
  const known = await readToken(docker, id, directory).catch((thrown: unknown) => {
    if (thrown instanceof OpsError && thrown.code === 'UNSAFE') return undefined;
    throw thrown;
  });
  const token = known ?? randomBytes(16).toString('hex');
  await putArchive(docker, id, directory, [
    ...(known === undefined ? [{ name: TOKEN_FILE, data: `${token}\n`, mode: 0o600 }] : []),
    ...snippets.map(({ name, text }) => ({ name, data: text.replaceAll(TOKEN, token), mode: 0o640 })),
  ]);
}

async function read(docker: DockerClient, id: string, path: string): Promise<string | undefined> {
  try {
    return await readFile(docker, id, path, LIMIT);
  } catch (thrown) {
    if (thrown instanceof OpsError && thrown.code === 'NOT_FOUND') return undefined;
    throw thrown;
  }
}
