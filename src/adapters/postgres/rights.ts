/** What gives a role the right that something needs: each change says its own (PostgreSQL documentation, seen on 13 to 18). */
import { asOpsError, OpsError } from '../../core/errors.ts';
import type { Asked } from './failure.ts';

/** The hint for a role that lacks a right. */
export type Needed = (user: string) => string;

export const needed = {
  signal: (user) =>
    `Grant it: GRANT pg_signal_backend TO ${user}. Sessions of superusers are ended by superusers only.`,
  analyze:
    (relation: string): Needed =>
    (user) =>
      `Analyze it as its owner, the owner of the database or a superuser; from PostgreSQL 17 on it can be granted: GRANT MAINTAIN ON ${relation} TO ${user}`,
  checkpoint: (user) => `From PostgreSQL 15 on: GRANT pg_checkpoint TO ${user}. Before, superusers only.`,
  setLimit: (user) =>
    `From PostgreSQL 15 on: GRANT ALTER SYSTEM ON PARAMETER max_connections TO ${user}. Before, superusers only.`,
  readFiles: (user) =>
    `Grant both: GRANT SELECT ON pg_file_settings TO ${user}; GRANT EXECUTE ON FUNCTION pg_show_all_file_settings() TO ${user}`,
} satisfies Record<string, Needed | ((relation: string) => Needed)>;

/** The error itself, and for one of rights (SQLSTATE 42501) what gives the right. */
export function lacking({ user }: Asked, thrown: unknown, right: Needed): OpsError {
  const error = asOpsError(thrown);
  const { code, message, details, cause } = error;
  if (details?.['sqlstate'] !== '42501') return error;
  return new OpsError(code, message, { hint: right(user), details, cause });
}
