/** `npm run bench [-- start-up|health|database|cache|canary|deploy …]`: runs the benchmarks, prints their tables. Results are kept in docs/benchmarks.md. */
import os from 'node:os';

import { hasProgram, install } from '../scripts/packages.ts';
import { cache } from './cache.ts';
import { canary } from './canary.ts';
import { database } from './database.ts';
import { deploy } from './deploy.ts';
import { health } from './health.ts';
import { startUp } from './start-up.ts';

const BENCHMARKS = { 'start-up': startUp, health, database, cache, canary, deploy };
const ROUNDS = 7;

const wanted = process.argv.slice(2);
const names = (Object.keys(BENCHMARKS) as (keyof typeof BENCHMARKS)[]).filter(
  (name) => wanted.length === 0 || wanted.includes(name),
);
if (!hasProgram('time')) await install(['time']);
process.stdout.write(
  `Node ${process.versions.node}, ${os.cpus().length.toString()} × ${os.cpus()[0]?.model ?? 'CPU'}, Linux ${os.release()}, ${new Date().toISOString().slice(0, 10)}\n\n`,
);
for (const name of names) for (const text of await BENCHMARKS[name](ROUNDS)) process.stdout.write(`${text}\n`);
