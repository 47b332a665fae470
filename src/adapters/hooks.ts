/** Runs the user's commands around a change, as the configuration of this machine has them. */
import type { Platform } from '../core/platform.ts';
import { OpsError } from '../core/errors.ts';
import type { HookRunner } from '../core/ports/hooks.ts';

/** Characters kept of what a hook prints; the end of it matters most. */
const OUTPUT_LIMIT = 100_000;

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
      const result = await running;
      if (result.timedOut)
        throw new OpsError('TIMED_OUT', `hook ${program} did not end within ${hook.timeoutMs.toString()} ms`, {
          details: { output: output.slice(-2000) },
        });
      if (result.failed) {
        const how =
          result.exitCode === undefined
            ? `cannot be run (${result.code ?? 'killed'})`
            : `failed with exit code ${result.exitCode.toString()}`;
        throw new OpsError('REJECTED', `hook ${program} ${how}`, {
          hint: `Run it by hand where the configuration is: ${hook.command.join(' ')}`,
          details: { output: output.slice(-2000) },
        });
      }
      return output.trimEnd();
    },
  };
}
