/** The four golden signals of each service: rate, errors, latency, saturation. */
import * as z from 'zod';

import { traffic as judgeTraffic, unclear } from '../checks/monitoring.ts';
import { single, type Traffic } from '../core/traffic.ts';
import { duration, percent, plural } from '../core/format.ts';
import type { Thresholds } from '../core/thresholds.ts';
import { statusOf } from '../core/report.ts';
import { against, statusSchema, type Verdict, verdict, worst } from '../core/verdict.ts';
import type { Report } from './report.ts';

/** How full each service is, from whoever tells; `unseen` says why nobody does. */
export interface Saturations {
  of: 'query' | 'memory';
  /** Shares by service: one each, none where nobody told, several where the query is not clear. */
  shares: ReadonlyMap<string, readonly number[]>;
  unseen?: string;
}

const rowSchema = z
  .object({
    service: z.string(),
    status: statusSchema,
    perSecond: z.number().nullable().describe('requests; null where Prometheus does not count them'),
    errorShare: z.number().nullable(),
    p95Ms: z.number().nullable(),
    saturation: z.number().nullable().describe('share of what it can bear'),
    saturationOf: z
      .enum(['query', 'memory'])
      .describe('prometheus.queries.saturation, or the memory of its containers against their limit'),
  })
  .meta({ id: 'GoldenSignals' });
export type GoldenRow = z.infer<typeof rowSchema>;

export const golden: Report<'traffic' | 'saturation', GoldenRow> = {
  name: 'golden',
  parts: ['traffic', 'saturation'],
  row: rowSchema,
  judge: ({ traffic, saturation }, { limits }) => {
    const judged = traffic.map((facts) => ({ facts, signals: signalsOf(facts, saturation, limits) }));
    const bad = judged.flatMap(({ facts, signals }) =>
      Object.entries(signals)
        .filter(([, { status }]) => status !== 'ok')
        .map(([signal, one]) => ({ about: `${facts.service} ${signal}`, ...one })),
    );
    return {
      findings: [{ about: '', ...summary(judged) }, ...once(bad)],
      rows: judged.map(({ facts, signals }) => rowOf(facts, signals, saturation)),
      notes: [
        'as prometheus.queries ask for it: by default the requests of the last minute',
        ...(saturation.unseen === undefined ? [] : [`saturation is not known: ${saturation.unseen}`]),
      ],
    };
  },
  columns: [
    { title: 'STATUS' },
    { title: 'SERVICE', flexible: true },
    { title: 'RATE', align: 'right' },
    { title: 'ERRORS', align: 'right' },
    { title: 'P95', align: 'right' },
    { title: 'SATURATION', align: 'right' },
  ],
  cells: (row, style) => [
    style.status(row.status),
    row.service,
    row.perSecond === null ? '-' : `${row.perSecond.toFixed(1)}/s`,
    row.errorShare === null ? '-' : percent(row.errorShare),
    row.p95Ms === null ? '-' : duration(row.p95Ms),
    row.saturation === null ? '-' : `${percent(row.saturation)}${row.saturationOf === 'memory' ? ' of memory' : ''}`,
  ],
};

type Signals = Record<'requests' | 'errors' | 'latency' | 'saturation', Verdict>;

const signalsOf = (facts: Traffic, saturations: Saturations, limits: Thresholds): Signals => ({
  ...judgeTraffic(facts, limits),
  saturation: saturation(facts.service, saturations, limits),
});

function saturation(service: string, { of, shares, unseen }: Saturations, limits: Thresholds): Verdict {
  const all = shares.get(service) ?? [];
  if (all.length > 1) return unclear('saturation', all.length, service);
  const share = single(all);
  if (share === undefined || Number.isNaN(share))
    return unseen === undefined
      ? verdict.skipped(of === 'query' ? 'the query gives nothing for it' : 'its containers have no memory limit')
      : verdict.unknown(`not known: ${unseen}`, ['opsctl stats']);
  const { status, threshold } = against(share, of === 'query' ? limits.saturation : limits.containerMemory);
  const measured = { value: Math.round(share * 10_000) / 10_000, unit: 'share', threshold };
  const reason = `${percent(share)} of ${of === 'query' ? 'what it can bear' : 'the memory limit of its fullest container'} is used`;
  return status === 'ok'
    ? verdict.ok(reason, measured)
    : { status, reason, ...measured, next: [`opsctl stats ${service} --memory`, `opsctl logs ${service} --errors`] };
}

function summary(judged: readonly { facts: Traffic; signals: Signals }[]): Verdict {
  if (judged.length === 0) return verdict.skipped('no service is configured', ['opsctl config show']);
  const bad = judged.filter(({ signals }) => !isWell(signals));
  const status = worst(judged.flatMap(({ signals }) => Object.values(signals).map((one) => one.status)));
  const rate = judged.reduce(
    (sum, { facts }) => sum + (Number.isFinite(facts.perSecond) ? (facts.perSecond ?? 0) : 0),
    0,
  );
  return {
    status,
    reason: `${bad.length === 0 ? `${plural(judged.length, 'service')} well` : `${bad.length.toString()} of ${plural(judged.length, 'service')} not well`}, ${rate.toFixed(1)} requests a second in all`,
    value: Math.round(rate * 100) / 100,
    unit: 'requests/s',
    next: [],
  };
}

const isWell = (signals: Signals): boolean =>
  Object.values(signals).every(({ status }) => status === 'ok' || status === 'skipped');

/** What is the same for the rate, the errors and the latency of a service is said of its requests only. */
function once<T extends Verdict & { about: string }>(findings: readonly T[]): T[] {
  const said = new Set<string>();
  return findings.filter(({ about, reason }) => {
    const key = `${about.split(' ')[0] ?? ''} ${reason}`;
    return !said.has(key) && said.add(key);
  });
}

function rowOf(facts: Traffic, signals: Signals, { of, shares }: Saturations): GoldenRow {
  const number = (value: number | undefined): number | null =>
    value !== undefined && Number.isFinite(value) ? value : null;
  const perSecond = number(facts.perSecond);
  return {
    service: facts.service,
    status: statusOf(Object.values(signals)),
    perSecond,
    // With requests there, no series of errors means none.
    errorShare: number(facts.errorShare) ?? (signals.errors.status === 'ok' ? 0 : null),
    p95Ms: number(facts.p95Ms),
    saturation: number(single(shares.get(facts.service))),
    saturationOf: of,
  };
}
