import { isDeepStrictEqual } from 'node:util';

import type { Platform } from '../core/platform.ts';
import type { ConfigValue } from '../core/ports/local.ts';
import type { Override } from './overrides.ts';
import type { Source } from './source.ts';

interface Origins {
  source: Source;
  environment: string;
  overrides: Override[];
  /** So many contacts are the environment's own; those of the whole file follow. */
  ownContacts: number;
}

/** Every value of an environment with its origin; secrets are references and stay so. */
export function valuesOf(platform: Platform, origins: Origins): ConfigValue[] {
  const { environment: _environment, directory: _directory, ...values } = platform;
  return leaves(values)
    .filter(([, value]) => value !== undefined)
    .map(([keys, value]) => ({ path: keys.join('.'), value, ...originOf(keys, origins) }));
}

function originOf(
  keys: string[],
  { source, environment, overrides, ownContacts }: Origins,
): Omit<ConfigValue, 'path' | 'value'> {
  const override = overrides.findLast(({ path }) => isDeepStrictEqual(path, keys.slice(0, path.length)));
  if (override !== undefined) return { origin: override.origin, at: override.from };
  const at = [['environments', environment, ...keys], shared(keys, ownContacts)].find((one) => source.has(one));
  if (at === undefined) return { origin: 'default' };
  const { line, column } = source.position(at);
  return { origin: 'file', at: `line ${line.toString()}, column ${column.toString()}` };
}

/** Where a value stands that the file has for every environment. */
function shared([first = '', second = '', ...rest]: string[], ownContacts: number): string[] {
  if (first === 'links') return ['links', second, ...rest];
  if (first === 'contacts') return ['contacts', (Number(second) - ownContacts).toString(), ...rest];
  return [];
}

function leaves(value: unknown, at: string[] = []): [string[], unknown][] {
  const entries = value !== null && typeof value === 'object' ? Object.entries(value) : [];
  if (entries.length === 0) return [[at, value]];
  return entries.flatMap(([key, inner]) => leaves(inner, [...at, key]));
}
