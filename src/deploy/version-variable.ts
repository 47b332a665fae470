/**
 * Where a compose project keeps the version of a service: a variable of its .env file that stands in the image's tag.
 * After a deploy it must say the new version, or the next `up` brings the old one back.
 */
import * as z from 'zod';
import { parse } from 'yaml';

import { variableIn } from '../core/dotenv.ts';
import type { Platform } from '../core/platform.ts';
import type { FilesReader } from '../core/ports/local.ts';

/** A variable, and what it says now. */
export interface VersionVariable {
  file: string;
  name: string;
  value: string | undefined;
}

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
  return { file: compose.envFile, name, value: found?.value };
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
