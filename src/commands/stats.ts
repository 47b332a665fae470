import * as z from 'zod';

import { type Context, readCommand } from '../core/command.ts';
import { OpsError } from '../core/errors.ts';
import { bytes, localTime, percent, plural } from '../core/format.ts';
import type { Style } from '../core/style.ts';
import type { Status } from '../core/verdict.ts';
import { rounds } from '../inspect/rounds.ts';
import {
  type ContainerUsage,
  type HostMemory,
  hostMemorySchema,
  observeHostMemory,
  observeUsage,
  type Round,
  roundSchema,
} from '../inspect/stats.ts';
import { memoryText, notSeen } from './stats/memory.ts';

const input = z.object({
  service: z.array(z.string()).default([]).meta({
    description: 'services or containers; default: all of the platform',
    positional: true,
    completes: 'service',
  }),
  memory: z.boolean().default(false).meta({ description: 'the kinds of memory, beside the memory of the host' }),
  watch: z.boolean().default(false).meta({ description: 'again and again until Ctrl-C', short: 'w' }),
  intervalSeconds: z.number().min(1).max(3600).default(5).meta({ description: 'time between two rounds of --watch' }),
});

const output = roundSchema.extend({
  host: hostMemorySchema.optional().describe('only with --memory'),
  limits: z
    .object({ warn: z.number(), crit: z.number() })
    .describe('shares of the memory limit from which a container is marked'),
});

const event = z.object({
  at: z.string(),
  round: output.optional(),
  error: z.string().optional().describe('why this round saw nothing; the next one tries again'),
});

export default readCommand({
  name: 'stats',
  summary: 'CPU, memory, network and disk use of containers',
  description:
    'Memory is counted as `docker stats` does: without page cache that the kernel can drop. With --memory, the kinds ' +
    "of memory of the container's cgroup.",
  examples: [
    { command: 'opsctl stats', explains: 'one look at all running containers' },
    { command: 'opsctl stats api --memory', explains: 'what the memory of the API consists of' },
    {
      command: 'opsctl stats --watch --interval-seconds 2',
      explains: 'a live view; a line a round where stdout is no terminal',
    },
  ],
  input,
  output,
  run: (typed, context) => look(typed, context),
  text: (data, style, { memory }) => (memory ? memoryText(data, style) : table(data, style)),
  stream: {
    when: ({ watch }) => watch,
    event,
    run: async function* (typed, context) {
      // What is wrong from the start (a name, no engine) ends the command; later it is a round that saw nothing.
      let begun = false;
      const round = async (): Promise<z.infer<typeof event>> => {
        try {
          const seen = await look(typed, context);
          begun = true;
          return { at: context.now().toISOString(), round: seen };
        } catch (thrown) {
          if (!begun || !(thrown instanceof OpsError)) throw thrown;
          return { at: context.now().toISOString(), error: thrown.message };
        }
      };
      yield* rounds(round, typed.intervalSeconds * 1000, context.signal);
    },
    line: ({ at, round, error }, style) =>
      `${localTime(at)}  ${round === undefined ? style.status('unknown') + `  ${error ?? ''}` : lineOf(round)}`,
    screen: ({ at, round, error }, style, { memory, intervalSeconds }) => {
      const head = style.dim(`${localTime(at)}, every ${intervalSeconds.toString()} s, Ctrl-C ends`);
      if (round === undefined) return `${head}\n\n${style.status('unknown')}  ${error ?? ''}`;
      return `${head}\n\n${memory ? memoryText(round, style) : table(round, style)}`;
    },
  },
});

async function look(
  { service, memory }: z.infer<typeof input>,
  { platform, readers }: Pick<Context, 'platform' | 'readers'>,
): Promise<z.infer<typeof output>> {
  const [round, host] = await Promise.all([
    observeUsage(service, platform, readers),
    memory ? observeHostMemory(platform, readers) : undefined,
  ]);
  return { ...round, ...hostPart(host), limits: platform.thresholds.containerMemory };
}

const hostPart = (host: HostMemory | undefined): { host?: HostMemory } => (host === undefined ? {} : { host });

function table({ containers, notRunning, unobserved, limits }: z.infer<typeof output>, style: Style): string {
  const numbers = ['CPU', 'MEMORY', 'LIMIT', 'NET IN', 'NET OUT', 'READ', 'WRITE', 'PIDS'];
  const columns = [
    { title: 'CONTAINER', flexible: true },
    ...numbers.map((title) => ({ title, align: 'right' as const })),
  ];
  const rows = containers.map((one) => [
    one.label,
    one.cpus.toFixed(2),
    short(one.memory),
    shareText(one, limits, style),
    short(one.networkReceived),
    short(one.networkSent),
    short(one.blockRead),
    short(one.blockWritten),
    one.pids.toString(),
  ]);
  const total = containers.reduce((sum, one) => ({ cpus: sum.cpus + one.cpus, memory: sum.memory + one.memory }), {
    cpus: 0,
    memory: 0,
  });
  const lines = [
    containers.length + unobserved.length === 0 ? 'no container is running' : style.table(columns, rows),
    '',
    style.wrap(
      `together ${total.cpus.toFixed(2)} CPUs, ${bytes(total.memory)}; CPU 1.00 is one whole CPU, M is MiB, network and disk since the start`,
    ),
  ];
  if (notRunning.length > 0) lines.push(style.wrap(`not running: ${notRunning.join(', ')}`));
  if (unobserved.length > 0) lines.push(notSeen(unobserved, style));
  return lines.join('\n');
}

/** Share of the limit, marked by the thresholds of the configuration. */
function shareText(
  { memory, memoryLimit }: ContainerUsage,
  limits: { warn: number; crit: number },
  style: Style,
): string {
  if (memoryLimit === undefined) return 'none';
  const share = memory / memoryLimit;
  const status: Status = share >= limits.crit ? 'crit' : share >= limits.warn ? 'warn' : 'ok';
  const text = `${Math.round(share * 100).toString()} %`;
  return status === 'ok' ? text : style.as(status, `! ${text}`);
}

/** A size in at most five characters: "812K", "1.2M", "15M", "1.5G". */
export function short(size: number | undefined): string {
  if (size === undefined) return '-';
  let value = size;
  let unit = 0;
  const units = ['B', 'K', 'M', 'G', 'T', 'P'];
  // From 999.5 on it would round to four digits.
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value.toFixed(unit > 0 && value < 9.95 ? 1 : 0)}${units[unit] ?? ''}`;
}

function lineOf({ containers, notRunning, unobserved }: Round): string {
  const cpus = containers.reduce((sum, one) => sum + one.cpus, 0);
  const memory = containers.reduce((sum, one) => sum + one.memory, 0);
  const busiest = containers.toSorted((a, b) => b.cpus - a.cpus)[0];
  const share = (one: ContainerUsage): number => (one.memoryLimit === undefined ? 0 : one.memory / one.memoryLimit);
  const fullest = containers.toSorted((a, b) => share(b) - share(a))[0];
  const parts = [`${plural(containers.length, 'container')}  ${cpus.toFixed(2)} CPUs  ${bytes(memory)}`];
  if (busiest !== undefined) parts.push(`most CPU ${busiest.label} ${busiest.cpus.toFixed(2)}`);
  if (fullest?.memoryLimit !== undefined) parts.push(`fullest ${fullest.label} ${percent(share(fullest))}`);
  if (notRunning.length > 0) parts.push(`${notRunning.length.toString()} not running`);
  if (unobserved.length > 0) parts.push(`${unobserved.length.toString()} not observed`);
  return parts.join('  ');
}
