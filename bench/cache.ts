/** `cache keys` on a million keys beside what redis-cli has for it: time, and what another client feels. */
import { fork } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { seeded } from '../test/support/random.ts';
import { type RedisServer, startRedis } from '../test/support/redis.ts';
import { compare, type Contestant, median, type Timing } from './measure.ts';

const root = path.resolve(import.meta.dirname, '..');
const KEYS = 1_000_000;
/** Scans take seconds, and the ratio of two is what counts. */
const ROUNDS = 3;
/** How long the other client is watched alone. */
const ALONE_MS = 5000;

/** Tables by bytes and by elements. */
export async function cache(rounds: number): Promise<string[]> {
  const server = await startRedis();
  const folder = await mkdtemp(path.join(os.tmpdir(), 'opsctl-bench-'));
  try {
    await fill(server);
    const file = path.join(folder, 'opsctl.yaml');
    await writeFile(
      file,
      'version: 1\nenvironments:\n  bench:\n    compose: { project: bench }\n    caches: { main: { url: { env: BENCH_CACHE } } }\n',
    );
    const opsctl = (by: string): Contestant => ({
      name: `opsctl cache keys --by ${by}`,
      commands: [
        [
          process.execPath,
          path.join(root, 'bin', 'opsctl'),
          'cache',
          'keys',
          '--by',
          by,
          '--budget',
          '2000k',
          '--json',
        ],
      ],
      env: { OPSCTL_CONFIG: file, BENCH_CACHE: server.url() },
    });
    const cli = (flag: string): Contestant => ({
      name: `redis-cli ${flag}`,
      commands: [['redis-cli', '-p', server.port.toString(), flag]],
    });
    const few = Math.min(rounds, ROUNDS);
    return [
      await beside(server, 'bytes', opsctl('bytes'), cli('--memkeys'), few),
      await beside(server, 'elements', opsctl('elements'), cli('--bigkeys'), few),
    ];
  } finally {
    await server.stop();
    await rm(folder, { recursive: true });
  }
}

/** What is timed, with what another client saw meanwhile. */
type Row = Pick<Timing, 'name' | 'memory'> & { ms: number[]; p50: number[]; p99: number[] };

/** In turn, each with another client beside it, after that client alone. */
async function beside(
  server: RedisServer,
  by: string,
  own: Contestant,
  other: Contestant,
  rounds: number,
): Promise<string> {
  const alone: Row = { name: 'the other client alone', memory: 0, ms: [], p50: [], p99: [] };
  const rows = [own, other].map(({ name }): Row => ({ name, memory: 0, ms: [], p50: [], p99: [] }));
  for (let round = 0; round < rounds; round += 1) {
    await watched(server, alone, () => pause(ALONE_MS));
    for (const [index, contestant] of [own, other].entries()) {
      const row = rows[index];
      if (row === undefined) continue;
      await watched(server, row, async () => {
        const [timing] = await compare([contestant], 1, 0);
        row.ms.push(timing?.ms ?? Number.NaN);
        row.memory = Math.max(row.memory, timing?.memory ?? 0);
      });
    }
  }
  return table(by, rows, alone);
}

async function watched(server: RedisServer, row: Row, work: () => Promise<unknown>): Promise<void> {
  const client = fork(path.join(import.meta.dirname, 'steady-client.ts'), [server.port.toString()]);
  await once(client, 'message');
  await work();
  client.send('end');
  const [times] = (await once(client, 'message')) as [number[]];
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
  row.p50.push(at(0.5));
  row.p99.push(at(0.99));
}

function table(by: string, rows: readonly Row[], alone: Row): string {
  const [base] = rows;
  const ratio = ({ ms }: Row): string => median(ms.map((one, round) => one / (base?.ms[round] ?? one))).toFixed(2);
  const latency = ({ p50, p99 }: Row): string => `${median(p50).toFixed(2)} ms | ${median(p99).toFixed(2)} ms`;
  return `### \`cache keys --by ${by}\` on ${KEYS.toString()} keys

Strings, hashes, lists, sets and sorted sets of up to 20 elements. The other client asks for a key every 2 ms. Goal: clearly faster than redis-cli, and the other client's p99 no worse.

| | median | ratio | memory | p50 of another client | p99 |
| --- | --- | --- | --- | --- | --- |
${rows.map((row) => `| ${row.name} | ${(median(row.ms) / 1000).toFixed(1)} s | ${ratio(row)} | ${(row.memory / 1_048_576).toFixed(0)} MiB | ${latency(row)} |`).join('\n')}
| ${alone.name} | | | | ${latency(alone)} |
`;
}

/** The same keys in every run. */
async function fill(server: RedisServer): Promise<void> {
  const client = server.client();
  const random = seeded(1);
  for (let from = 0; from < KEYS; from += 2000) {
    const pipeline = client.pipeline();
    for (let n = from; n < from + 2000; n += 1) {
      const kind = random();
      const elements = Array.from({ length: 1 + Math.floor(random() * 20) }, (_, index) => index);
      if (kind < 0.6)
        pipeline.set(`session:${n.toString(16)}`, 'x'.repeat(20 + Math.floor(random() * 200)), 'EX', 86_400);
      else if (kind < 0.75)
        pipeline.hset(`user:${n}:profile`, ...elements.flatMap((one) => [`field:${one}`, 'x'.repeat(20)]));
      else if (kind < 0.85) pipeline.rpush(`queue:${n}`, ...elements.map((one) => `item:${one}`));
      else if (kind < 0.95) pipeline.sadd(`tags:${n}`, ...elements.map((one) => `tag:${one}`));
      else pipeline.zadd(`board:${n}`, ...elements.flatMap((one) => [one, `player:${one}`]));
    }
    await pipeline.exec();
  }
}
