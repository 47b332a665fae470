/** Start-up beside bare node and beside command-line tools from npm. */
import { mkdir, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

import { run } from '../scripts/run.ts';
import { compare, type Contestant, table } from './measure.ts';

const root = path.resolve(import.meta.dirname, '..');
const folder = path.join(root, 'node_modules', '.cache', 'opsctl-bench');
/** Tools that people call as often as they would call opsctl; installed for the benchmark alone. */
const PEERS = { pm2: 'pm2', oclif: 'oclif', wrangler: 'wrangler' } as const;

/** Tables for `--version` and `--help`. */
export async function startUp(rounds: number): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const empty = path.join(folder, 'empty.cjs');
  await writeFile(empty, '');
  await writeFile(path.join(folder, 'package.json'), '{"private":true}');
  await run(
    ['npm', 'install', '--prefix', folder, '--no-audit', '--no-fund', '--loglevel=error', ...Object.keys(PEERS)],
    { watch: true },
  );
  const node = process.execPath;
  const bare: Contestant = { name: 'node with an empty file', commands: [[node, empty]] };
  const own = (...argv: string[]): Contestant => ({
    name: `opsctl ${argv.join(' ')}`,
    commands: [[node, path.join(root, 'bin', 'opsctl'), ...argv]],
  });
  const peers = Object.entries(PEERS).map(([name, program]): Contestant => ({
    name: `${name} --version`,
    commands: [[node, path.join(folder, 'node_modules', '.bin', program), '--version']],
    env: { PM2_HOME: path.join(folder, 'pm2'), HOME: os.tmpdir(), WRANGLER_SEND_METRICS: 'false' },
  }));
  const quick = await compare([bare, own('--version'), own('--help'), own('health', '--help')], rounds * 4);
  const beside = await compare([bare, own('--version'), ...peers], Math.max(3, Math.round(rounds / 2)));
  return [
    table(
      'Start-up',
      'Ratio to bare node, the same node for all. Goal: at most 1.3 for `--version` and `--help`.',
      quick,
    ),
    table('Start-up beside peers', 'Tools from npm, their newest versions.', beside),
  ];
}
