import type { OpenedPorts } from '../adapters/open.ts';
import type { Context, ReadCommand } from '../core/command.ts';
import { OpsError } from '../core/errors.ts';
import type { Invocation } from './invocation.ts';
import type { Envelope } from './render.ts';
import type { Interruption } from './signals.ts';
import type { Terminal } from './terminal.ts';

/** Everything that the parts of the pipeline share during one run. */
export interface Run {
  invocation: Invocation;
  terminal: Terminal;
  context: Context;
  ports: OpenedPorts;
  interruption: Interruption;
  /** Prints the one JSON document, or the text, unless --quiet. */
  answer(part: Partial<Envelope>, text: () => string): void;
}

/** Data as the command's published schema has it; anything else is a bug worth knowing. */
export function checked(command: Pick<ReadCommand, 'name' | 'output'>, data: unknown): unknown {
  const parsed = command.output.safeParse(data);
  if (parsed.success) return parsed.data;
  throw new OpsError(
    'BUG',
    `the output of ${command.name} does not fit its schema: ${parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ')}`,
  );
}
