/** How much of what is read is found in shared buffers, and whose reads are not. */
import * as z from 'zod';

import { blocksFound } from '../checks/database-facts.ts';
import { localTime, percent, plural } from '../core/format.ts';
import type { DatabaseUse, Table } from '../core/ports/database-storage.ts';
import { against, leading, type Verdict, verdict } from '../core/verdict.ts';
import type { Report, Seat } from './report.ts';

const rowSchema = z
  .object({
    table: z.string(),
    hitRatio: z.number().nullable().describe('of rows and out-of-line values; null where nothing was read'),
    indexHitRatio: z.number().nullable(),
    readBlocks: z.number().describe('of rows and indexes, from outside of shared buffers'),
    readShare: z.number().describe('of the reads of all tables from outside of shared buffers'),
  })
  .meta({ id: 'DatabaseCacheHit' });
export type CacheHitRow = z.infer<typeof rowSchema>;

/** A table is named that has this share of the reads. */
const MUCH = 0.2;
const SHOWN = 25;

export const cacheHit: Report<'databases' | 'tables', CacheHitRow> = {
  name: 'cache-hit',
  parts: ['databases', 'tables'],
  row: rowSchema,
  judge: ({ databases, tables: { tables } }, seat) => {
    const rows = tables
      .map((table) => rowOf(table, tables))
      .filter(({ readBlocks, hitRatio }) => readBlocks > 0 || hitRatio !== null);
    const current = databases.find(({ isCurrent }) => isCurrent);
    const summed = summary(current, seat);
    return {
      findings: [
        { about: '', ...summed },
        ...(summed.status === 'ok' ? [] : rows.flatMap((row) => tableFinding(row, seat))),
      ],
      rows: rows.toSorted((a, b) => b.readBlocks - a.readBlocks).slice(0, SHOWN),
      notes: [
        ...(current?.since === undefined ? [] : [`counted since ${localTime(current.since)}`]),
        'what is not in shared buffers may still be in the cache of the operating system',
        ...(current !== undefined && current.tempFiles > 0
          ? [
              `${plural(current.tempFiles, 'temporary file')} of sorts and hashes since then: opsctl db slow --by io names whose`,
            ]
          : []),
      ],
    };
  },
  columns: [
    { title: 'TABLE', flexible: true },
    { title: 'HIT', align: 'right' },
    { title: 'INDEX HIT', align: 'right' },
    { title: 'BLOCKS READ', align: 'right' },
    { title: 'SHARE', align: 'right' },
  ],
  cells: (row) => [
    row.table,
    row.hitRatio === null ? '-' : percent(row.hitRatio),
    row.indexHitRatio === null ? '-' : percent(row.indexHitRatio),
    row.readBlocks.toString(),
    percent(row.readShare),
  ],
};

const summary = (current: DatabaseUse | undefined, { limits }: Seat): Verdict =>
  leading(blocksFound(current ?? { name: '', hits: 0, reads: 0 }, limits), [
    'opsctl db slow --by io',
    'opsctl db sizes',
    'opsctl db query "SHOW shared_buffers"',
  ]);

function tableFinding(row: CacheHitRow, { limits }: Seat): (Verdict & { about: string })[] {
  if (row.readShare < MUCH || row.hitRatio === null) return [];
  const { status, threshold } = against(row.hitRatio, limits.databaseCacheHit, 'less');
  if (status === 'ok') return [];
  return [
    {
      about: row.table,
      ...verdict.warn(
        `${percent(row.readShare)} of all reads from outside of shared buffers are of it, ${percent(row.hitRatio)} of its blocks were found there`,
        ['opsctl db indexes'],
        { value: row.hitRatio, unit: 'share', threshold },
      ),
    },
  ];
}

function rowOf({ name, hits, reads, indexHits, indexReads }: Table, all: readonly Table[]): CacheHitRow {
  const ratio = (hit: number, read: number): number | null => (hit + read === 0 ? null : hit / (hit + read));
  const sum = all.reduce((total, one) => total + one.reads + one.indexReads, 0);
  return {
    table: name,
    hitRatio: ratio(hits, reads),
    indexHitRatio: ratio(indexHits, indexReads),
    readBlocks: reads + indexReads,
    readShare: sum === 0 ? 0 : (reads + indexReads) / sum,
  };
}
