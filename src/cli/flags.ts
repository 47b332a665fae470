import { Argument, type Command as Commander, Option } from 'commander';
import * as z from 'zod';

import type { Command as Declared, Input } from '../core/command.ts';
import { OpsError } from '../core/errors.ts';

/** A field of an input as the command line sees it. */
export interface Flag {
  /** Field name, camelCase. */
  field: string;
  /** `--like-this`, without the dashes. */
  name: string;
  kind: 'boolean' | 'number' | 'text' | 'choice' | 'list';
  choices: string[];
  required: boolean;
  fallback: unknown;
  meta: z.core.GlobalMeta;
}

/** The fields of an input, in the order of their declaration. */
export function flagsOf(input: Input): Flag[] {
  return Object.entries(input.shape).map(([field, schema]) => {
    let inner = schema as z.ZodType;
    let fallback: unknown;
    let required = true;
    let meta = inner.meta() ?? {};
    while (inner instanceof z.ZodOptional || inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault) {
      required = false;
      if (inner instanceof z.ZodDefault) fallback = inner.def.defaultValue;
      inner = inner.unwrap() as z.ZodType;
      meta = { ...inner.meta(), ...meta };
    }
    const element = inner instanceof z.ZodArray ? (inner.element as z.ZodType) : inner;
    const choices = element instanceof z.ZodEnum ? element.options.map(String) : [];
    const kind =
      inner instanceof z.ZodArray
        ? 'list'
        : inner instanceof z.ZodBoolean
          ? 'boolean'
          : inner instanceof z.ZodNumber
            ? 'number'
            : choices.length > 0
              ? 'choice'
              : 'text';
    return { field, name: kebab(field), kind, choices, required, fallback, meta };
  });
}

const kebab = (text: string): string => text.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** Adds the flags and arguments of an input to a commander command. */
export function declareFlags(command: Commander, flags: Flag[]): void {
  for (const flag of flags) {
    const description = flag.meta.description ?? '';
    if (flag.meta.positional === true) {
      const inside = flag.kind === 'list' ? `${flag.name}...` : flag.name;
      const argument = new Argument(flag.required ? `<${inside}>` : `[${inside}]`, description);
      if (flag.choices.length > 0) argument.choices(flag.choices);
      command.addArgument(argument);
      continue;
    }
    command.addOption(optionOf(flag, description));
  }
}

function optionOf(flag: Flag, description: string): Option {
  const short = flag.meta.short === undefined ? '' : `-${flag.meta.short}, `;
  const placeholder =
    flag.meta.value ?? (flag.kind === 'number' ? 'number' : flag.kind === 'list' ? 'text' : flag.name);
  const term = `${short}--${flag.name}${flag.kind === 'boolean' ? '' : ` <${placeholder}>`}`;
  const option = new Option(term, [description, fallbackText(flag)].filter(Boolean).join('; '));
  if (flag.kind === 'list')
    option.argParser((value: string, before: string[] | undefined) => [...(before ?? []), value]);
  if (flag.choices.length > 0 && flag.kind !== 'list') option.choices(flag.choices);
  return option;
}

/** Only for the help: the value itself is put in by zod, and commander tells none that it does not put in. */
function fallbackText({ fallback }: Flag): string {
  if (fallback === undefined || fallback === false || (Array.isArray(fallback) && fallback.length === 0)) return '';
  return `default: ${JSON.stringify(fallback).replace(/^"|"$/g, '')}`;
}

/** What was typed and what the environment says, put together and validated. @throws USAGE */
export function readInput(
  input: Input,
  flags: Flag[],
  typed: { options: Record<string, unknown>; args: unknown[] },
  env: Record<string, string | undefined>,
  command: string,
): Record<string, unknown> {
  const raw: Record<string, unknown> = {};
  const positionals = flags.filter((flag) => flag.meta.positional === true);
  for (const flag of flags) {
    const position = positionals.indexOf(flag);
    const value = position >= 0 ? typed.args[position] : optionValue(flag, typed.options);
    const variable = variableOf(command, flag);
    const given = value === undefined || (Array.isArray(value) && value.length === 0) ? env[variable] : value;
    if (given === undefined) continue;
    raw[flag.field] =
      typeof given === 'string' ? convert(flag, given, value === undefined ? variable : undefined) : given;
  }
  const parsed = input.safeParse(raw);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const flag = flags.find(({ field }) => field === issue?.path[0]);
  const message = issue?.message ?? 'not valid';
  throw new OpsError(
    'USAGE',
    `${flag === undefined ? '' : `${labelOf(flag)}: `}${message.charAt(0).toLowerCase()}${message.slice(1)}`,
    { hint: `See: opsctl ${command} --help` },
  );
}

/**
 * A flag that would do nothing is refused when it is typed; what a lasting variable says is meant for other times.
 * @throws USAGE naming those flags
 */
export function mustBeOfUse(
  { idle }: Declared,
  flags: readonly Flag[],
  input: Record<string, unknown>,
  options: Record<string, unknown>,
): void {
  const found = idle?.(input);
  const typed = flags.filter((flag) => found?.fields.includes(flag.field) && optionValue(flag, options) !== undefined);
  if (found === undefined || typed.length === 0) return;
  throw new OpsError('USAGE', `${found.why}; it takes no ${typed.map(labelOf).join(', no ')}`, { hint: found.hint });
}

/** commander takes `--no-analysis` for the opposite of an option `analysis`. */
function optionValue({ field, name, kind }: Flag, options: Record<string, unknown>): unknown {
  if (kind !== 'boolean' || !name.startsWith('no-')) return options[field];
  const opposite = `${field.charAt(2).toLowerCase()}${field.slice(3)}`;
  return options[opposite] === false ? true : undefined;
}

/** OPSCTL_HEALTH_FAIL_ON for `--fail-on` of `health`. */
export const variableOf = (command: string, flag: Pick<Flag, 'name'>): string =>
  `OPSCTL_${`${command} ${flag.name}`.trim().replace(/[ -]/g, '_').toUpperCase()}`;

const labelOf = (flag: Flag): string => (flag.meta.positional === true ? `<${flag.name}>` : `--${flag.name}`);

function convert(flag: Flag, text: string, variable: string | undefined): unknown {
  const label = variable ?? labelOf(flag);
  if (flag.kind === 'number') {
    const value = Number(text);
    if (text.trim() === '' || Number.isNaN(value)) throw new OpsError('USAGE', `${label}: ${text} is not a number`);
    return value;
  }
  if (flag.kind === 'boolean') return booleanOf(text, label);
  return flag.kind === 'list' ? text.split(',') : text;
}

/** A boolean in an environment variable; "false" is false. @throws USAGE for anything unclear */
export function booleanOf(text: string, label: string): boolean {
  if (['1', 'true', 'yes', 'on'].includes(text.toLowerCase())) return true;
  if (['', '0', 'false', 'no', 'off'].includes(text.toLowerCase())) return false;
  throw new OpsError('USAGE', `${label}: ${text} is neither true nor false`);
}
