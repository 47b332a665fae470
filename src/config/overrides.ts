import { parse } from 'yaml';

import { OpsError } from '../core/errors.ts';
import { nearest, validKeys } from './issues.ts';
import { configJsonSchema } from './schema.ts';

/** One value of an environment that a flag or a variable replaces. */
export interface Override {
  path: string[];
  value: unknown;
  /** As it was typed, for where text is wanted though it looks like a number. */
  text: string;
  origin: 'flag' | 'environment';
  /** `--set` or the variable's name. */
  from: string;
}

/** Variables that are never a value of the configuration, and are set by many. */
const NO_VALUES = new Set(['OPSCTL_CONFIG', 'OPSCTL_ENVIRONMENT', 'OPSCTL_JSON', 'OPSCTL_ACTOR', 'OPSCTL_STATE_DIR']);
/** More items than anybody types into one list. */
const LONGEST_LIST = 1000;

/**
 * Replacements for single values: `--set checks.timeoutMs=2000`, or the variable that is the same path in
 * capitals, OPSCTL_CHECKS_TIMEOUT_MS. Only values with a fixed path have a variable; `--set` reaches the
 * others too. Flags come last, so that they win. @throws USAGE
 */
export function overridesFrom(env: Record<string, string | undefined>, flags: string[]): Override[] {
  const overrides: Override[] = [];
  // The paths come from the schema, which takes 15 ms to put together: only where a variable may be one of them.
  const some = Object.keys(env).some((name) => name.startsWith('OPSCTL_') && !NO_VALUES.has(name));
  for (const path of some ? fixedPaths() : []) {
    const from = variableOf(path);
    const text = env[from];
    if (text !== undefined) overrides.push({ path, value: scalar(text), text, origin: 'environment', from });
  }
  return [...overrides, ...flags.map(fromFlag)];
}

function fromFlag(flag: string): Override {
  const equals = flag.indexOf('=');
  if (equals < 1)
    throw new OpsError('USAGE', '--set is not of the form path=value', {
      hint: 'For example: --set checks.timeoutMs=2000',
    });
  const path = flag.slice(0, equals).split('.');
  const shown = path.join('.').slice(0, 80);
  if (path.some((key) => key === '' || key === '__proto__'))
    throw new OpsError('USAGE', `--set ${shown}: not a usable path`, {
      hint: 'For example: --set services.api.health=http://127.0.0.1:8080/health',
    });
  const [first = ''] = path;
  const tops = validKeys(['environments', '-']);
  if (!tops.includes(first))
    throw new OpsError('USAGE', `--set ${shown}: unknown value ${first}${nearest(first, tops)}`, {
      hint: 'See the values that there are: opsctl config show',
    });
  const text = flag.slice(equals + 1);
  return { path, value: scalar(text), text, origin: 'flag', from: '--set' };
}

/** A copy of the raw values with the replacements in place. @throws USAGE */
export function applyOverrides(raw: unknown, overrides: Override[]): unknown {
  // Through JSON, so that what two aliases share is no longer shared.
  const copy = JSON.parse(JSON.stringify(raw)) as Record<string, unknown>;
  for (const { path, value, from } of overrides) {
    let here = copy;
    for (const [index, key] of path.entries()) {
      if (Array.isArray(here) && !(/^\d+$/.test(key) && Number(key) < LONGEST_LIST))
        throw new OpsError('USAGE', `${from} ${path.join('.')}: ${key.slice(0, 40)} is no place in a list`, {
          hint: 'Count from 0, as in: --set contacts.0.phone=112',
        });
      if (index === path.length - 1) here[key] = value;
      else {
        const next = Object.hasOwn(here, key) ? here[key] : undefined;
        here = (here[key] = next !== null && typeof next === 'object' ? next : {}) as Record<string, unknown>;
      }
    }
  }
  return copy;
}

/** OPSCTL_CHECKS_TIMEOUT_MS for checks.timeoutMs. */
export const variableOf = (path: string[]): string =>
  `OPSCTL_${path.map((part) => part.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase()).join('_')}`;

/** Numbers, booleans, lists and mappings as YAML reads them in one line; all else is text. */
function scalar(text: string): unknown {
  if (text.length > 10_000) return text;
  try {
    const value: unknown = parse(text, { maxAliasCount: 0, logLevel: 'silent' });
    return typeof value === 'number' || typeof value === 'boolean' || isFlow(value, text) ? value : text;
  } catch {
    return text;
  }
}

const isFlow = (value: unknown, text: string): boolean =>
  value !== null && typeof value === 'object' && /^\s*[[{]/.test(text);

interface JsonSchema {
  $ref?: string;
  $defs?: Record<string, JsonSchema>;
  properties?: Record<string, JsonSchema>;
  type?: string;
  anyOf?: unknown;
  items?: JsonSchema;
}

let cached: string[][] | undefined;

/** Paths of the values that every environment has at the same place: no mappings by name, no references. */
function fixedPaths(): string[][] {
  const root = configJsonSchema() as JsonSchema;
  const resolve = (schema: JsonSchema): JsonSchema => root.$defs?.[schema.$ref?.split('/').at(-1) ?? ''] ?? schema;
  const walk = (given: JsonSchema, at: string[]): string[][] => {
    const schema = resolve(given);
    const properties = Object.entries(schema.properties ?? {});
    if (properties.length > 0) return properties.flatMap(([key, inner]) => walk(inner, [...at, key]));
    const plain = schema.type !== 'object' && schema.anyOf === undefined;
    return plain && resolve(schema.items ?? {}).properties === undefined ? [at] : [];
  };
  cached ??= walk(root.$defs?.['Environment'] ?? {}, []);
  return cached;
}
