/** A `db` command on a database in memory, as it is shown at 80 columns without colour. */
import type { ReadCommand } from '../../../src/core/command.ts';
import type { DatabaseLook, Session } from '../../../src/core/ports/database.ts';
import { fakeDatabase } from '../../support/fakes/database.ts';
import { contextOf, plain } from '../inspect/platform.ts';

export type Parts = Partial<DatabaseLook['parts']>;

export const databaseWith = (sessions: Session[], parts: Parts = {}): ReturnType<typeof fakeDatabase> =>
  fakeDatabase({ main: { parts: { sessions: { is: 'seen', value: sessions }, ...parts } } });

export async function shown(command: ReadCommand, sessions: Session[], parts: Parts = {}): Promise<string> {
  const input = command.input.parse({});
  const data = command.output.parse(await command.run(input, contextOf({ database: databaseWith(sessions, parts) })));
  return `\n${command.text(data, plain, input)}\n`;
}
