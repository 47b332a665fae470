/** A canary for people: the share that it should have and has, errors and latency of both versions side by side. */
import { duration, percent } from '../core/format.ts';
import type { Platform } from '../core/platform.ts';
import type { Readers } from '../core/ports.ts';
import type { CanaryStep, CanaryView } from '../core/ports/release.ts';
import { asOpsError } from '../core/errors.ts';
import type { Observation } from './analysis/analyse.ts';
import { type Compared, compareVersions, lookAtStep, sinceThen } from './compare.ts';
import { SHORTEST_MS } from './measure.ts';

const BAR = 20;

/** What is so now. Never throws for what cannot be compared, or a Prometheus that does not answer: that is shown then. */
export async function viewOf(step: CanaryStep, platform: Platform, readers: Readers): Promise<CanaryView> {
  const now = await readers.loadBalancer.routing(step.instance, step.directory);
  const assigned = now?.canary?.percent ?? 0;
  const elapsed = now === undefined ? 0 : await sinceThen(now.since, readers);
  const nothing = whyNothing(step, platform) ?? (elapsed < SHORTEST_MS ? 'nothing measured yet' : undefined);
  if (nothing !== undefined)
    return { lines: [`${bar(assigned / 100)} ${assigned.toString()} % assigned; ${nothing}`], services: [] };
  try {
    const glance = { elapsed, looks: lookAtStep(step, elapsed) };
    const seen = await compareVersions(step.services, glance, platform, readers);
    return {
      lines: seen.flatMap((one) => linesOf(one, assigned)),
      services: seen.map(({ service, analysis, ...counts }) => ({
        service: service.metrics,
        assignedPercent: assigned,
        actualShare: shareOf(counts),
        stableVersion: service.stable,
        canaryVersion: service.candidate,
        analysis,
      })),
    };
  } catch (thrown) {
    return { lines: [`Prometheus cannot be asked: ${asOpsError(thrown).message}`], services: [] };
  }
}

/** Why the versions will never be compared, if they will not. */
function whyNothing({ services }: CanaryStep, { prometheus }: Platform): string | undefined {
  if (prometheus === undefined) return 'nothing is compared, because the configuration names no Prometheus';
  if (services.length === 0) return 'nothing is compared, because metrics cannot tell the versions apart';
  return undefined;
}

const bar = (share: number): string => {
  const full = Math.round(Math.min(1, Math.max(0, share)) * BAR);
  return `${'█'.repeat(full)}${'░'.repeat(BAR - full)}`;
};

const shareOf = ({ stable, canary }: Pick<Compared, 'stable' | 'canary'>): number =>
  stable.requests + canary.requests > 0 ? canary.requests / (stable.requests + canary.requests) : 0;

function linesOf(seen: Compared, assigned: number): string[] {
  const { service, stable, canary, analysis } = seen;
  const side = (version: string, { requests, errors, latency }: Observation): string =>
    `${version}: ${Math.round(requests).toString()} requests, ${requests > 0 ? percent(errors / requests) : '-'} errors, p95 ${latency === undefined ? '-' : duration(latency.p95Ms)}`;
  return [
    `${service.metrics} ${bar(shareOf(seen))} ${percent(shareOf(seen))} of requests, ${assigned.toString()} % of visitors assigned`,
    `  ${side(service.stable, stable)}`,
    `  ${side(service.candidate, canary)}`,
    `  ${analysis.verdict}: ${analysis.reason}`,
  ];
}
