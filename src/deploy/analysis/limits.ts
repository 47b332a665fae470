/** When a canary fails, and what it takes to pass. */
export interface AnalysisLimits {
  /** Requests of each version without which nothing passes. When none of 300 fails, less than 1 % fail, with 95 %. */
  requests: number;
  /** Chance that the errors of a version that is no worse fail it, at any look of the whole canary. */
  errorAlpha: number;
  /** Percentage points that the share of errors must be greater to fail, however certain the difference is. */
  failPoints: number;
  /** Percentage points that the share of errors may be greater, with 95 %, to pass. */
  marginPoints: number;
  /** Chance that the latency of a version that is no slower fails it, at any look of the whole canary. */
  latencyAlpha: number;
  /** The p95 must be above that of stable times this to fail. */
  failRatio: number;
  /** And above that of stable plus this, in milliseconds. */
  failMs: number;
  /** Errors from which on a version fails at once. */
  abortErrors: number;
  /** Requests of the canary within which they have to happen; later the test of errors is the sharper one. */
  abortWithin: number;
  /** And the share of errors must be that of stable times this. */
  abortTimes: number;
}

/** What each of them costs and gains is measured by `npm run bench -- canary`; results in docs/benchmarks.md. */
export const ANALYSIS_LIMITS: AnalysisLimits = {
  requests: 300,
  errorAlpha: 0.01,
  failPoints: 0.5,
  marginPoints: 1,
  latencyAlpha: 0.005,
  failRatio: 1.2,
  failMs: 50,
  abortErrors: 5,
  abortWithin: 100,
  abortTimes: 10,
};
