import * as z from 'zod';

import { readCommand } from '../../core/command.ts';
import type { ConfigValue } from '../../core/ports/local.ts';

const valueSchema = z.object({
  path: z.string().describe('path within the environment, as --set takes it'),
  value: z.unknown().describe('secrets are references and stay so'),
  origin: z.enum(['flag', 'environment', 'file', 'default']),
  at: z.string().nullable().describe('the flag, the variable, or the place in the file'),
});

export default readCommand({
  name: 'config show',
  summary: 'The configuration in use, with --origin where each value comes from',
  description:
    'Precedence: flag, environment variable, file, default. A variable is the path in capitals: OPSCTL_CHECKS_TIMEOUT_MS for checks.timeoutMs. Secrets appear as the references that they are; passwords within URLs are redacted.',
  examples: [
    { command: 'opsctl config show', explains: 'every value that differs from its default' },
    { command: 'opsctl config show --origin', explains: 'every value, defaults too, and where it comes from' },
    {
      command: 'opsctl config show checks --set checks.timeoutMs=2000 --origin',
      explains: 'one part; a flag wins over the file',
    },
  ],
  input: z.object({
    part: z.string().optional().meta({ description: 'only the values below this path', positional: true }),
    origin: z.boolean().default(false).meta({ description: 'defaults too, and where each value comes from' }),
  }),
  output: z.object({
    file: z.string().nullable(),
    environment: z.string(),
    protected: z.boolean().describe('changes ask for the name of the environment'),
    environments: z.array(z.string()).describe('all that the file has'),
    values: z.array(valueSchema),
  }),
  run: ({ part, origin }, { platform, readers }) => {
    const { configuration } = readers;
    const values = configuration
      .values()
      .filter((one) => part === undefined || one.path === part || one.path.startsWith(`${part}.`))
      .filter((one) => origin || one.origin !== 'default')
      .map((one: ConfigValue) => ({ path: one.path, value: one.value, origin: one.origin, at: one.at ?? null }));
    return Promise.resolve({
      file: configuration.file() ?? null,
      environment: platform.environment,
      protected: platform.protected,
      environments: configuration.environments(),
      values,
    });
  },
  text: (data, style, { origin }) => {
    const guarded = data.protected ? ', protected' : '';
    const head = style.dim(`${data.file ?? 'no file'}, environment ${data.environment}${guarded}`);
    const shown = data.values.map((one) => ({ ...one, text: inText(one.value) }));
    if (shown.length === 0)
      return `${head}\n${style.suggest('no such value; see all with: opsctl config show --origin')}`;
    if (!origin) return `${head}\n${style.pairs(shown.map(({ path, text }) => [path, text]))}`;
    const from = (one: (typeof shown)[number]): string => {
      const [line, column] = (one.origin === 'file' ? (one.at ?? '') : '').match(/\d+/g) ?? [];
      if (line !== undefined && column !== undefined) return `file:${line}:${column}`;
      return one.at === null ? one.origin : `${one.origin}: ${one.at}`;
    };
    const rows = shown.map((one) => [one.path, one.text, from(one)]);
    return `${head}\n${style.table([{ title: 'VALUE' }, { title: 'IS', flexible: true }, { title: 'FROM' }], rows)}`;
  },
});

const inText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
