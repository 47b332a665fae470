/** `npm test`: the checks, then every test. Arguments go to vitest, and then the checks are left out. */
import { constants, setPriority } from 'node:os';

import { execa } from 'execa';

const VITEST = ['node_modules/.bin/vitest', 'run'];

/** What needs no engine goes on beside what shares one, which waits most of the time and is not to be disturbed. */
const ASIDE = ['--project', 'unit', '--project', 'servers'];
const ON_ENGINE = ['--project', 'contract', '--project', 'scenario'];

const run = async (...argv: string[]): Promise<number> =>
  (await execa(process.execPath, argv, { stdio: 'inherit', reject: false })).exitCode ?? 1;

/** Runs it with what is left of the processors, and prints what it said once it has ended. */
async function aside(...argv: string[]): Promise<number> {
  const child = execa(process.execPath, argv, { all: true, reject: false, stdin: 'ignore' });
  if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
  const { all, exitCode } = await child;
  process.stdout.write(all);
  return exitCode ?? 1;
}

async function everything(): Promise<number> {
  const checked = await run('scripts/check.ts');
  if (checked !== 0) return checked;
  const codes = await Promise.all([aside(...VITEST, ...ASIDE), run(...VITEST, ...ON_ENGINE)]);
  return Math.max(...codes);
}

const wanted = process.argv.slice(2);
process.exitCode = wanted.length > 0 ? await run(...VITEST, ...wanted) : await everything();
