/** What the entry asks of the program, by which it is loaded (program.ts). Each part is run when it is needed. */
import { registry } from '../commands/index.ts';

/** Runs a command of the registry. @returns the exit code */
export async function dispatch(name: string, argv: string[]): Promise<number> {
  const entry = registry.find((one) => one.name === name);
  if (entry === undefined) throw new Error(`the entry knows a command that the program does not: ${name}`);
  return await (await import('./dispatch.ts')).dispatch(entry, argv);
}

/** Candidates for the word that is being typed. @returns the exit code */
export const complete = async (argv: string[]): Promise<number> => await (await import('./complete.ts')).complete(argv);

/** Says that there is no such command. @returns the exit code */
export const unknownCommand = async (argv: string[]): Promise<number> =>
  (await import('./unknown.ts')).unknownCommand(argv);
