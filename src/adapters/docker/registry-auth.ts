/** Credentials of image registries, where `docker login` keeps them. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import * as z from 'zod';

const configSchema = z.object({
  auths: z.nullish(
    z.record(z.string(), z.object({ auth: z.nullish(z.string()), identitytoken: z.nullish(z.string()) })),
  ),
  credsStore: z.nullish(z.string()),
  credHelpers: z.nullish(z.record(z.string(), z.string())),
});
const helperAnswer = z.object({ Username: z.string(), Secret: z.string() });

/** What references without a registry mean, and the name under which `docker login` keeps its credentials. */
const HUB = 'docker.io';
const HUB_KEY = 'https://index.docker.io/v1/';
const HELPER_MS = 10_000;

/** Where credentials are kept: by docker's own variables, or in the home directory. */
export interface Kept {
  env: Record<string, string | undefined>;
  home: string;
}

/** As whom an engine is to ask a registry; as nobody without credentials. */
export interface Login {
  serveraddress: string;
  username?: string;
  password?: string;
  identitytoken?: string;
}

/**
 * What is kept for the registry of a reference. A helper that fails counts as nothing kept: then the registry itself
 * says that it wants to know who asks.
 */
export async function registryLogin(reference: string, { env, home }: Kept): Promise<Login> {
  const registry = registryOf(reference);
  const serveraddress = keyOf(reference);
  const path = join(env['DOCKER_CONFIG'] ?? join(home, '.docker'), 'config.json');
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return { serveraddress };
  const config = parse(text);
  const helper = config.credHelpers?.[serveraddress] ?? config.credHelpers?.[registry] ?? config.credsStore;
  const found = helper ? await askHelper(helper, serveraddress, env) : stored(entryOf(config, serveraddress));
  return { ...found, serveraddress };
}

/** The header that an engine passes on to a registry; none for nobody. */
export const loginHeader = (login: Login): Record<string, string> =>
  Object.keys(login).length === 1 ? {} : { 'X-Registry-Auth': forUrls(JSON.stringify(login)) };

/** Base64 for URLs as the engine reads it: with its padding, without which it takes the header for none. */
const forUrls = (text: string): string =>
  Buffer.from(text).toString('base64').replaceAll('+', '-').replaceAll('/', '_');

/** The first part names a registry when it could be a host: with a dot, a port, or localhost. */
export function registryOf(reference: string): string {
  const [first = '', ...rest] = reference.split('/');
  return rest.length > 0 && (/[.:]/.test(first) || first === 'localhost') ? first : HUB;
}

/** What the engine calls the registry of a reference, and `docker login` its credentials. */
export function keyOf(reference: string): string {
  const registry = registryOf(reference);
  return registry === HUB ? HUB_KEY : registry;
}

function parse(text: string): z.infer<typeof configSchema> {
  try {
    return configSchema.parse(JSON.parse(text));
  } catch {
    return {};
  }
}

type Entry = NonNullable<z.infer<typeof configSchema>['auths']>[string];

/** Names of registries may be written as URLs, by hand or by a docker of old. */
function entryOf({ auths }: z.infer<typeof configSchema>, key: string): Entry | undefined {
  const hostOf = (name: string): string => name.replace(/^https?:\/\//, '').split('/', 1)[0] ?? '';
  return auths?.[key] ?? Object.entries(auths ?? {}).find(([name]) => hostOf(name) === key)?.[1];
}

type Credentials = { username: string; password: string } | { identitytoken: string };

function stored(entry: Entry | undefined): Credentials | undefined {
  if (entry?.identitytoken) return { identitytoken: entry.identitytoken };
  const [, username, password] =
    /^([^:]+):(.*)$/s.exec(Buffer.from(entry?.auth ?? '', 'base64').toString('utf8')) ?? [];
  return username === undefined || password === undefined ? undefined : { username, password };
}

/** The helper protocol of docker: the registry on stdin, JSON on stdout. */
async function askHelper(
  helper: string,
  key: string,
  env: Record<string, string | undefined>,
): Promise<Credentials | undefined> {
  if (!/^[A-Za-z0-9_-]+$/.test(helper)) return undefined;
  const { execa } = await import('execa');
  const { stdout, failed } = await execa(`docker-credential-${helper}`, ['get'], {
    input: key,
    env,
    extendEnv: false,
    timeout: HELPER_MS,
    reject: false,
  });
  if (failed) return undefined;
  const answer = helperAnswer.safeParse(safeJson(stdout));
  if (!answer.success) return undefined;
  const { Username, Secret } = answer.data;
  return Username === '<token>' ? { identitytoken: Secret } : { username: Username, password: Secret };
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
