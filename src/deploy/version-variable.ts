/**
 * Where a compose project keeps the version of a service: a variable of its .env file that stands in the image's tag.
 * After a deploy it must say the new version, or the next `up` brings the old one back.
 */
import * as z from 'zod';
import { parse } from 'yaml';

import { variableIn } from '../core/dotenv.ts';
import { OpsError } from '../core/errors.ts';
import type { Platform } from '../core/platform.ts';
import type { Container } from '../core/ports/engine.ts';
import type { FilesReader } from '../core/ports/local.ts';
import { tagOf } from './image.ts';
import { versionIn } from './observe.ts';

/** A variable, and what it says now. */
export interface VersionVariable {
  file: string;
  name: string;
  value: string | undefined;
  /** Why its file cannot be replaced; absent where it can. */
  fixed?: string;
}

/** A service, where its version is kept, and the version that is, or is to be, live of it; undefined where it runs several. */
export interface Kept {
  service: string;
  variable: VersionVariable | { why: string };
  version: string | undefined;
}

/**
 * What the variable of a service would say with these containers: what compose puts behind the image's name, which a label
 * may call otherwise. Undefined where they run several, or an image without a tag.
 */
export const tagIn = (containers: readonly Container[]): string | undefined =>
  versionIn(containers) === undefined ? undefined : tagOf(containers[0]?.image ?? '');

/** Whether its variable says another version than its own. */
export const isStale = ({ variable, version }: Pick<Kept, 'variable' | 'version'>): boolean =>
  version !== undefined && !('why' in variable) && variable.value !== version;

/** Why its variable, which would have to be written, cannot be; undefined where it can, or says its version already. */
export function whyUnwritable({ variable, version }: Pick<Kept, 'variable' | 'version'>): string | undefined {
  if ('why' in variable || variable.fixed === undefined || version === undefined || variable.value === version)
    return undefined;
  return `${variable.name}=${version} cannot be written to ${variable.file}: its directory says ${variable.fixed}`;
}

/**
 * What is written down last must be possible before the first step: else traffic would be switched, watched and taken back.
 * @returns the same; by force, a variable whose file this user cannot replace is left alone
 * @throws UNSAFE for such a one without force
 */
export function writable<One extends Pick<Kept, 'variable' | 'version'>>(one: One, force: boolean): One {
  const why = whyUnwritable(one);
  if (why === undefined) return one;
  if (force) return { ...one, variable: { why } };
  throw new OpsError('UNSAFE', why, {
    hint: 'Run it as a user who may write there, or leave the file as it is, with a warning: --force. Without compose.envFile in the configuration, it always is.',
  });
}

const sharing = <One extends Kept>({ variable }: Kept, all: readonly One[]): One[] =>
  all.filter(
    (one) =>
      !('why' in variable) &&
      !('why' in one.variable) &&
      one.variable.name === variable.name &&
      one.variable.file === variable.file,
  );

/**
 * One variable can say one version.
 * @param all what is to be live of every service
 * @param set those of them for which the variable is to be set
 * @throws UNSAFE when it would be wrong for another service then
 */
export function mustAgree(set: readonly Kept[], all: readonly Kept[]): void {
  for (const one of set) {
    const { service, variable, version } = one;
    const alike = sharing(one, all);
    const different = alike.find((other) => other.version !== undefined && other.version !== version);
    if (different === undefined || version === undefined || 'why' in variable) continue;
    throw new OpsError(
      'UNSAFE',
      `${variable.name} in ${variable.file} holds the version of ${service} and of ${different.service}: with ${service} ${version} and ${different.service} ${different.version ?? ''} live, the next docker-compose up would change one of them`,
      {
        hint: `${set.includes(different) ? 'Give' : `Take them together: ${serviceFlags(alike)}; or give`} each a variable of its own in the compose files; or accept it: --force`,
      },
    );
  }
}

/**
 * The commands by which the variables say what is live; where services that share one differ, what makes them alike. None
 * would do where this user cannot write, nor of a tag that has `moved` to another image: it would deploy that.
 */
export function settingCommands(all: readonly (Kept & { moved: boolean })[]): string[] {
  const commands = all.filter(isStale).flatMap((one) => {
    const alike = sharing(one, all);
    if (whyUnwritable(one) !== undefined || alike.some(({ moved }) => moved)) return [];
    const versions = new Set(alike.map(({ version }) => version));
    const said = 'why' in one.variable ? undefined : one.variable.value;
    const version = versions.size === 1 ? one.version : versions.has(said) ? said : undefined;
    return `opsctl deploy blue-green --version ${version ?? '<version>'} ${serviceFlags(alike)}`;
  });
  return [...new Set(commands)];
}

const serviceFlags = (services: readonly Kept[]): string =>
  services.map(({ service }) => `--service ${service}`).join(' ');

const composeFile = z.object({
  services: z.nullish(z.record(z.string(), z.nullish(z.object({ image: z.nullish(z.string()) })))),
});

/** Undefined with the reason, when there is none that could be kept up to date. */
export async function versionVariable(
  key: string,
  { compose, services }: Platform,
  files: FilesReader,
): Promise<VersionVariable | { why: string }> {
  const service = services[key]?.service ?? key;
  if (compose.envFile === undefined) return { why: 'the configuration names no compose.envFile' };
  const name = services[key]?.versionVariable ?? (await fromImage(service, compose.files, files));
  if (name === undefined) return { why: `no compose file has a variable in the image tag of ${service}` };
  const text = await files.read(compose.envFile).catch(() => undefined);
  if (text === undefined) return { why: `${compose.envFile} cannot be read` };
  const found = variableIn(text, name);
  if (found?.plain === false) return { why: `${name} in ${compose.envFile} is made of more than plain text` };
  const fixed = await files.whyFixed(compose.envFile);
  return { file: compose.envFile, name, value: found?.value, ...(fixed === undefined ? {} : { fixed }) };
}

async function fromImage(service: string, paths: readonly string[], files: FilesReader): Promise<string | undefined> {
  let found: string | undefined;
  for (const path of paths) {
    const text = await files.read(path).catch(() => undefined);
    const image = text === undefined ? undefined : imageIn(text, service);
    // Later files override earlier ones, as compose reads them.
    if (image !== undefined) found = variableOf(image);
  }
  return found;
}

function imageIn(text: string, service: string): string | undefined {
  try {
    return composeFile.parse(parse(text, { merge: true, maxAliasCount: 1000 })).services?.[service]?.image ?? undefined;
  } catch {
    return undefined;
  }
}

/** The variable that is the whole tag of an image: `shop/api:${API_VERSION:-v1}` gives API_VERSION. */
export function variableOf(image: string | undefined): string | undefined {
  return /:\$(?:\{([A-Za-z_]\w*)(?::?[-?+][^}]*)?\}|([A-Za-z_]\w*))$/
    .exec(image ?? '')
    ?.slice(1)
    .find(Boolean);
}
