/** Whole processes, timed in turn: machines drift, so only what ran side by side is compared. */
import { execa } from 'execa';

/** One thing that is timed: commands run one after the other. */
export interface Contestant {
  name: string;
  commands: readonly (readonly string[])[];
  env?: Record<string, string>;
}

/** Medians over the rounds. */
export interface Timing {
  name: string;
  ms: number;
  /** Median of the ratios to the first contestant, round by round. */
  ratio: number;
  /** Largest resident memory of its processes, in bytes; of the largest process. */
  memory: number;
}

/** Runs every contestant once a round, in turn, after one round that does not count, or as many as are said. */
export async function compare(contestants: readonly Contestant[], rounds: number, before = 1): Promise<Timing[]> {
  const times = contestants.map((): number[] => []);
  const memories = contestants.map(() => 0);
  for (let round = -before; round < rounds; round += 1) {
    for (const [index, contestant] of contestants.entries()) {
      const { ms, memory } = await runOnce(contestant);
      if (round >= 0) times[index]?.push(ms);
      memories[index] = Math.max(memories[index] ?? 0, memory);
    }
  }
  const [base = []] = times;
  return contestants.map(({ name }, index) => {
    const own = times[index] ?? [];
    return {
      name,
      ms: median(own),
      ratio: median(own.map((ms, round) => ms / (base[round] ?? ms))),
      memory: memories[index] ?? 0,
    };
  });
}

async function runOnce({ commands, env = {} }: Contestant): Promise<{ ms: number; memory: number }> {
  // A CA bundle in the environment adds tens of ms to every start of node, and would flatter the ratios.
  const clean = { ...process.env, NODE_EXTRA_CA_CERTS: undefined, ...env };
  const began = performance.now();
  let memory = 0;
  for (const [program = '', ...argv] of commands) {
    const { stderr } = await execa('/usr/bin/time', ['-f', '%M', program, ...argv], {
      reject: false,
      env: clean,
      extendEnv: false,
      stdin: 'ignore',
      stdout: 'ignore',
    });
    memory = Math.max(memory, Number(stderr.trim().split('\n').at(-1)) * 1024);
  }
  return { ms: performance.now() - began, memory };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** A Markdown table of timings. */
export function table(title: string, how: string, timings: readonly Timing[]): string {
  const rows = timings.map(
    ({ name, ms, ratio, memory }) =>
      `| ${name} | ${ms.toFixed(0)} ms | ${ratio.toFixed(2)} | ${(memory / 1_048_576).toFixed(0)} MiB |`,
  );
  return [`### ${title}`, '', how, '', '| | median | ratio | memory |', '| --- | --- | --- | --- |', ...rows, ''].join(
    '\n',
  );
}
