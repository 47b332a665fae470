/** `npm test`: the checks, then every test. Arguments go to vitest, and then the checks are left out. */
import { setPriority } from 'node:os';

import { execa } from 'execa';

const VITEST = ['node_modules/.bin/vitest', 'run'];

/** What needs no engine goes on beside what shares one, which waits most of the time and is not to be disturbed. */
const ASIDE = ['--project', 'unit', '--project', 'servers'];
const ON_ENGINE = ['--project', 'contract', '--project', 'scenario'];

const run = async (...argv: string[]): Promise<number> =>
  (await execa(process.execPath, argv, { stdio: 'inherit', reject: false })).exitCode ?? 1;

/** As much as `nice` says: what has less than a tenth of a processor does not answer within the deadlines of the program (seen at 10). */
const ASIDE_NICE = 5;

/** Runs it with what is left of the processors. What it said is printed once it has ended, or returned if it failed. */
async function aside(...argv: string[]): Promise<{ exitCode: number; failure: string }> {
  const child = execa(process.execPath, argv, { all: true, reject: false, stdin: 'ignore' });
  if (child.pid !== undefined) setPriority(child.pid, ASIDE_NICE);
  const { all, exitCode = 1 } = await child;
  if (exitCode === 0) process.stdout.write(all);
  return { exitCode, failure: exitCode === 0 ? '' : all };
}

async function everything(): Promise<number> {
  const checked = await run('scripts/check.ts');
  if (checked !== 0) return checked;
  const [other, onEngine] = await Promise.all([aside(...VITEST, ...ASIDE), run(...VITEST, ...ON_ENGINE)]);
  // Last, where it is looked for, and where a log that was cut short still has it.
  process.stdout.write(other.failure);
  return Math.max(other.exitCode, onEngine);
}

const wanted = process.argv.slice(2);
process.exitCode = wanted.length > 0 ? await run(...VITEST, ...wanted) : await everything();
