/** Prometheus. */

export interface Sample {
  labels: Record<string, string>;
  /** NaN and infinities stay what they are: the caller judges them. */
  value: number;
}

export interface ScrapeTarget {
  job: string;
  instance: string;
  health: 'up' | 'down' | 'unknown';
  lastError: string;
  lastScrapeAt: string;
}

export interface Alert {
  name: string;
  state: 'pending' | 'firing';
  severity: string;
  activeAt: string;
  labels: Record<string, string>;
  summary: string;
}

/** How much of an answer is wanted, and how long the server may work on it. */
export interface MetricsBounds {
  series: number;
  ms: number;
}

/** Each of these is left out of an answer that is cut: `more` says that there are further series. */
export interface Answered<T> {
  series: T[];
  more: boolean;
  /** What the server says of the query besides, such as that a metric is no counter. */
  remarks: string[];
}

/** A time span, looked at every `stepMs`; both ends ISO. */
export interface Window {
  from: string;
  to: string;
  stepMs: number;
}

/** A series over a window; times at which it has no sample are left out. */
export interface Series {
  labels: Record<string, string>;
  points: { at: string; value: number }[];
}

export interface MetricsReader {
  /**
   * One instant vector or scalar, as it is now or was at a time (ISO).
   * @throws REJECTED with the server's own text for a PromQL mistake
   */
  query(promql: string, at?: string): Promise<Sample[]>;
  /**
   * As `query`, in bounds of somebody's own.
   * @throws as `query`; details `line` and `column` (in bytes, both from 1) where the server says where the mistake is
   */
  instant(promql: string, at: string, bounds: MetricsBounds): Promise<Answered<Sample>>;
  /** The same over a window. @throws as `instant` */
  range(promql: string, window: Window, bounds: MetricsBounds): Promise<Answered<Series>>;
  targets(): Promise<ScrapeTarget[]>;
  alerts(): Promise<Alert[]>;
}
