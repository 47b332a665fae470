/** Whether what is in memory gets to disk, and what that costs. */
import * as z from 'zod';

import { savedToDisk } from '../checks/cache-facts.ts';
import { bytes, duration, localTime, percent } from '../core/format.ts';
import type { CachePersistence } from '../core/ports/cache.ts';
import { redisCli } from '../core/redis-cli.ts';
import { against, leading, type Verdict, verdict } from '../core/verdict.ts';
import type { Report, Seat } from './report.ts';

const rowSchema = z
  .object({
    lastSaveAt: z.string().nullable(),
    lastSaveOk: z.boolean(),
    lastSaveMs: z.number().nullable().describe('how long it took; null before the first'),
    saves: z.boolean().nullable().describe('whether it saves by itself; null where that is not told'),
    changes: z.number().describe('since the last save'),
    isSaving: z.boolean(),
    appends: z.boolean().describe('whether there is an append-only file'),
    lastAppendOk: z.boolean(),
    forkMs: z.number().describe('how long the last fork stopped the server'),
    copied: z.number().describe('bytes that were copied during a save, because they were written to meanwhile'),
  })
  .meta({ id: 'CachePersistence' });
export type PersistenceRow = z.infer<typeof rowSchema>;

/** Share of the memory copied during a save, from which on a save needs much room beside the data. */
const MUCH_COPIED = 0.5;

export const persistence: Report<'persistence', PersistenceRow> = {
  name: 'persistence',
  parts: ['persistence'],
  row: rowSchema,
  judge: ({ persistence: one }, seat) => {
    const { isLoading: _isLoading, used: _used, refused: _refused, lastSaveAt, lastSaveMs, saves, ...row } = one;
    return {
      findings: [{ about: '', ...saved(one, seat) }, ...schedule(one, seat), ...fork(one, seat), ...copies(one)],
      rows: [{ ...row, lastSaveAt: lastSaveAt ?? null, lastSaveMs: lastSaveMs ?? null, saves: saves ?? null }],
    };
  },
  columns: [
    { title: 'LAST SAVE' },
    { title: 'CHANGES SINCE', align: 'right' },
    { title: 'SAVES' },
    { title: 'APPENDS' },
    { title: 'FORK', align: 'right' },
    { title: 'COPIED', align: 'right' },
  ],
  cells: (row) => [
    row.lastSaveAt === null ? '-' : localTime(row.lastSaveAt),
    row.changes.toString(),
    row.saves === null ? '-' : row.saves ? 'yes' : 'no',
    row.appends ? 'yes' : 'no',
    duration(row.forkMs),
    bytes(row.copied),
  ],
};

function saved(one: CachePersistence, { server: { databases }, nowMs, limits }: Seat): Verdict {
  const keys = databases?.reduce((sum, { keys: count }) => sum + count, 0);
  const ageMs = one.lastSaveAt === undefined ? undefined : nowMs - Date.parse(one.lastSaveAt);
  return leading(savedToDisk({ ...one, keys, ageMs }, limits), lookAt(one));
}

function lookAt({ appends, saves, lastSaveOk }: CachePersistence): string[] {
  if (!lastSaveOk || appends) return ['opsctl health --detailed --only disk', redisCli('CONFIG', 'GET', 'dir')];
  return saves === false ? [] : [redisCli('CONFIG', 'GET', 'save')];
}

/** What is not told of it. */
function schedule({ saves, appends }: CachePersistence, { server: { user } }: Seat): (Verdict & { about: string })[] {
  if (saves !== undefined || appends) return [];
  return [
    {
      about: 'saves',
      ...verdict.skipped('whether it saves by itself is not told: a restart may lose all keys', [
        redisCli('ACL', 'SETUSER', user, '+config|get'),
      ]),
    },
  ];
}

function fork({ forkMs }: CachePersistence, { limits }: Seat): (Verdict & { about: string })[] {
  const { status, threshold } = against(forkMs, limits.cacheStallMs);
  if (status === 'ok') return [];
  return [
    {
      about: 'fork',
      status,
      reason: `the last fork, for a save or a replica, stopped the server for ${duration(forkMs)}`,
      value: forkMs,
      unit: 'ms',
      threshold,
      next: [redisCli('CONFIG', 'GET', 'save'), 'cat /sys/kernel/mm/transparent_hugepage/enabled'],
    },
  ];
}

function copies({ copied, used }: CachePersistence): (Verdict & { about: string })[] {
  const share = copied / Math.max(1, used);
  if (share < MUCH_COPIED) return [];
  return [
    {
      about: 'copies',
      ...verdict.warn(
        `${bytes(copied)} were copied during a save (${percent(share)} of what is used): so much memory must be free beside it`,
        ['opsctl stats --memory', redisCli('CONFIG', 'GET', 'save')],
        { value: copied, unit: 'bytes' },
      ),
    },
  ];
}
