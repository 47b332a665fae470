import * as z from 'zod';

import { registry } from '../commands/index.ts';
import { type Flag, flagsOf } from './flags.ts';
import { changeInput, globalInput } from './global.ts';

/** Where `global.ts` leaves the type open, because a boolean and a word share the flag. */
const others = z.object({
  json: z.boolean().optional().meta({ description: 'one JSON document' }),
  color: z.boolean().optional().meta({ description: 'colours even where stdout is no terminal' }),
  noColor: z.boolean().optional().meta({ description: 'no colours' }),
  help: z.boolean().optional().meta({ description: 'help' }),
});

/** All flags and positional arguments of a command, its own first. */
export async function flagsFor(name: string | undefined): Promise<Flag[]> {
  const command = (await registry.find((entry) => entry.name === name)?.load())?.default;
  const shared = flagsOf(globalInput).filter((flag) => flag.name !== 'json' && flag.name !== 'color');
  return [
    ...(command === undefined ? [] : flagsOf(command.input)),
    ...(command?.kind === 'change' ? flagsOf(changeInput) : []),
    ...shared,
    ...flagsOf(others),
  ];
}
