/** How much of what is read is found in shared buffers, and whose reads are not. */
import * as z from 'zod';

import { localTime, percent, plural } from '../core/format.ts';
import type { DatabaseUse, Table } from '../core/ports/database-storage.ts';
import { against, type Verdict, verdict } from '../core/verdict.ts';
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

/** Blocks read in all before which a ratio says nothing: that much is read when a server starts. */
const ENOUGH = 10_000;
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

function summary(current: DatabaseUse | undefined, { limits }: Seat): Verdict {
  const hits = current?.hits ?? 0;
  const all = hits + (current?.reads ?? 0);
  if (current === undefined || all === 0) return verdict.ok('nothing was read since the statistics began');
  const ratio = hits / all;
  const { status, threshold } = against(ratio, limits.databaseCacheHit, 'less');
  const measured = { value: Math.round(ratio * 10_000) / 10_000, unit: 'share', threshold };
  const reason = `${percent(ratio)} of the blocks read in database ${current.name} were found in shared buffers`;
  if (all < ENOUGH) return verdict.ok(`${reason}; too few were read to judge that`, measured);
  // A low ratio is slow, not broken: it never counts as critical by itself.
  return status === 'ok'
    ? verdict.ok(reason, measured)
    : verdict.warn(
        reason,
        ['opsctl db slow --by io', 'opsctl db sizes', 'opsctl db query "SHOW shared_buffers"'],
        measured,
      );
}

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
