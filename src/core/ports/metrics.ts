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

export interface MetricsReader {
  /**
   * One instant vector or scalar, as it is now or was at a time (ISO).
   * @throws REJECTED with the server's own text for a PromQL mistake
   */
  query(promql: string, at?: string): Promise<Sample[]>;
  targets(): Promise<ScrapeTarget[]>;
  alerts(): Promise<Alert[]>;
}
