/** Files of opsctl in nginx' configuration, and the token in them. */
import { randomBytes } from 'node:crypto';
import { posix } from 'node:path';

import { OpsError } from '../core/errors.ts';
import { type SnippetState, TOKEN } from '../core/ports/load-balancer.ts';
import { putArchive, readFile } from './docker/archive.ts';
import type { DockerClient } from './docker/client.ts';
import { type Place, type Reach, run } from './nginx-routing.ts';

/** Largest snippet that is read, in bytes; ours are a few KB. */
const LIMIT = 256 * 1024;
/** The token by itself, for root only: nginx' workers have no need to read it. */
const TOKEN_FILE = 'token';

/**
 * Does something with the token, which several ask for at a time and again and again: it is read once, and anew after
 * something went wrong with it. @throws as `readToken`, and what `use` throws
 */
export function openTokens(docker: DockerClient): <T>(place: Place, use: (token: string) => Promise<T>) => Promise<T> {
  const known = new Map<string, Promise<string>>();
  return async ({ id, directory }, use) => {
    const key = JSON.stringify([id, directory]);
    const token = known.get(key) ?? readToken(docker, id, directory);
    known.set(key, token);
    try {
      return await use(await token);
    } catch (thrown) {
      known.delete(key);
      throw thrown;
    }
  };
}

/** @throws UNSAFE when the load balancer was never set up */
async function readToken(docker: DockerClient, id: string, directory: string): Promise<string> {
  const found = await read(docker, id, posix.join(directory, TOKEN_FILE));
  const token = found?.trim() ?? '';
  if (/^[0-9a-f]{32}$/.test(token)) return token;
  throw new OpsError('UNSAFE', 'the load balancer is not set up for deploys', {
    hint: 'See what it would write, then set it up: opsctl lb setup --dry-run',
  });
}

/** The same; undefined when the load balancer was never set up. */
export const knownToken = (docker: DockerClient, id: string, directory: string): Promise<string | undefined> =>
  readToken(docker, id, directory).catch((thrown: unknown) => {
    if (thrown instanceof OpsError && thrown.code === 'UNSAFE') return undefined;
    throw thrown;
  });

/** The text of a file with the token taken out; undefined when there is none. */
export async function readSnippet(
  docker: DockerClient,
  id: string,
  directory: string,
  name: string,
): Promise<string | undefined> {
  const [text, token] = await Promise.all([
    read(docker, id, posix.join(directory, name)),
    knownToken(docker, id, directory),
  ]);
  return token === undefined ? text : text?.replaceAll(token, TOKEN);
}

/** Makes files be as they are to be; the token is the one that is there already, else a new one. */
export async function placeSnippets(
  { docker, exec }: Pick<Reach, 'docker' | 'exec'>,
  { id, directory }: Place,
  files: readonly SnippetState[],
): Promise<void> {
  const written = files.flatMap(({ name, text }) => (text === null ? [] : [{ name, text }]));
  const removed = files.flatMap(({ name, text }) => (text === null ? [posix.join(directory, name)] : []));
  if (written.length > 0) {
    const known = await knownToken(docker, id, directory);
    const token = known ?? randomBytes(16).toString('hex');
    await putArchive(docker, id, directory, [
      ...(known === undefined ? [{ name: TOKEN_FILE, data: `${token}\n`, mode: 0o600 }] : []),
      ...written.map(({ name, text }) => ({ name, data: text.replaceAll(TOKEN, token), mode: 0o640 })),
    ]);
  }
  if (removed.length > 0) await run(exec, id, ['rm', '-f', ...removed]);
}

/** What putting files back needs of one nginx. */
export interface Restorable {
  read(name: string): Promise<string | undefined>;
  place(files: readonly SnippetState[]): Promise<void>;
  /** Whether the configuration on disk loads. */
  test(): Promise<{ ok: boolean; output: string }>;
  /** Makes nginx load it and sees that it did. */
  load(): Promise<void>;
}

/**
 * Puts files back and makes nginx load them. A configuration that loads is never left for one that does not: nginx would
 * not come back from its next restart. @throws UNSAFE when what is there is needed, and stays
 */
export async function restore(nginx: Restorable, files: readonly SnippetState[]): Promise<void> {
  const there = await Promise.all(files.map(async ({ name }) => ({ name, text: (await nginx.read(name)) ?? null })));
  await nginx.place(files);
  const { ok, output } = await nginx.test();
  if (ok) {
    await nginx.load();
    return;
  }
  await nginx.place(there);
  if ((await nginx.test()).ok) {
    throw new OpsError('UNSAFE', 'the configuration of nginx does not load without the files of opsctl, so they stay', {
      hint: 'See what is in place: opsctl lb check',
      details: { nginx: output },
    });
  }
  await nginx.place(files);
}

async function read(docker: DockerClient, id: string, path: string): Promise<string | undefined> {
  try {
    return await readFile(docker, id, path, LIMIT);
  } catch (thrown) {
    if (thrown instanceof OpsError && thrown.code === 'NOT_FOUND') return undefined;
    throw thrown;
  }
}
