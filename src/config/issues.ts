import { closest, distance } from 'fastest-levenshtein';
import type * as z from 'zod';

import { OpsError } from '../core/errors.ts';
import { configJsonSchema } from './schema.ts';
import type { Source } from './source.ts';

/** One mistake in a configuration file. */
export interface Issue {
  path: string;
  line: number;
  column: number;
  message: string;
}

/** So many are shown; a file with more is usually wrong from one place on. */
const MOST_SHOWN = 10;

/** Turns what zod found into one error that names line, column and the nearest valid key of each mistake. */
export function configError(source: Source, error: z.ZodError): OpsError {
  return errorOf(source, issuesOf(source, error.issues));
}

/** One error for all mistakes of a file, in the order of their lines. */
export function errorOf(source: Source, issues: Issue[]): OpsError {
  const lines = issues
    .toSorted((a, b) => a.line - b.line || a.column - b.column)
    .slice(0, MOST_SHOWN)
    .map(({ line, column, path, message }) => {
      const subject = path === '' ? '' : `${path}: `;
      return `${source.shown}:${line.toString()}:${column.toString()}: ${subject}${message}`;
    });
  const [first = `${source.shown}:1:1: not valid`] = lines;
  const hint = 'Mend the file and check it with: opsctl config check';
  if (lines.length < 2) return new OpsError('CONFIG_INVALID', first, { hint });
  const count = issues.length >= MOST_SHOWN ? `at least ${MOST_SHOWN.toString()}` : issues.length.toString();
  return new OpsError('CONFIG_INVALID', `${source.shown} has ${count} mistakes`, {
    hint,
    details: { mistakes: lines },
  });
}

/** What zod found, as mistakes of the file; a little more than are shown at most. */
export function issuesOf(source: Source, found: readonly z.core.$ZodIssue[]): Issue[] {
  const issues: Issue[] = [];
  for (const issue of found) {
    issues.push(...describe(source, issue));
    if (issues.length >= MOST_SHOWN) break;
  }
  return issues;
}

function describe(source: Source, issue: z.core.$ZodIssue, prefix: readonly PropertyKey[] = []): Issue[] {
  const at = [...prefix, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    const valid = validKeys(at);
    return issue.keys
      .slice(0, MOST_SHOWN)
      .map((key) => make(source, [...at, key], 'key', `unknown key${nearest(key, valid)}`));
  }
  if (issue.code === 'invalid_union') {
    // Of several shapes, the one that fits best tells what the author meant.
    const [best = []] = issue.errors.toSorted((a, b) => weight(a) - weight(b));
    const unknown = best.filter(({ code }) => code === 'unrecognized_keys');
    if (weight(best) < MISFIT)
      return (unknown.length > 0 ? unknown : best).flatMap((inner) => describe(source, inner, at));
  }
  if (issue.code === 'invalid_key') {
    const message = issue.issues[0]?.message ?? 'not a usable name';
    return [make(source, at, 'key', lower(message))];
  }
  const missing = issue.code === 'invalid_type' && at.length > 0 && !source.has(at);
  return [make(source, at, 'value', missing ? `is missing: ${wanted(issue)}` : inWords(issue))];
}

/** More than any number of mistakes within the right shape. */
const MISFIT = 1000;

const weight = (issues: readonly z.core.$ZodIssue[]): number =>
  issues.reduce((sum, issue) => sum + (isMisfit(issue) ? MISFIT : 1), issues.length === 0 ? MISFIT : 0);

/** The value is of another kind altogether. */
function isMisfit(issue: z.core.$ZodIssue): boolean {
  if (issue.path.length > 0) return false;
  return (
    issue.code === 'invalid_type' ||
    (issue.code === 'invalid_union' && issue.errors.every((one) => weight(one) >= MISFIT))
  );
}

function make(source: Source, at: readonly PropertyKey[], what: 'value' | 'key', message: string): Issue {
  const path = at.map((part) => String(part).slice(0, 80)).join('.');
  return { path, ...source.position(at, what), message };
}

const KINDS: Record<string, string> = {
  string: 'text',
  object: 'a mapping',
  record: 'a mapping',
  array: 'a list',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
};

const wanted = (issue: z.core.$ZodIssue): string =>
  issue.code === 'invalid_type' && issue.message.startsWith('Invalid input')
    ? `expected ${KINDS[issue.expected] ?? issue.expected}`
    : lower(issue.message);

/** The value itself is never repeated: it may be a secret in the wrong place. */
export function inWords(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type') return `${wanted(issue)}, found ${kindOf(issue.input)}`;
  if (issue.code === 'too_small' && issue.origin === 'string') return 'must not be empty';
  if (issue.code === 'too_small' && issue.origin === 'array') return 'must not be an empty list';
  if (issue.code === 'too_small')
    return `must be ${issue.inclusive === true ? 'at least' : 'more than'} ${issue.minimum.toString()}`;
  if (issue.code === 'invalid_union' && issue.message.startsWith('Invalid'))
    return 'is of none of the forms that there are';
  if (issue.code === 'unrecognized_keys') return `unknown key ${issue.keys.join(', ')}`;
  if (issue.code === 'invalid_value') return `expected ${issue.values.map(String).join(' or ')}`;
  return lower(issue.message);
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  return KINDS[typeof value] ?? typeof value;
}

const lower = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1).replace(/\.$/, '');

/** `; did you mean …` when something valid is near enough to be a slip of the hand. */
export function nearest(word: string, valid: string[]): string {
  if (valid.length === 0) return '';
  const short = word.slice(0, 80).toLowerCase();
  const best = closest(
    short,
    valid.map((one) => one.toLowerCase()),
  );
  const name = valid.find((one) => one.toLowerCase() === best) ?? best;
  if (distance(short, best) <= Math.max(1, Math.floor(short.length / 3))) return `; did you mean ${name}?`;
  return `; valid here: ${valid.join(', ')}`;
}

interface JsonSchema {
  $ref?: string;
  $defs?: Record<string, JsonSchema>;
  properties?: Record<string, JsonSchema>;
  additionalProperties?: JsonSchema | boolean;
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  allOf?: JsonSchema[];
}

/** The keys that the schema has at a path, whatever the alternatives there. */
export function validKeys(at: readonly PropertyKey[]): string[] {
  const root = configJsonSchema() as JsonSchema;
  const resolve = (schema: JsonSchema): JsonSchema[] => {
    const name = schema.$ref?.split('/').at(-1);
    const target = name === undefined ? undefined : root.$defs?.[name];
    const alternatives = [...(schema.anyOf ?? []), ...(schema.allOf ?? []), ...(target === undefined ? [] : [target])];
    return [schema, ...alternatives.flatMap(resolve)];
  };
  let here = resolve(root);
  for (const key of at) {
    here = here.flatMap((schema) => {
      const own = Object.hasOwn(schema.properties ?? {}, key) ? schema.properties?.[String(key)] : undefined;
      const next =
        own ?? (typeof schema.additionalProperties === 'object' ? schema.additionalProperties : schema.items);
      return next === undefined ? [] : resolve(next);
    });
  }
  return [...new Set(here.flatMap((schema) => Object.keys(schema.properties ?? {})))];
}
