/** Exit codes of the program and what each tells a script. The one table: help, docs and code derive from it. */
export const EXIT = {
  0: 'done, or healthy',
  1: 'a check says no (`--fail-on warn` makes warnings count)',
  2: 'usage or configuration',
  3: 'failed and rolled back',
  4: 'failed, not fully rolled back: read what is left',
  5: 'refused: not confirmed, locked, plan changed, unsafe now',
  6: 'could not observe, or a dependency is unreachable',
  70: 'a bug in opsctl',
  130: 'interrupted',
} as const;

/** One of the exit codes that the program may end with. */
export type ExitCode = keyof typeof EXIT;

/** Every error code, the exit code that it leads to, and what it means. */
export const ERRORS = {
  USAGE: { exit: 2, meaning: 'the command line is not understood' },
  CONFIG_MISSING: { exit: 2, meaning: 'no configuration file was found' },
  CONFIG_INVALID: { exit: 2, meaning: 'the configuration file has a mistake' },
  SECRET_MISSING: { exit: 2, meaning: 'a secret that the configuration refers to cannot be read' },
  NOT_FOUND: { exit: 2, meaning: 'the thing named does not exist on the platform' },
  NOT_CONFIGURED: { exit: 2, meaning: 'the command needs a part that the configuration does not have' },
  ROLLED_BACK: { exit: 3, meaning: 'the change failed and everything it did was undone' },
  PARTIAL: { exit: 4, meaning: 'the change failed and something of it is left' },
  NOT_CONFIRMED: { exit: 5, meaning: 'the change was not confirmed' },
  LOCKED: { exit: 5, meaning: 'another change is running' },
  PLAN_CHANGED: { exit: 5, meaning: 'the platform changed between showing the plan and executing it' },
  UNSAFE: { exit: 5, meaning: 'the change would do harm now' },
  JOURNAL_UNWRITABLE: { exit: 5, meaning: 'the journal cannot be written, so nothing was started' },
  PAUSED: { exit: 6, meaning: 'the change is paused where it is: what it waits for could not be decided' },
  UNREACHABLE: { exit: 6, meaning: 'a dependency does not answer' },
  TIMED_OUT: { exit: 6, meaning: 'a dependency did not answer within its deadline' },
  AUTH_FAILED: { exit: 6, meaning: 'a dependency refused the credentials' },
  NOT_READY: { exit: 6, meaning: 'a dependency answers but does not serve yet, or has no room' },
  BAD_ANSWER: { exit: 6, meaning: 'a dependency answered something that cannot be understood' },
  REJECTED: { exit: 6, meaning: 'a dependency refused what was asked of it' },
  BUG: { exit: 70, meaning: 'a bug in opsctl' },
  INTERRUPTED: { exit: 130, meaning: 'interrupted by the user' },
} as const satisfies Record<string, { exit: ExitCode; meaning: string }>;

/** Name of an error, stable for scripts. */
export type ErrorCode = keyof typeof ERRORS;

/** What an error may carry beside its code and message. */
export interface ErrorExtras {
  /** A full sentence with the exact next command. */
  hint?: string;
  /** Facts for scripts; printed in `--json` and, as `key: value` lines, in text. */
  details?: Record<string, unknown>;
  cause?: unknown;
}

/**
 * The one error class. The message is lower case, has no full stop and names the thing
 * ("postgres main does not answer at 10.0.0.3:5432"); the hint is a sentence with the next command.
 */
export class OpsError extends Error {
  override readonly name = 'OpsError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: Record<string, unknown> | undefined;

  constructor(code: ErrorCode, message: string, extras: ErrorExtras = {}) {
    super(message, extras.cause === undefined ? undefined : { cause: extras.cause });
    this.code = code;
    this.hint = extras.hint;
    this.details = extras.details;
  }

  get exit(): ExitCode {
    return ERRORS[this.code].exit;
  }

  /** The same failure, of which more is known where it is caught: another message or hint, and details beside those it has. */
  told({
    message = this.message,
    hint = this.hint,
    details,
  }: { message?: string } & Omit<ErrorExtras, 'cause'>): OpsError {
    return new OpsError(this.code, message, {
      ...(hint === undefined ? {} : { hint }),
      ...(this.details === undefined && details === undefined ? {} : { details: { ...this.details, ...details } }),
      cause: this,
    });
  }
}

/** Turns whatever was thrown into an OpsError; what nobody translated is a bug of ours. */
export function asOpsError(thrown: unknown): OpsError {
  if (thrown instanceof OpsError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new OpsError('BUG', `unexpected: ${message}`, {
    hint: 'Run it again with --debug and report what it prints.',
    cause: thrown,
  });
}
