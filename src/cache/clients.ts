/** Who is connected, from where, and who holds memory or slows the server. */
import * as z from 'zod';

import { bytes, duration, percent, plural } from '../core/format.ts';
import type { CacheClient, CacheClients } from '../core/ports/cache.ts';
import { redisCli } from '../core/redis-cli.ts';
import { against, type Verdict, verdict } from '../core/verdict.ts';
import type { Report, Seat } from './report.ts';

const rowSchema = z
  .object({
    from: z.string().describe('address, without the port'),
    name: z.string().describe('that it gave itself, or of its library'),
    user: z.string(),
    connections: z.number(),
    blocked: z.number(),
    subscribed: z.number(),
    idleMs: z.number().describe('the longest'),
    outputBytes: z.number().describe('answers that are not read yet'),
    memory: z.number(),
  })
  .meta({ id: 'CacheClientGroup' });
export type ClientRow = z.infer<typeof rowSchema>;

const SHOWN = 25;

export const clients: Report<'clients', ClientRow> = {
  name: 'clients',
  parts: ['clients'],
  row: rowSchema,
  judge: ({ clients: one }, seat) => {
    const rows = grouped(one.clients);
    return {
      findings: [
        { about: '', ...room(one, seat) },
        ...refused(one),
        ...one.clients.flatMap((each) => single(each, seat)),
      ],
      rows: rows.slice(0, SHOWN),
      notes: rows.length > SHOWN ? [`the first ${SHOWN.toString()} of ${plural(rows.length, 'group')}`] : [],
    };
  },
  columns: [
    { title: 'FROM' },
    { title: 'NAME', flexible: true },
    { title: 'USER', flexible: true },
    { title: 'ALL', align: 'right' },
    { title: 'BLOCKED', align: 'right' },
    { title: 'IDLE', align: 'right' },
    { title: 'OUTPUT', align: 'right' },
    { title: 'MEMORY', align: 'right' },
  ],
  cells: (row) => [
    row.from,
    row.name || '-',
    row.user,
    row.connections.toString(),
    row.blocked.toString(),
    duration(row.idleMs),
    bytes(row.outputBytes),
    bytes(row.memory),
  ],
};

function room({ clients: all, limit }: CacheClients, { limits }: Seat): Verdict {
  if (limit === undefined) return verdict.ok(`${plural(all.length, 'client')}; maxclients is not told to this user`);
  const { status, threshold } = against(all.length / limit, limits.cacheClients);
  const [most] = grouped(all);
  const reason = `${all.length.toString()} of ${plural(limit, 'client')} (${percent(all.length / limit)})`;
  const measured = { value: all.length, unit: 'clients', threshold: Math.ceil(threshold * limit) };
  if (status === 'ok') return verdict.ok(reason, measured);
  return {
    status,
    reason: `${reason}; most are from ${most === undefined ? '-' : `${most.from}${most.name === '' ? '' : ` (${most.name})`}`}`,
    ...measured,
    next: [redisCli('CONFIG', 'GET', 'timeout'), redisCli('CONFIG', 'GET', 'maxclients')],
  };
}

function refused({ rejected }: CacheClients): (Verdict & { about: string })[] {
  if (rejected === undefined || rejected === 0) return [];
  return [
    {
      about: 'refused',
      ...verdict.warn(`${plural(rejected, 'connection')} refused for want of room since the start`, [], {
        value: rejected,
        unit: 'connections',
      }),
    },
  ];
}

/** One client that does harm. */
function single(one: CacheClient, { limits }: Seat): (Verdict & { about: string })[] {
  const about = `${one.address}${one.name === '' ? '' : ` (${one.name})`}`;
  const kill = [redisCli('CLIENT', 'KILL', 'ID', one.id)];
  // CLIENT LIST's letter for MONITOR, which sends every command of everybody to it.
  if (one.flags.includes('O'))
    return [
      {
        about,
        ...verdict.warn('runs MONITOR: all commands are copied to it, which halves what the server can do', kill),
      },
    ];
  const { status, threshold } = against(one.outputBytes, limits.cacheOutputBytes);
  if (status === 'ok') return [];
  return [
    {
      about,
      status,
      reason: `has not read ${bytes(one.outputBytes)} of answers (last command ${one.command}): they stay in memory`,
      value: one.outputBytes,
      unit: 'bytes',
      threshold,
      next: kill,
    },
  ];
}

/** By address without port, name and user; the most first. */
function grouped(all: readonly CacheClient[]): ClientRow[] {
  const key = (one: CacheClient): string => JSON.stringify([hostOf(one), one.name, one.user]);
  return [...Map.groupBy(all, key).values()]
    .flatMap((group): ClientRow[] => {
      const [first] = group;
      if (first === undefined) return [];
      const sum = (of: (one: CacheClient) => number): number => group.reduce((total, one) => total + of(one), 0);
      return [
        {
          from: hostOf(first),
          name: first.name,
          user: first.user,
          connections: group.length,
          blocked: group.filter(({ flags }) => flags.includes('b')).length,
          subscribed: group.filter(({ subscriptions }) => subscriptions > 0).length,
          idleMs: Math.max(...group.map(({ idleMs }) => idleMs)),
          outputBytes: sum(({ outputBytes }) => outputBytes),
          memory: sum(({ memory }) => memory),
        },
      ];
    })
    .toSorted((a, b) => b.connections - a.connections);
}

const hostOf = ({ address }: CacheClient): string => address.replace(/:\d+$/, '');
