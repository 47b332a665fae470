/** Commands that took long: the server does one thing at a time, so that all others waited. */
import * as z from 'zod';

import { duration, localTime, plural } from '../core/format.ts';
import type { SlowCommand, SlowLog } from '../core/ports/cache.ts';
import { redisCli } from '../core/redis-cli.ts';
import { against, type Status, type Verdict, verdict } from '../core/verdict.ts';
import type { Report, Seat } from './report.ts';

const rowSchema = z
  .object({
    at: z.string(),
    ms: z.number(),
    command: z.string(),
    key: z.string().nullable().describe('its first key; other arguments are never shown'),
    arguments: z.number(),
    client: z.string(),
  })
  .meta({ id: 'CacheSlowCommand' });
export type SlowRow = z.infer<typeof rowSchema>;

const SHOWN = 25;
/** What happened longer ago is history, not what is wrong now. */
const RECENT_MS = 3_600_000;

export const slowlog: Report<'slowlog', SlowRow> = {
  name: 'slowlog',
  parts: ['slowlog'],
  row: rowSchema,
  judge: ({ slowlog: log }, seat) => {
    const recent = log.commands.filter(({ at }) => seat.nowMs - Date.parse(at) < RECENT_MS);
    const rows = log.commands.toSorted((a, b) => b.ms - a.ms).slice(0, SHOWN);
    return {
      findings: [{ about: '', ...summary(log, recent, seat) }, ...byCommand(recent, seat)],
      rows: rows.map(({ key, length, ...one }) => ({ ...one, key: key ?? null, arguments: length })),
      notes:
        log.commands.length > SHOWN
          ? [`the slowest ${SHOWN.toString()} of ${log.commands.length.toString()} that the log holds`]
          : [],
    };
  },
  columns: [
    { title: 'AT' },
    { title: 'TOOK', align: 'right' },
    { title: 'COMMAND' },
    { title: 'KEY', flexible: true },
    { title: 'ARGS', align: 'right' },
    { title: 'CLIENT', flexible: true },
  ],
  cells: (row) => [
    localTime(row.at),
    duration(row.ms),
    row.command,
    row.key ?? '-',
    row.arguments.toString(),
    row.client,
  ],
};

function summary({ fromMs }: SlowLog, recent: readonly SlowCommand[], { limits }: Seat): Verdict {
  if (fromMs === null)
    return verdict.skipped('the server logs no slow commands', [
      redisCli('CONFIG', 'SET', 'slowlog-log-slower-than', '10000'),
    ]);
  const most = Math.max(0, ...recent.map(({ ms }) => ms));
  const { status, threshold } = against(most, limits.cacheSlowMs);
  const from = fromMs === undefined ? '' : ` of ${duration(fromMs)} or more`;
  const reason = `${recent.length === 0 ? 'no command' : plural(recent.length, 'command')}${from} in the last hour${recent.length === 0 ? '' : `, the slowest took ${duration(most)}`}`;
  return { status, reason, value: recent.length, unit: 'commands', threshold, next: [] };
}

/** A finding for each command, the one with the most time first. */
function byCommand(recent: readonly SlowCommand[], { limits }: Seat): (Verdict & { about: string })[] {
  const groups = [...Map.groupBy(recent, ({ command }) => command)].map(([command, all]) => ({
    command,
    count: all.length,
    total: all.reduce((sum, { ms }) => sum + ms, 0),
    most: Math.max(...all.map(({ ms }) => ms)),
    keys: [...new Set(all.flatMap(({ key }) => key ?? []))],
  }));
  return groups
    .toSorted((a, b) => b.total - a.total)
    .flatMap(({ command, count, most, keys }) => {
      const { status, threshold } = against(most, limits.cacheSlowMs);
      if (status === 'ok') return [];
      const advice = adviceFor(command);
      const on = keys.length === 0 ? '' : ` on ${keys.slice(0, 2).join(', ')}${keys.length > 2 ? ' …' : ''}`;
      return [
        {
          about: command,
          status: status satisfies Status,
          reason: `${plural(count, 'time')}${on}, ${duration(most)} at most${advice === undefined ? '' : `: ${advice}`}`,
          value: most,
          unit: 'ms',
          threshold,
          next: keys.length === 0 ? ['opsctl cache latency'] : ['opsctl cache keys --by elements'],
        },
      ];
    });
}

const WHOLE = 'it goes through all of a collection; ask for a part of it, as HSCAN, SSCAN, ZSCAN and LRANGE do';
/** What is known of commands that take as long as something is large. */
const ADVICE: Readonly<Record<string, string>> = {
  KEYS: 'it goes through all keys; SCAN goes through them in pieces',
  FLUSHALL: 'it frees all memory at once; ASYNC does so aside',
  FLUSHDB: 'it frees all memory at once; ASYNC does so aside',
  DEL: 'it frees large values at once; UNLINK does so aside',
  SAVE: 'it stops all else; BGSAVE does not',
  SORT: 'it sorts a whole collection',
  EVAL: 'a script stops all else; make it do less at a time',
  EVALSHA: 'a script stops all else; make it do less at a time',
  FCALL: 'a function stops all else; make it do less at a time',
  MSET: 'many keys in one go; send fewer at a time',
  MGET: 'many keys in one go; ask for fewer at a time',
  HGETALL: WHOLE,
  HKEYS: WHOLE,
  HVALS: WHOLE,
  SMEMBERS: WHOLE,
  SINTER: WHOLE,
  SUNION: WHOLE,
  SDIFF: WHOLE,
  LRANGE: 'it walks a list; ask for less of it',
  ZRANGE: 'it gives a large part of a sorted set; ask for less of it',
};
const adviceFor = (command: string): string | undefined =>
  Object.hasOwn(ADVICE, command) ? ADVICE[command] : command.startsWith('DEBUG') ? 'it is for tests' : undefined;
