/**
 * Writes docs/reference/ from the declarations: a page of all commands, the JSON Schema of every output, the
 * schema of the configuration, exit codes and errors. With --check it only compares and fails when stale.
 */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

import * as z from 'zod';

import { flagsOf, type Flag } from '../src/cli/flags.ts';
import { changeInput, globalInput } from '../src/cli/global.ts';
import { schemaOf } from '../src/cli/render.ts';
import { GROUPS, registry } from '../src/commands/index.ts';
import { configJsonSchema } from '../src/config/schema.ts';
import { changeEventSchema, planSchema } from '../src/core/change.ts';
import type { Command } from '../src/core/command.ts';
import { ERRORS, EXIT } from '../src/core/errors.ts';
import { THRESHOLD_SOURCES } from '../src/core/threshold-sources.ts';
import { type Thresholds, thresholdsSchema } from '../src/core/thresholds.ts';

const target = path.resolve(import.meta.dirname, '..', 'docs', 'reference');
const files = new Map<string, string>();
const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
const jsonSchema = (schema: z.ZodType): ObjectSchema =>
  z.toJSONSchema(schema, { unrepresentable: 'any', io: 'output' });

interface ObjectSchema {
  properties?: Record<string, unknown>;
  required?: string[];
  anyOf?: ObjectSchema[];
  oneOf?: ObjectSchema[];
}

/** The schema of an event, with what every line of a stream says beside it. */
function streamed(schema: ObjectSchema, names: string[]): ObjectSchema {
  const { anyOf, oneOf, properties } = schema;
  if (anyOf !== undefined) return { ...schema, anyOf: anyOf.map((one) => streamed(one, names)) };
  if (oneOf !== undefined) return { ...schema, oneOf: oneOf.map((one) => streamed(one, names)) };
  const more = Object.fromEntries(names.map((name) => [name, { type: 'string' }]));
  return { ...schema, properties: { ...more, ...properties }, required: [...names, ...(schema.required ?? [])] };
}

/** The document that `--json` prints for a command. */
function envelope(command: Command): unknown {
  const success = z.object({
    schema: z.literal(schemaOf(command.name)),
    ok: z.boolean(),
    environment: z.string().nullable(),
    data: command.output.optional(),
    ...(command.kind === 'change'
      ? {
          plan: planSchema.optional(),
          left: z
            .array(z.string())
            .optional()
            .describe(
              'of a change that was done: steps after its aim that were not, such as a hook, each with the reason',
            ),
          dryRun: z.literal(true).optional(),
        }
      : {}),
    error: z
      .object({
        code: z.enum(Object.keys(ERRORS)),
        message: z.string(),
        exit: z.number(),
        hint: z.string().optional(),
        details: z.record(z.string(), z.unknown()).optional(),
      })
      .optional(),
    cost: z.object({ durationMs: z.number(), calls: z.record(z.string(), z.number()) }).optional(),
  });
  return jsonSchema(success);
}

function flagRow(flag: Flag): string {
  const name =
    flag.meta.positional === true
      ? `\`<${flag.name}>\``
      : `\`--${flag.name}\`${flag.meta.short === undefined ? '' : `, \`-${flag.meta.short}\``}`;
  const kind = flag.choices.length > 0 ? flag.choices.map((choice) => `\`${choice}\``).join(', ') : flag.kind;
  const fallback =
    flag.fallback === undefined ? (flag.required ? 'required' : '') : `\`${JSON.stringify(flag.fallback)}\``;
  return `| ${name} | ${kind} | ${fallback} | ${(flag.meta.description ?? '').replaceAll('|', '\\|')} |`;
}

const table = (flags: Flag[]): string[] => [
  '| flag | kind | default | meaning |',
  '| --- | --- | --- | --- |',
  ...flags.map(flagRow),
];

function section(command: Command): string[] {
  const flags = flagsOf(command.input);
  return [
    `### opsctl ${command.name}`,
    '',
    `${command.summary}.`,
    ...(command.description === undefined ? [] : ['', command.description]),
    '',
    ...(command.kind === 'change' ? ['A change: it has `--dry-run`, `--yes`, `--confirm` and `--reason`.', ''] : []),
    ...(flags.length === 0 ? [] : [...table(flags), '']),
    ...command.examples.flatMap((example) => [`- \`${example.command}\`: ${example.explains}`]),
    '',
    `Output: [\`${schemaOf(command.name)}\`](schemas/${command.name.replaceAll(' ', '.')}.json)`,
    '',
  ];
}

const commands = await Promise.all(registry.map(async (entry) => ({ entry, command: (await entry.load()).default })));
files.set(
  'commands.md',
  [
    '# Commands',
    '',
    'Generated from the declarations by `npm run docs`.',
    '',
    ...Object.entries(GROUPS).flatMap(([group, title]) => [
      `## ${title}`,
      '',
      ...commands.filter(({ entry }) => entry.group === group).flatMap(({ command }) => section(command)),
    ]),
    '## Flags of every command',
    '',
    ...table(flagsOf(globalInput).filter(({ name }) => name !== 'json' && name !== 'color')),
    '| `--json` | `stream` or nothing |  | one JSON document; `--json=stream`: events as they happen |',
    '| `--color`, `--no-color` | boolean |  | colours even where stdout is no terminal, or never |',
    '',
    '## Flags of every change',
    '',
    ...table(flagsOf(changeInput)),
    '',
  ].join('\n'),
);
files.set(
  'exit-codes.md',
  [
    '# Exit codes and errors',
    '',
    'Generated by `npm run docs`.',
    '',
    '| exit | meaning |',
    '| --- | --- |',
    ...Object.entries(EXIT).map(([code, meaning]) => `| ${code} | ${meaning} |`),
    '',
    '| error | exit | meaning |',
    '| --- | --- | --- |',
    ...Object.entries(ERRORS).map(([code, { exit, meaning }]) => `| \`${code}\` | ${exit.toString()} | ${meaning} |`),
    '',
  ].join('\n'),
);
files.set('opsctl.schema.json', json(configJsonSchema()));
files.set('thresholds.md', thresholdsPage());
for (const { command } of commands) {
  const name = command.name.replaceAll(' ', '.');
  files.set(`schemas/${name}.json`, json(envelope(command)));
  if (command.kind === 'read' && command.stream !== undefined)
    files.set(`schemas/${name}.event.json`, json(streamed(jsonSchema(command.stream.event), ['schema'])));
}
files.set('schemas/change.event.json', json(streamed(jsonSchema(changeEventSchema), ['schema', 'change'])));

function thresholdsPage(): string {
  const described = z.toJSONSchema(thresholdsSchema.unwrap(), { io: 'input' }) as {
    properties?: Record<string, { description?: string }>;
  };
  const rows = Object.entries(thresholdsSchema.parse({})).map(
    ([name, { warn, crit }]) =>
      `| \`${name}\` | ${described.properties?.[name]?.description ?? ''} | ${warn.toString()} | ${crit.toString()} | ${THRESHOLD_SOURCES[name as keyof Thresholds]} |`,
  );
  return [
    '# Thresholds',
    '',
    'Generated by `npm run docs`. Set others under `thresholds` of an environment.',
    '',
    '| threshold | of what | warn | crit | source |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

async function existing(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true, recursive: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(directory, path.join(entry.parentPath, entry.name)));
}

if (process.argv.includes('--check')) {
  const stale = [...files].map(async ([name, text]) =>
    (await readFile(path.join(target, name), 'utf8').catch(() => '')) === text ? [] : [name],
  );
  const extra = (await existing(target)).filter((name) => !files.has(name));
  const wrong = [...(await Promise.all(stale)).flat(), ...extra];
  if (wrong.length > 0) {
    process.stderr.write(`docs/reference is stale: ${wrong.join(', ')}\nnext: npm run docs\n`);
    process.exitCode = 1;
  }
} else {
  await rm(target, { recursive: true, force: true });
  for (const [name, text] of files) {
    await mkdir(path.dirname(path.join(target, name)), { recursive: true });
    await writeFile(path.join(target, name), text);
  }
}
