/** Subprocesses of the scripts: argv arrays only, output captured unless it is worth watching. */
import { execa, type Options } from 'execa';
import { Failure } from './failure.ts';

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly input?: string | Uint8Array;
  readonly timeoutMs?: number;
  /** Let the program's output be seen on stderr instead of capturing it. */
  readonly watch?: boolean;
}

export interface Result {
  readonly ok: boolean;
  readonly stdout: string;
  readonly output: string;
}

/** Runs a program; a missing program or a failing one is an answer here, not an exception. */
export async function attempt(argv: readonly string[], options: RunOptions = {}): Promise<Result> {
  const [command = '', ...args] = argv;
  const spawnOptions: Options = {
    reject: false,
    all: true,
    stdin: options.input === undefined ? 'ignore' : 'pipe',
    ...(options.watch === true && { stdout: [2, 'pipe'], stderr: [2, 'pipe'] }),
    ...(options.input !== undefined && { input: options.input }),
    ...(options.env && { env: options.env }),
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    ...(options.timeoutMs !== undefined && { timeout: options.timeoutMs }),
  };
  const result = await execa(command, args, spawnOptions);
  const output = String(result.all ?? '');
  return {
    ok: !result.failed,
    stdout: String(result.stdout ?? ''),
    output: result.failed && output === '' ? String(result.message) : output,
  };
}

/** Runs a program that must succeed and gives its stdout; the end of its output is in the error. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const result = await attempt(argv, options);
  if (result.ok) return result.stdout;
  const tail = options.watch === true ? '' : `\n${lastLines(result.output, 20)}`;
  throw new Failure(`this command failed: ${argv.join(' ')}${tail}`);
}

export function lastLines(text: string, count: number): string {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}
