import { Command } from 'commander';

import { NOUNS, registry } from '../commands/index.ts';
import { OpsError } from '../core/errors.ts';
import { wordsOf } from './entry.ts';
import { errorData, errorText, jsonText } from './render.ts';
import { rootHelp, topics } from './root-help.ts';
import { openTerminal } from './terminal.ts';

/** Answers a command line that names no command: help of a noun, or what is wrong and what may have been meant. */
export function unknownCommand(argv: string[]): number {
  const terminal = openTerminal(argv.includes('--no-color') ? false : undefined);
  const words = wordsOf(argv);
  let said = '';
  const program = programOfNouns();
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({
      writeOut: terminal.result,
      writeErr: (text) => void (said += text),
      getOutHelpWidth: () => terminal.out.width,
    });
  }
  try {
    const flags = argv.filter((word) => !isGlobal(word));
    if (words.length === 0 && flags.length === 0)
      throw new OpsError('USAGE', 'no command was given', { hint: 'See: opsctl --help' });
    // Flags say nothing of which command was meant, but for the help of a noun.
    const wantsHelp =
      topics().some(({ word }) => word === words[0]) && flags.some((word) => word === '--help' || word === '-h');
    program.parse(words.length === 0 ? flags : [...words, ...(wantsHelp ? ['--help'] : [])], { from: 'user' });
    return 0;
  } catch (thrown) {
    const { exitCode, code } = thrown as { exitCode?: number; code: string };
    if (exitCode === 0) return 0;
    const isHelp = code === 'commander.help';
    const [first = '', ...rest] = said
      .trim()
      .replace(/^error: /, '')
      .split('\n');
    const error =
      thrown instanceof OpsError
        ? thrown
        : isHelp
          ? new OpsError('USAGE', `opsctl ${words.join(' ')} needs a verb`, {
              hint: `See: opsctl ${words[0] ?? ''} --help`,
            })
          : new OpsError('USAGE', first, {
              hint: rest.length > 0 ? rest.join(' ').replace(/[()]/g, '') : 'See: opsctl --help',
            });
    if (argv.some((word) => word.startsWith('--json')))
      terminal.result(jsonText({ schema: 'opsctl/error/v1', ok: false, environment: null, error: errorData(error) }));
    terminal.remark(isHelp ? said : errorText(error, terminal.err, false, terminal.errIsTerminal));
    return error.exit;
  }
}

/** Flags that stand for any command. */
const isGlobal = (word: string): boolean => /^(--json(=.*)?|--quiet|-q|--debug|--color|--no-color)$/.test(word);

/** The words of all commands, so that commander can suggest the nearest. */
function programOfNouns(): Command {
  const program = new Command('opsctl').helpCommand(false);
  program.helpInformation = () => rootHelp(undefined);
  for (const { word, summary } of topics()) {
    const command = program.command(word).description(summary);
    if (!(word in NOUNS)) continue;
    for (const entry of registry.filter(({ name }) => name.startsWith(`${word} `)))
      command.command(entry.name.slice(word.length + 1)).description(entry.summary);
  }
  return program;
}
