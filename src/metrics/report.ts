/** Reports of what Prometheus knows: what is judged the same wherever it is asked. */
import type { Thresholds } from '../core/thresholds.ts';
import type { Alert, ScrapeTarget } from '../core/ports/metrics.ts';
import { type Concluded, concludeReport, type Report as AnyReport } from '../core/report.ts';
import type { Had } from '../core/ports/had.ts';
import type { Traffic } from '../core/traffic.ts';
import type { Saturations } from './golden.ts';

/** By name: what reports are made of. */
export interface MetricsParts {
  targets: ScrapeTarget[];
  alerts: Alert[];
  traffic: Traffic[];
  saturation: Saturations;
}
type PartName = keyof MetricsParts;

/** The time of the judgement, and the limits of the configuration. */
interface Seat {
  nowMs: number;
  limits: Thresholds;
  /** That Prometheus runs as, where it is one of the platform. */
  service: string | undefined;
}

export type Report<P extends PartName, R> = AnyReport<MetricsParts, Seat, P, R>;

/** Judges a report; all its parts were had, because a server that does not answer is an error of its own. */
export function conclude<P extends PartName, R>(
  report: Report<P, R>,
  parts: { [K in P]: MetricsParts[K] },
  seat: Seat,
): Concluded<R> {
  const had = Object.fromEntries(report.parts.map((name) => [name, { is: 'seen', value: parts[name] }])) as unknown as {
    [K in P]: Had<MetricsParts[K]>;
  };
  return concludeReport(report, had, seat, `opsctl metrics ${report.name}`);
}
