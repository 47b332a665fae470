/** `npm test`: the checks, then every test. Arguments go to vitest, and then the checks are left out. */
import { execa } from 'execa';

const run = async (...argv: string[]): Promise<number> =>
  (await execa(process.execPath, argv, { stdio: 'inherit', reject: false })).exitCode ?? 1;

const wanted = process.argv.slice(2);
const checked = wanted.length > 0 ? 0 : await run('scripts/check.ts');
process.exitCode = checked === 0 ? await run('node_modules/.bin/vitest', 'run', ...wanted) : checked;
