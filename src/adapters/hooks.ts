/** Runs the user's commands around a change, as the configuration of this machine has them. */
import { setTimeout as sleep } from 'node:timers/promises';

import type { Platform } from '../core/platform.ts';
import { OpsError } from '../core/errors.ts';
import { duration } from '../core/format.ts';
import type { HookRunner } from '../core/ports/hooks.ts';

/** Characters kept of what a hook prints; the end of it matters most. */
const OUTPUT_LIMIT = 100_000;
/** How long a hook may take to end once it was asked to, in ms; then it is forced. */
const ENDING_MS = 5000;
/** How often it is looked whether all of it has ended, in ms. */
const LOOK_MS = 50;
/** What a hook wrote just before it ended arrives within this, in ms. */
const LAST_WORDS_MS = 200;

/** The variables that tell a hook of the release. */
const FACT = /^OPSCTL_(?:PROJECT|ENVIRONMENT|SERVICES|COLOURS|VERSION)$/;

export function openHooks(platform: Platform, env: Record<string, string | undefined>): HookRunner {
  return {
    run: async (phase, index, facts) => {
      const hook = platform.deploy.hooks[phase][index];
      if (hook === undefined)
        throw new OpsError('NOT_FOUND', `the configuration here has no hook ${phase} ${(index + 1).toString()}`, {
          hint: 'See which it has: opsctl config show deploy.hooks',
        });
      const [program = '', ...args] = hook.command;
      const { execa } = await import('execa');
      const running = execa(program, args, {
        cwd: platform.directory,
        // The facts come from a journal, which must not decide what programs this machine loads.
        env: { ...env, ...Object.fromEntries(Object.entries(facts).filter(([name]) => FACT.test(name))) },
        extendEnv: false,
        timeout: hook.timeoutMs,
        // It leads a group of its own, which is ended as a whole: when its time is up, and when this program ends.
        // What was left of it would go on changing things beside whoever recovers the change. In that group the first
        // Ctrl-C does not reach it either: it is let finish, like every step.
        killDescendants: true,
        forceKillAfterDelay: ENDING_MS,
        // A buffer with a limit would end the hook when it is full.
        buffer: false,
        all: true,
        stdin: 'ignore',
        reject: false,
      });
      let output = '';
      running.all.setEncoding('utf8').on('data', (text: string) => {
        output = `${output}${text}`.slice(-OUTPUT_LIMIT);
      });
      const lastWords = (): Record<string, string> => (output === '' ? {} : { output: output.slice(-2000) });
      // It is done when it ends. What it left running may hold its output open for as long as it likes.
      running.nodeChildProcess.once('exit', () => {
        void sleep(LAST_WORDS_MS, undefined, { ref: false }).then(() => {
          running.stdout.destroy();
          running.stderr.destroy();
        });
      });
      const result = await running;
      if (result.timedOut) {
        await ended(running);
        throw new OpsError('TIMED_OUT', `hook ${program} did not end within ${duration(hook.timeoutMs)}`, {
          details: lastWords(),
        });
      }
      if (result.failed) {
        const how =
          result.exitCode === undefined
            ? `cannot be run (${result.code ?? 'killed'})`
            : `failed with exit code ${result.exitCode.toString()}`;
        throw new OpsError('REJECTED', `hook ${program} ${how}`, {
          hint: `Run it by hand where the configuration is: ${hook.command.join(' ')}`,
          details: lastWords(),
        });
      }
      return output.trimEnd();
    },
  };
}

/** Waits until all that a hook started has ended, as it was asked to; what has not by then is forced to. */
async function ended(hook: { kill(signal: 0 | 'SIGKILL'): boolean }): Promise<void> {
  for (const until = performance.now() + ENDING_MS; performance.now() < until; await sleep(LOOK_MS))
    if (!hook.kill(0)) return;
  hook.kill('SIGKILL');
}
