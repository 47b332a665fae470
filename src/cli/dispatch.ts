import * as z from 'zod';

import type { Entry } from '../commands/index.ts';
import { asOpsError } from '../core/errors.ts';
import { type Invocation, readCommandLine } from './invocation.ts';
import { errorData, errorText, jsonText, schemaOf } from './render.ts';
import { openTerminal } from './terminal.ts';

// A parser made of each schema (by `new Function`) pays after some hundred uses; one run has a few.
z.config({ jitless: true });

/** Loads a command, reads its command line, runs it; gives the exit code. */
export async function dispatch(entry: Entry, argv: string[]): Promise<number> {
  const command = (await entry.load()).default;
  const terminal = openTerminal(argv.includes('--no-color') ? false : argv.includes('--color') ? true : undefined);
  let invocation: Invocation | undefined;
  try {
    invocation = readCommandLine(command, argv, terminal.env, terminal.result, terminal.out.width);
    if (invocation === undefined) return 0;
    // Help needs no configuration and no adapter.
    const { run } = await import('./run.ts');
    return await run(invocation, terminal);
  } catch (thrown) {
    const error = asOpsError(thrown);
    const json = invocation?.global.json ?? argv.some((word) => word === '--json' || word.startsWith('--json='));
    if (json !== false)
      terminal.result(
        jsonText({ schema: schemaOf(command.name), ok: false, environment: null, error: errorData(error) }),
      );
    terminal.remark(
      errorText(error, terminal.err, invocation?.global.debug ?? argv.includes('--debug'), terminal.errIsTerminal),
    );
    return error.exit;
  }
}
