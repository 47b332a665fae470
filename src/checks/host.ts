import { bytes, percent } from '../core/format.ts';
import type { Sample } from '../core/ports/metrics.ts';
import type { DiskUsage } from '../core/ports/engine.ts';
import type { Limits } from '../core/verdict.ts';
import { against, type Verdict, verdict } from '../core/verdict.ts';

/** The disk under the engine's data. `seenBy` names the witness. */
export function disk(usage: DiskUsage, seenBy: string, limits: Limits): Verdict {
  const share = 1 - usage.free / usage.size;
  const { status, threshold } = against(share, limits);
  const reason = `${percent(share)} of ${bytes(usage.size)} used at ${usage.path}, ${bytes(usage.free)} free (seen by ${seenBy})`;
  const measured = { value: Math.round(share * 10_000) / 10_000, unit: 'share', threshold };
  return status === 'ok'
    ? verdict.ok(reason, measured)
    : { status, reason, ...measured, next: ['opsctl volume --sizes', 'docker system df'] };
}

/**
 * The sample of the one host that a Prometheus knows. With several node exporters nothing says which of them stands
 * on the engine's machine, and samples of two queries need not be in the same order: then none is taken.
 */
export function onlyHost(samples: Sample[]): { value: number } | { why: string } {
  const [first] = samples;
  if (first === undefined) return { why: 'prometheus has no node exporter to tell' };
  if (samples.length > 1) return { why: "prometheus knows several hosts, and not which of them is the engine's" };
  return { value: first.value };
}

/** Memory of the host. */
export function hostMemory(total: number, available: number, seenBy: string, limits: Limits): Verdict {
  const share = 1 - available / total;
  const { status, threshold } = against(share, limits);
  const reason = `${percent(share)} of ${bytes(total)} used (seen by ${seenBy})`;
  const measured = { value: Math.round(share * 10_000) / 10_000, unit: 'share', threshold };
  return status === 'ok' ? verdict.ok(reason, measured) : { status, reason, ...measured, next: ['opsctl stats'] };
}
