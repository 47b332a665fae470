import type { Platform } from '../core/platform.ts';
import type { Readers } from '../core/ports.ts';
import type { Wanted } from './request.ts';

/**
 * By compose service: the hash by which a later `docker-compose up` takes the new container for the one that its files
 * describe, and leaves it alone.
 */
export async function composeHashes(
  wanted: readonly Wanted[],
  { services }: Platform,
  { compose }: Readers,
): Promise<Record<string, string>> {
  const variables = wanted.flatMap(({ variable, version }) =>
    'why' in variable ? [] : [[variable.name, version] as const],
  );
  if (variables.length === 0) return {};
  const names = wanted.map(({ facts: { name } }) => services[name]?.service ?? name);
  return await compose.hashes(names, Object.fromEntries(variables));
}
