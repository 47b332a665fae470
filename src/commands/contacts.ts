import * as z from 'zod';

import { readCommand } from '../core/command.ts';
import type { Style } from '../core/style.ts';
import { type Directory, directoryOf, directorySchema } from '../inspect/directory.ts';

type Contact = Directory['vendors'][number];

export default readCommand({
  name: 'contacts',
  summary: 'Whom to call: the escalation matrix by level, vendors apart',
  examples: [
    { command: 'opsctl contacts', explains: 'level 1 is called first' },
    { command: 'opsctl contacts --json', explains: 'as data' },
  ],
  input: z.object({}),
  output: directorySchema,
  run: (_input, { platform }) => Promise.resolve(directoryOf(platform)),
  text: ({ levels, vendors }, style) => {
    if (levels.length === 0 && vendors.length === 0) {
      return 'the configuration has no contacts; add them under contacts: in opsctl.yaml';
    }
    const blocks = levels.map(({ level, contacts }) =>
      block(level === null ? 'without a level' : `level ${level.toString()}`, contacts, style),
    );
    return [...blocks, ...(vendors.length === 0 ? [] : [block('vendors', vendors, style)])].join('\n\n');
  },
});

/** Never cut: half a telephone number helps nobody. What does not fit into a line goes on in the next. */
function block(title: string, contacts: readonly Contact[], style: Style): string {
  const indent = Math.max(...contacts.map(({ role }) => role.length)) + 4;
  const lines = contacts.map(({ role, name, phone, email, chat, note }) => {
    const ways = [name, phone, email, chat, note].filter((way) => way !== undefined);
    return `  ${role.padEnd(indent - 2)}${style.wrap(ways.join(', '), indent)}`;
  });
  return `${style.bold(title)}\n${lines.join('\n')}`;
}
