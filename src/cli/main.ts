/**
 * The entry: finds the command that is meant and loads it. Everything heavy (commander, zod, chalk, drivers) is
 * behind the program, so that `--version` and `--help` start as fast as node itself allows.
 */
import { registry } from '../commands/index.ts';
import { redact } from '../core/secret.ts';
import { findEntry } from './entry.ts';
import { program } from './program.ts';
import { rootHelp } from './root-help.ts';

/** Put in by the build, from package.json. */
declare const OPSCTL_VERSION: string;

async function main(): Promise<void> {
  let argv = process.argv.slice(2);
  let lost: string | undefined;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // The reader of a pipe went away, as `| head` does: nothing is left to be said.
    if (error.code === 'EPIPE') process.exit(0);
    lost = error.code;
  });
  // What Node has to say of libraries and variables is no concern of whoever runs opsctl.
  if (!argv.includes('--debug')) process.removeAllListeners('warning');
  // A terminal that is gone (a broken ssh connection) takes no remarks; that is no reason to stop half way.
  process.stderr.on('error', () => undefined);
  if (argv[0] === 'help' && argv.length > 1) argv = [...argv.slice(1), '--help'];
  if (argv[0] === '__complete') process.exit(await program().complete(argv.slice(1)));
  let code = await answer(argv);
  await new Promise((resolve) => setImmediate(resolve));
  if (lost !== undefined) {
    process.stderr.write(
      `error: the result could not be written to stdout: ${lost}\nnext: Make room where it goes, and run it again.\n`,
    );
    code = code === 0 ? 6 : code;
  }
  process.exitCode = code;
  // Sockets that a hanging server keeps open must not keep the program alive.
  process.stdout.write('', () => process.stderr.write('', () => process.exit(code)));
}

async function answer(argv: string[]): Promise<number> {
  const [first] = argv;
  const print = (text: string): number => {
    process.stdout.write(text);
    return 0;
  };
  if (first === '--version' || first === '-V') return print(`${OPSCTL_VERSION}\n`);
  const entry = findEntry(argv, registry);
  if (entry !== undefined) return await program().dispatch(entry.name, argv);
  if (argv.length === 0 || (argv.length === 1 && (first === '--help' || first === '-h' || first === 'help')))
    return print(rootHelp(process.stdout.columns));
  return await program().unknownCommand(argv);
}

/** What nobody caught is a bug: one line, not a page of minified source. */
function bug(thrown: unknown): void {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const trace = process.argv.includes('--debug') ? `${redact(error.stack ?? '')}\n` : '';
  process.stderr.write(
    `error: unexpected: ${redact(error.message)}\n${trace}next: Run it again with --debug and report what it prints.\n`,
  );
  process.exit(70);
}

process.on('uncaughtException', bug);
main().catch(bug);
