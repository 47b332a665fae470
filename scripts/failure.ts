/** What every script of the demo does when it cannot go on: say so in one place, in one form. */

/** Carries a message for the reader (what happened, to what, what to do next) and an exit code. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly exit: number;

  constructor(message: string, exit = 1) {
    super(message);
    this.exit = exit;
  }
}

/** Progress goes to stderr: stdout belongs to results. */
export function say(text: string): void {
  process.stderr.write(`demo: ${text}\n`);
}

/** Runs a script's body; a Failure ends it with its message only, anything else with its stack. */
export async function script(body: () => Promise<number | void>): Promise<void> {
  try {
    process.exitCode = (await body()) ?? 0;
  } catch (error) {
    if (error instanceof Failure) {
      process.stderr.write(`error: ${error.message}\n`);
      process.exitCode = error.exit;
      return;
    }
    throw error;
  }
}
