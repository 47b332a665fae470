import path from 'node:path';

import * as z from 'zod';

import { readCommand } from '../core/command.ts';
import { OpsError } from '../core/errors.ts';
import { guessesOf } from '../discover/guesses.ts';
import { fileText } from '../discover/file-text.ts';
import { study } from '../discover/study.ts';

export default readCommand({
  name: 'init',
  summary: 'Writes an opsctl.yaml for a compose project that runs, each guess explained',
  description:
    'Looks at the containers of one compose project, at what answers on their published ports, and at the configuration of nginx. Nothing on the platform is changed, no password is written, and a file that exists is never replaced without --force.',
  needs: 'engine',
  examples: [
    { command: 'opsctl init', explains: 'the only compose project that runs here' },
    {
      command: 'opsctl init --project shop --environment staging --output ops/opsctl.yaml',
      explains: 'one of several projects, another environment, another place',
    },
    { command: 'opsctl init --stdout', explains: 'shows the file instead of writing it' },
  ],
  input: z.object({
    output: z.string().min(1).default('opsctl.yaml').meta({ description: 'file to write', short: 'o', value: 'file' }),
    project: z
      .string()
      .min(1)
      .optional()
      .meta({ description: 'compose project, where several run', short: 'p', value: 'name' }),
    force: z.boolean().default(false).meta({ description: 'replace the file if it exists' }),
    stdout: z.boolean().default(false).meta({ description: 'print the file instead of writing it' }),
  }),
  output: z.object({
    project: z.string(),
    environment: z.string(),
    file: z.string().nullable().describe('absolute path of what was written; null with --stdout'),
    replaced: z.boolean().describe('another file was there'),
    text: z.string().describe('the file'),
    guesses: z.array(
      z.object({
        part: z.string().describe('compose service, or the place of a database outside'),
        role: z.string().describe('what it was taken for'),
        because: z.string(),
        health: z.string().nullable().describe('URL that answered'),
      }),
    ),
    next: z.array(z.string()),
  }),
  run: async (input, { platform, readers }) => {
    const environment = platform.environment === '-' ? 'production' : platform.environment;
    if (!/^[A-Za-z0-9][A-Za-z0-9-]*$/.test(environment))
      throw new OpsError('USAGE', `--environment ${environment}: letters, digits and dashes only`, {
        hint: 'For example: opsctl init --environment staging',
      });
    const output = path.resolve(platform.directory, input.output);
    if (!input.stdout && !input.force && (await readers.files.modifiedAt(output)) !== undefined)
      throw exists(input.output);
    const found = await study(readers, input.project);
    const relative = (file: string): string => relativeTo(path.dirname(output), file);
    const text = fileText(found, { environment, relative });
    // What does not load is a bug of the draft, and is found before anything is written.
    readers.configuration.validate(text);
    const written = input.stdout
      ? undefined
      : await readers.configuration.write(output, text, { replace: input.force });
    const flag =
      written === undefined || isFoundByItself(output, platform.directory) ? '' : ` --config ${input.output}`;
    return {
      project: found.facts.project,
      environment,
      file: written?.path ?? null,
      replaced: written?.replaced ?? false,
      text,
      guesses: guessesOf(found),
      next: [`opsctl config check${flag}`, `opsctl health${flag}`],
    };
  },
  format: (data, input) => (input.stdout ? data.text : undefined),
  text: (data, style) =>
    [
      `${style.good(data.replaced ? 'replaced' : 'wrote')} ${data.file ?? ''}: environment ${data.environment} of compose project ${data.project}`,
      '',
      style.table(
        [{ title: 'PART' }, { title: 'TAKEN FOR' }, { title: 'SEEN', flexible: true }],
        data.guesses.map(({ part, role, because, health }) => [part, role, health ?? because]),
      ),
      '',
      'The file has a comment for each guess. Then run:',
      ...data.next.map((command) => `  ${style.bold(command)}`),
    ].join('\n'),
});

const exists = (file: string): OpsError =>
  new OpsError('UNSAFE', `${file} exists already and was left as it is`, {
    hint: 'Replace it with --force, write another with --output, or see the text with --stdout.',
  });

/** Relative where the file is not far away; who moves both together is then not disturbed. */
function relativeTo(directory: string, file: string): string {
  const relative = path.relative(directory, file);
  return relative.startsWith(`..${path.sep}..${path.sep}..`) || path.isAbsolute(relative)
    ? file
    : relative.replaceAll('\\', '/');
}

const isFoundByItself = (file: string, directory: string): boolean =>
  path.dirname(file) === directory && /^opsctl\.ya?ml$/.test(path.basename(file));
