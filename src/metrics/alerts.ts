/** Alerts that fire or are about to. */
import * as z from 'zod';

import { alerts as judgeAlerts, alertStatus, leadsTo } from '../checks/monitoring.ts';
import { duration, plural } from '../core/format.ts';
import type { Alert } from '../core/ports/metrics.ts';
import { oneLine } from '../core/text.ts';
import { statusSchema, STATUSES } from '../core/verdict.ts';
import type { Report } from './report.ts';
import { labelsSchema, seriesText } from './series.ts';

const rowSchema = z
  .object({
    name: z.string(),
    state: z.enum(['pending', 'firing']),
    severity: z.string().describe('as its rule says; empty without'),
    status: statusSchema.describe('ok while it is pending, and where its severity calls nobody'),
    activeAt: z.string().describe('since when its condition holds, ISO'),
    activeMs: z.number().nullable(),
    summary: z.string(),
    labels: labelsSchema,
  })
  .meta({ id: 'MetricsAlert' });
export type AlertRow = z.infer<typeof rowSchema>;

/** Rows shown, and findings: an outage fires one for each of hundreds of instances. */
const SHOWN = 100;

export const alerts: Report<'alerts', AlertRow> = {
  name: 'alerts',
  parts: ['alerts'],
  row: rowSchema,
  judge: ({ alerts: all }, { nowMs }) => {
    const ordered = all.map((one) => rowOf(one, nowMs)).toSorted(order);
    const shown = ordered.slice(0, SHOWN);
    return {
      findings: [
        { about: '', ...judgeAlerts(all) },
        ...shown
          .filter(({ status }) => status !== 'ok')
          .map((row) => ({
            about: row.name,
            status: row.status,
            reason: `${row.activeMs === null ? 'fires' : `fires, true for ${duration(row.activeMs)}`}${row.summary === '' ? '' : `: ${oneLine(row.summary)}`}`,
            next: leadsTo([row.labels]),
          })),
      ],
      rows: shown,
      notes: ordered.length > SHOWN ? [`the first ${SHOWN.toString()} of ${plural(ordered.length, 'alert')}`] : [],
    };
  },
  columns: [
    { title: 'STATE' },
    { title: 'SEVERITY' },
    { title: 'FOR', align: 'right' },
    { title: 'ALERT', flexible: true },
    { title: 'LABELS', flexible: true },
  ],
  cells: (row, style) => [
    style.as(row.status, row.state),
    row.severity || '-',
    row.activeMs === null ? '-' : duration(row.activeMs),
    row.name,
    seriesText(row.labels, HIDDEN),
  ],
};

/** Labels that have a column of their own. */
const HIDDEN = new Set(['alertname', 'severity']);

function rowOf(alert: Alert, nowMs: number): AlertRow {
  const { name, state, severity, activeAt, summary, labels } = alert;
  const ms = nowMs - Date.parse(activeAt);
  return {
    name,
    state,
    severity,
    status: alertStatus(alert),
    activeAt,
    activeMs: Number.isFinite(ms) ? Math.max(0, ms) : null,
    summary,
    labels,
  };
}

/** What fires before what is pending, the severe first, then what has fired longest. */
const order = (a: AlertRow, b: AlertRow): number =>
  Number(b.state === 'firing') - Number(a.state === 'firing') ||
  STATUSES.indexOf(b.status) - STATUSES.indexOf(a.status) ||
  (b.activeMs ?? 0) - (a.activeMs ?? 0);
