/** Two versions for people: the share that a canary should have and has, errors and latency of both side by side. */
import { duration, percent } from '../core/format.ts';
import type { Platform } from '../core/platform.ts';
import type { Readers } from '../core/ports.ts';
import type { CanaryStep, CanaryView, ComparedService, Watch, WatchView } from '../core/ports/release.ts';
import { asOpsError, OpsError } from '../core/errors.ts';
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
    return { lines: [notAsked(thrown)], services: [] };
  }
}

const notAsked = (thrown: unknown): string => `Prometheus cannot be asked: ${asOpsError(thrown).message}`;

/** The version after the switch beside the one before it. @param seen by the last look, or why nothing was seen; undefined before the first */
export function watchViewOf(
  watch: Watch,
  seen: readonly Compared[] | OpsError | undefined,
  platform: Platform,
): WatchView {
  const { services, incomparable = [], forMs } = watch;
  const short = forMs < SHORTEST_MS ? `nothing is compared in less than ${duration(SHORTEST_MS)}` : undefined;
  const asked = services.length === 0 && incomparable.length === 0;
  const nothing = asked
    ? 'nothing is compared, as was asked for (--no-analysis)'
    : (whyNothing(watch, platform) ?? short);
  // What the configuration chose not to compare is no news.
  const chosen = platform.prometheus === undefined || short !== undefined;
  const never = chosen ? [] : incomparable.map((one) => `comparison of ${one}`);
  const open = ({ metrics, stable, candidate }: ComparedService, why: string): string =>
    `comparison of ${metrics} ${candidate} with ${stable}: ${why}`;
  const byContainers = (why: string): string[] => [`${why}; only its containers are watched`];
  if (nothing !== undefined) return { lines: byContainers(nothing), notDone: never };
  if (seen === undefined) return { lines: ['nothing measured yet'], notDone: never };
  if (seen instanceof OpsError)
    return {
      lines: byContainers(notAsked(seen)),
      notDone: [...services.map((one) => open(one, notAsked(seen))), ...never],
    };
  return {
    lines: seen.flatMap((one) => [one.service.metrics, ...sidesOf(one)]),
    notDone: [
      ...seen.flatMap(({ service, analysis }) =>
        analysis.verdict === 'inconclusive' ? [open(service, analysis.reason)] : [],
      ),
      ...never,
    ],
  };
}

/** Why the versions will never be compared, if they will not. */
function whyNothing({ services }: Pick<CanaryStep, 'services'>, { prometheus }: Platform): string | undefined {
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

const linesOf = (seen: Compared, assigned: number): string[] => [
  `${seen.service.metrics} ${bar(shareOf(seen))} ${percent(shareOf(seen))} of requests, ${assigned.toString()} % of visitors assigned`,
  ...sidesOf(seen),
];

function sidesOf({ service, stable, canary, analysis }: Compared): string[] {
  const side = (version: string, { requests, errors, latency }: Observation): string =>
    `  ${version}: ${Math.round(requests).toString()} requests, ${requests > 0 ? percent(errors / requests) : '-'} errors, p95 ${latency === undefined ? '-' : duration(latency.p95Ms)}`;
  return [side(service.stable, stable), side(service.candidate, canary), `  ${analysis.verdict}: ${analysis.reason}`];
}
