/** `npm run check`: everything that can be said of the code without running it, all at once. */
import { execa } from 'execa';

const node = process.execPath;
const bin = (name: string): string => `node_modules/.bin/${name}`;
const CHECKS: Record<string, string[]> = {
  types: [bin('tsc'), '-p', '.'],
  lint: [bin('oxlint'), '--type-aware', '--deny-warnings'],
  format: [bin('prettier'), '--check', '--log-level', 'warn', '.'],
  'dead code': [bin('knip'), '--no-progress'],
  'generated docs': ['scripts/docs.ts', '--check'],
};

const results = await Promise.all(
  Object.entries(CHECKS).map(async ([name, argv]) => {
    const began = performance.now();
    const { all, exitCode } = await execa(node, argv, { all: true, reject: false });
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    const good = exitCode === 0;
    process.stderr.write(`${good ? '✓' : '✗'} ${name} (${seconds} s)\n${good ? '' : `${all}\n`}`);
    return good;
  }),
);
process.exitCode = results.every(Boolean) ? 0 : 1;
