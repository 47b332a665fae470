/** What Prometheus scrapes, and what it cannot. */
import * as z from 'zod';

import { targets as judgeTargets } from '../checks/monitoring.ts';
import { duration, plural } from '../core/format.ts';
import type { ScrapeTarget } from '../core/ports/metrics.ts';
import { oneLine } from '../core/text.ts';
import { statusSchema, verdict } from '../core/verdict.ts';
import type { Report } from './report.ts';

const rowSchema = z
  .object({
    job: z.string(),
    instance: z.string(),
    health: z.enum(['up', 'down', 'unknown']),
    status: statusSchema.describe('unknown before the first scrape'),
    lastError: z.string(),
    lastScrapeAt: z.string().describe('ISO; empty where it was never scraped'),
    lastScrapeMs: z.number().nullable().describe('how long ago that was'),
  })
  .meta({ id: 'MetricsTarget' });
export type TargetRow = z.infer<typeof rowSchema>;

const SHOWN = 200;
const STATUS = { up: 'ok', down: 'warn', unknown: 'unknown' } as const;

export const targets: Report<'targets', TargetRow> = {
  name: 'targets',
  parts: ['targets'],
  row: rowSchema,
  judge: ({ targets: all }, { nowMs, service }) => {
    const rows = all.map((one) => rowOf(one, nowMs));
    const ordered = rows.toSorted((a, b) => Number(a.health === 'up') - Number(b.health === 'up'));
    return {
      findings: [
        { about: '', ...judgeTargets(all, service) },
        ...ordered
          .slice(0, SHOWN)
          .filter(({ health }) => health === 'down')
          .map(({ job, instance, lastError }) => ({
            about: `${job} (${instance})`,
            ...verdict.warn(`cannot be scraped: ${oneLine(lastError) || 'it does not say why'}`, []),
          })),
      ],
      rows: ordered.slice(0, SHOWN),
      notes: all.length > SHOWN ? [`the first ${SHOWN.toString()} of ${plural(all.length, 'target')}`] : [],
    };
  },
  columns: [
    { title: 'HEALTH' },
    { title: 'JOB', flexible: true },
    { title: 'INSTANCE', flexible: true },
    { title: 'SCRAPED', align: 'right' },
    { title: 'ERROR', flexible: true },
  ],
  cells: (row, style) => [
    style.as(row.status, row.health),
    row.job,
    row.instance,
    row.lastScrapeMs === null ? 'never' : `${duration(row.lastScrapeMs)} ago`,
    oneLine(row.lastError) || '-',
  ],
};

function rowOf(target: ScrapeTarget, nowMs: number): TargetRow {
  const ms = nowMs - Date.parse(target.lastScrapeAt);
  return {
    ...target,
    status: STATUS[target.health],
    lastScrapeMs: Number.isFinite(ms) ? Math.max(0, ms) : null,
  };
}
