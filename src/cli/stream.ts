import type { ReadCommand } from '../core/command.ts';
import { OpsError } from '../core/errors.ts';
import { showable } from '../core/text.ts';
import { eventSchemaOf, jsonText } from './render.ts';
import type { Run } from './state.ts';
import { suggestFor } from './suggest.ts';

/**
 * Runs the endless form of a command: NDJSON with `--json`, a redrawn screen on a terminal where the command
 * has one, a line an event elsewhere. It ends at Ctrl-C, after the command's own last word.
 */
export async function stream(
  state: Run,
  command: ReadCommand,
  streaming: NonNullable<ReadCommand['stream']>,
): Promise<number> {
  const { invocation, terminal, context, interruption } = state;
  const { json, quiet } = invocation.global;
  interruption.say('');
  const { input } = invocation;
  const screen =
    streaming.screen !== undefined && terminal.outIsTerminal && hasRoom(process.stdout) && json === false && !quiet
      ? (await import('log-update')).createLogUpdate(process.stdout)
      : undefined;
  const suggest = suggestFor(invocation, terminal.env);
  for await (const event of streaming.run(input, context)) {
    const result = streaming.event.safeParse(suggest.data(event));
    if (!result.success)
      throw new OpsError('BUG', `an event of ${command.name} does not fit its schema: ${result.error.message}`);
    if (quiet) continue;
    if (json !== false) {
      terminal.result(jsonText({ schema: eventSchemaOf(command.name), ...(result.data as object) }));
      continue;
    }
    const shown = showable(result.data);
    if (screen !== undefined) screen(streaming.screen?.(shown, terminal.out, input) ?? '');
    else {
      const line = streaming.line(shown, terminal.out, input);
      if (line !== '') terminal.result(`${line}\n`);
    }
  }
  screen?.done();
  return context.signal.aborted ? 130 : 0;
}

/** Terminals that never learnt their size (`docker exec -t` without a client's) say 0: nothing can be drawn there. */
const hasRoom = ({ rows }: NodeJS.WriteStream): boolean => rows > 0;
