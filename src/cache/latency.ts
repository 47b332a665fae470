/** How long an answer takes, what stopped the server, and which commands take its time. */
import * as z from 'zod';

import { duration, localTime, percent } from '../core/format.ts';
import { percentile } from '../core/percentiles.ts';
import type { CacheLatency, CommandUse } from '../core/ports/cache.ts';
import { redisCli } from '../core/redis-cli.ts';
import { against, type Verdict, verdict } from '../core/verdict.ts';
import type { Report, Seat } from './report.ts';

const rowSchema = z
  .object({
    command: z.string(),
    calls: z.number(),
    totalMs: z.number().describe('of the server, since the start or CONFIG RESETSTAT'),
    share: z.number().describe('of the time of all commands'),
    meanMs: z.number(),
    p50Ms: z.number().nullable(),
    p99Ms: z.number().nullable().describe('null where the server does not track it'),
    failed: z.number().describe('calls that were rejected or failed'),
  })
  .meta({ id: 'CacheCommand' });
export type LatencyRow = z.infer<typeof rowSchema>;

const SHOWN = 15;
/** What the documentation of Redis suggests for `latency-monitor-threshold`. */
const MONITOR = redisCli('CONFIG', 'SET', 'latency-monitor-threshold', '100');

export const latency: Report<'latency', LatencyRow> = {
  name: 'latency',
  parts: ['latency'],
  row: rowSchema,
  judge: ({ latency: one }, seat) => {
    const { commands, monitorMs } = one;
    const all = commands.reduce((sum, { totalMs }) => sum + totalMs, 0);
    return {
      findings: [{ about: '', ...roundTrips(one, seat) }, ...events(one, seat), ...slow(commands, seat)],
      rows: commands.slice(0, SHOWN).map((command) => rowOf(command, all)),
      notes: [
        ...(monitorMs === 0 ? [`what stops the server is not recorded: ${MONITOR}`] : []),
        ...(commands.length === 0 ? ['what commands take is not told to this user'] : []),
      ],
    };
  },
  columns: [
    { title: 'COMMAND', flexible: true },
    { title: 'CALLS', align: 'right' },
    { title: 'TOTAL', align: 'right' },
    { title: 'SHARE', align: 'right' },
    { title: 'MEAN', align: 'right' },
    { title: 'P99', align: 'right' },
    { title: 'FAILED', align: 'right' },
  ],
  cells: (row) => [
    row.command,
    row.calls.toString(),
    duration(row.totalMs),
    percent(row.share),
    micros(row.meanMs),
    row.p99Ms === null ? '-' : micros(row.p99Ms),
    row.failed.toString(),
  ],
};

/** Most commands take microseconds. */
const micros = (ms: number): string => (ms < 0.1 ? `${(ms * 1000).toFixed(1)} µs` : duration(ms));

function roundTrips({ pings }: CacheLatency, { limits }: Seat): Verdict {
  const [p50 = NaN, p99 = NaN, most = NaN] = [0.5, 0.99, 1].map((share) => percentile(pings, share));
  const { status, threshold } = against(p99, limits.cacheLatencyMs);
  const reason = `${pings.length.toString()} round trips: ${duration(p50)} in the middle, ${duration(most)} at most`;
  const measured = { value: Math.round(p99 * 1000) / 1000, unit: 'ms', threshold };
  return status === 'ok'
    ? verdict.ok(reason, measured)
    : { status, reason, ...measured, next: ['opsctl cache slowlog', 'opsctl cache persistence', 'opsctl stats'] };
}

/** How long ago an event may have been to be a finding. */
const RECENT_MS = 24 * 3_600_000;

function events({ events: all }: CacheLatency, { nowMs, limits }: Seat): (Verdict & { about: string })[] {
  return (all ?? []).flatMap(({ name, at, lastMs, mostMs }) => {
    const { status, threshold } = against(lastMs, limits.cacheStallMs);
    if (status === 'ok' || nowMs - Date.parse(at) > RECENT_MS) return [];
    return [
      {
        about: name,
        status,
        reason: `stopped the server for ${duration(lastMs)} at ${localTime(at)}, ${duration(mostMs)} at most`,
        value: lastMs,
        unit: 'ms',
        threshold,
        next: [name === 'command' ? 'opsctl cache slowlog' : 'opsctl cache persistence', redisCli('LATENCY', 'DOCTOR')],
      },
    ];
  });
}

function slow(commands: readonly CommandUse[], { limits }: Seat): (Verdict & { about: string })[] {
  return commands.flatMap(({ name, calls, p99Ms }) => {
    const { status, threshold } = against(p99Ms ?? 0, limits.cacheSlowMs);
    if (status === 'ok' || p99Ms === undefined) return [];
    return [
      {
        about: name.toUpperCase(),
        // It may be long ago: since the start is all that is known.
        ...verdict.warn(
          `one in a hundred of ${calls.toString()} calls takes ${duration(p99Ms)} or more`,
          ['opsctl cache slowlog'],
          { value: p99Ms, unit: 'ms', threshold },
        ),
      },
    ];
  });
}

const rowOf = ({ name, calls, totalMs, failed, p50Ms, p99Ms }: CommandUse, all: number): LatencyRow => ({
  command: name.toUpperCase(),
  calls,
  totalMs,
  share: all === 0 ? 0 : totalMs / all,
  meanMs: calls === 0 ? 0 : totalMs / calls,
  p50Ms: p50Ms ?? null,
  p99Ms: p99Ms ?? null,
  failed,
});
