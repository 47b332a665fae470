import { Command as Commander, CommanderError, Option } from 'commander';

import { registry } from '../commands/index.ts';
import type { Command } from '../core/command.ts';
import { OpsError } from '../core/errors.ts';
import { oneLine } from '../core/text.ts';
import { booleanOf, declareFlags, type Flag, flagsOf, mustBeOfUse, readInput } from './flags.ts';
import { type ChangeInput, changeInput, type GlobalInput, globalInput } from './global.ts';

/** A command line, understood. */
export interface Invocation {
  command: Command;
  input: Record<string, unknown>;
  global: GlobalInput;
  change: ChangeInput;
}

/** Understands the words of a command line; undefined when they asked for help, which was printed. @throws USAGE */
export function readCommandLine(
  command: Command,
  argv: string[],
  env: Record<string, string | undefined>,
  printHelp: (text: string) => void,
  width: number,
): Invocation | undefined {
  const flags = flagsOf(command.input);
  const { program, leaf } = commanderFor(command, flags);
  let said = '';
  for (const one of [program, ...chain(program, leaf)]) {
    one
      .exitOverride()
      .configureOutput({ writeOut: printHelp, writeErr: (text) => void (said += text), getOutHelpWidth: () => width });
  }
  try {
    program.parse(argv.map(plainJson), { from: 'user' });
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    if (thrown.exitCode === 0) return undefined;
    if (thrown.code === 'commander.unknownOption') mustBeNoText(command, flags, argv);
    const [first = 'not understood', ...rest] = said
      .trim()
      .replace(/^error: /, '')
      .split('\n');
    const verbs = registry.filter(({ name }) => name.startsWith(`${command.name} `)).map(({ name }) => name);
    const also =
      verbs.length > 0 && thrown.code === 'commander.excessArguments' ? ` Or did you mean: ${verbs.join(', ')}?` : '';
    throw new OpsError('USAGE', first, {
      hint: `${rest.length > 0 ? rest.join(' ').replace(/[()]/g, '') : `See: opsctl ${command.name} --help`}${also}`,
    });
  }
  const typed = leaf.optsWithGlobals<Record<string, unknown>>();
  const environment = (input: typeof globalInput | typeof changeInput): Record<string, unknown> =>
    readInput(
      input,
      flagsOf(input).filter(({ name }) => name !== 'json' && name !== 'color'),
      { options: typed, args: [] },
      onlyLasting(env),
      '',
    );
  const input = readInput(command.input, flags, { options: typed, args: leaf.processedArgs }, env, command.name);
  mustBeOfUse(command, flags, input, typed);
  return {
    command,
    input,
    global: { ...globalInput.parse(environment(globalInput)), json: jsonMode(typed, env), color: undefined },
    change: changeInput.parse(command.kind === 'change' ? environment(changeInput) : {}),
  };
}

/** @throws USAGE for a text that begins as a flag does, such as a statement behind a comment */
function mustBeNoText(command: Command, flags: readonly Flag[], argv: readonly string[]): void {
  const text = argv.find((word) => word.startsWith('-') && /\s/.test(word) && !/^--[\w-]+=/.test(word));
  const argument = flags.find(({ meta }) => meta.positional === true);
  if (text === undefined || argument === undefined) return;
  throw new OpsError('USAGE', `'${oneLine(text).slice(0, 40)}…' begins as a flag does`, {
    hint: `What is none comes last, behind --: opsctl ${command.name} -- '<${argument.name}>'`,
  });
}

/** A variable that lingers in a shell must never confirm what cannot be undone, nor let others in. */
function onlyLasting(env: Record<string, string | undefined>): Record<string, string | undefined> {
  const { OPSCTL_CONFIRM: _confirm, OPSCTL_WITHOUT_ENGINE: _withoutEngine, ...rest } = env;
  return rest;
}

function jsonMode(typed: Record<string, unknown>, env: Record<string, string | undefined>): boolean | 'stream' {
  if (typed['jsonStream'] === true || (typed['json'] === undefined && env['OPSCTL_JSON'] === 'stream')) return 'stream';
  if (typed['json'] === true) return true;
  const variable = env['OPSCTL_JSON'];
  return variable !== undefined && booleanOf(variable, 'OPSCTL_JSON');
}

/** What `--json=stream` is to the parser: an option with an optional value would take the next word for it. */
const STREAM_FLAG = '--json-stream';

function plainJson(word: string): string {
  if (!word.startsWith('--json=')) return word;
  if (word === '--json=stream') return STREAM_FLAG;
  throw new OpsError('USAGE', `${word} is not understood`, {
    hint: 'Use --json for one document, or --json=stream for events as they happen.',
  });
}

function commanderFor(command: Command, flags: Flag[]): { program: Commander; leaf: Commander } {
  const program = new Commander('opsctl').enablePositionalOptions(false);
  let leaf = program;
  for (const word of command.name.split(' ')) leaf = leaf.command(word);
  leaf
    .description(`${command.summary}${command.description === undefined ? '' : `\n\n${command.description}`}`)
    .allowExcessArguments(false);
  leaf.action(() => undefined);
  declareFlags(leaf, flags);
  if (command.kind === 'change') {
    leaf.optionsGroup('Change:');
    declareFlags(leaf, flagsOf(changeInput));
  }
  leaf.optionsGroup('Every command:');
  declareFlags(
    leaf,
    flagsOf(globalInput).filter(({ name }) => name !== 'json' && name !== 'color'),
  );
  leaf.addOption(new Option('--json', 'one JSON document; --json=stream: events as they happen'));
  leaf.addOption(new Option(STREAM_FLAG).hideHelp());
  leaf.addOption(new Option('--color', 'colours even where stdout is no terminal'));
  leaf.addOption(new Option('--no-color', 'no colours'));
  leaf.helpOption('-h, --help', 'this help');
  const examples = command.examples.map((example) => `  $ ${example.command}\n      ${example.explains}`);
  leaf.addHelpText(
    'after',
    `\nExamples:\n${examples.join('\n')}\n\nEvery flag has a variable too: OPSCTL_ENVIRONMENT for those of every command, OPSCTL_${command.name.replace(/[ -]/g, '_').toUpperCase()}_… for this command's own.`,
  );
  // Global flags are understood before the command's name as well.
  declareFlags(
    program,
    flagsOf(globalInput).filter(({ name }) => name !== 'json' && name !== 'color'),
  );
  program.option('--json').option(STREAM_FLAG).option('--color').option('--no-color');
  return { program, leaf };
}

function chain(program: Commander, leaf: Commander): Commander[] {
  return leaf === program || leaf.parent === null ? [] : [...chain(program, leaf.parent), leaf];
}
