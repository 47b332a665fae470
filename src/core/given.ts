/** Flags that one way of running a command has no use for. */
import { OpsError } from './errors.ts';

/** The flag of a field of an input: `stepDuration` gives `step-duration`. */
export const flagName = (field: string): string => field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/**
 * A flag that would do nothing is refused: who gives it expects that it does something. Fields have no defaults then, or
 * they could not be told from what was typed.
 * @param why what the command does instead of heeding them, such as `--rollback ends the canary that runs`
 * @throws USAGE naming those of the fields that were given
 */
export function mustNotBeGiven<Field extends string>(
  input: Readonly<Partial<Record<Field, unknown>>>,
  fields: readonly Field[],
  { why, hint }: { why: string; hint: string },
): void {
  const given = fields.filter((field) => isGiven(input[field]));
  if (given.length === 0) return;
  const flags = given.map((field) => `--${flagName(field)}`).join(', no ');
  throw new OpsError('USAGE', `${why}; it takes no ${flags}`, { hint });
}

const isGiven = (value: unknown): boolean =>
  value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0);
