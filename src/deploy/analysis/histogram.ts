/** One bucket of a Prometheus histogram: how many requests took at most so long, those of lower buckets included. */
export interface Bucket {
  /** Milliseconds; Infinity for the last one (`le="+Inf"`). */
  leMs: number;
  count: number;
}

/** How long requests of a version took in a window. */
export interface Latency {
  /** Milliseconds that 95 % of the requests did not exceed. */
  p95Ms: number;
  /** Requests that were measured. */
  samples: number;
  /**
   * Requests that took longer than a time which is the same for both versions, near the stable version's p95. Without it
   * nobody can say whether two p95 differ by chance, and a slow version is never failed, only held.
   */
  slow?: number | undefined;
}

/** A histogram that can be reckoned with: ordered, never falling, with what is above its greatest finite bound. */
interface Histogram {
  finite: Bucket[];
  total: number;
}

/**
 * Latencies of both versions from their buckets, with the requests slower than the stable version's p95.
 * @returns undefined for a version without requests or without a finite bucket
 */
export function latencies(
  stable: readonly Bucket[],
  canary: readonly Bucket[],
): { stable: Latency | undefined; canary: Latency | undefined } {
  const [before, after] = [histogramOf(stable), histogramOf(canary)];
  const limit = before && quantile(before, 0.95);
  return { stable: before && latencyOf(before, limit), canary: after && latencyOf(after, limit) };
}

function latencyOf(histogram: Histogram, limitMs: number | undefined): Latency {
  const slow = limitMs === undefined ? {} : { slow: histogram.total - countUntil(histogram, limitMs) };
  return { p95Ms: quantile(histogram, 0.95), samples: histogram.total, ...slow };
}

/** `increase()` extrapolates each bucket by itself: a bucket may come out below a lower one, and is raised to it. */
function histogramOf(buckets: readonly Bucket[]): Histogram | undefined {
  const finite: Bucket[] = [];
  let total = 0;
  for (const { leMs, count } of buckets.toSorted((a, b) => a.leMs - b.leMs)) {
    total = Math.max(total, Number.isFinite(count) ? count : 0);
    if (Number.isFinite(leMs)) finite.push({ leMs, count: total });
  }
  return total > 0 && finite.length > 0 ? { finite, total } : undefined;
}

/**
 * The time that this share of the requests did not exceed, in milliseconds, as `histogram_quantile` has it: within a
 * bucket requests are taken as spread evenly, the lowest begins at 0, and above the greatest finite bound that bound is
 * the answer. Source: Prometheus documentation, Query functions, histogram_quantile().
 */
function quantile({ finite, total }: Histogram, share: number): number {
  const rank = share * total;
  const index = finite.findIndex(({ count }) => count >= rank);
  const bucket = finite[index];
  if (bucket === undefined) return finite.at(-1)?.leMs ?? Number.NaN;
  const below = finite[index - 1] ?? { leMs: 0, count: 0 };
  if (bucket.count === below.count) return bucket.leMs;
  return below.leMs + ((bucket.leMs - below.leMs) * (rank - below.count)) / (bucket.count - below.count);
}

/** How many requests took at most so long, by the same reckoning. */
function countUntil({ finite, total }: Histogram, ms: number): number {
  const index = finite.findIndex(({ leMs }) => leMs >= ms);
  const bucket = finite[index];
  if (bucket === undefined) return total;
  const below = finite[index - 1] ?? { leMs: 0, count: 0 };
  const part = bucket.leMs === below.leMs ? 1 : (ms - below.leMs) / (bucket.leMs - below.leMs);
  return below.count + (bucket.count - below.count) * part;
}
