import type { Context } from '../core/command.ts';
import { OpsError } from '../core/errors.ts';
import { type Status, verdict, worst } from '../core/verdict.ts';
import { componentProbes, vitalsProbes } from './data.ts';
import { engineProbes, preparePlace } from './engine.ts';
import { hostProbes } from './host.ts';
import { monitoringProbes } from './monitoring.ts';
import { type Finding, type Probe, type Ran, runProbes } from './probe.ts';
import { loadBalancerProbe, prepareLooks, serviceProbes } from './services.ts';
import { backupProbes, certificateProbes } from './surroundings.ts';

/** What is to be looked at. */
export interface HealthRequest {
  detailed: boolean;
  /** Ids or components; a trailing `*` stands for anything. Empty: all. */
  only: string[];
  /** Deadline of each check in ms; default: the configuration's. */
  timeoutMs: number | undefined;
}

/** The health of a platform at one moment. */
export interface Health {
  status: Status;
  checks: Finding[];
}

/** Looks at everything asked for at once. @throws USAGE when `only` names nothing there is, or all of it is disabled */
export async function observeHealth(context: Context, request: HealthRequest): Promise<Health> {
  const timeoutMs = request.timeoutMs ?? context.platform.checks.timeoutMs;
  const probes = choose(probesOf(context, request.detailed || request.only.length > 0, timeoutMs), request.only);
  if (probes.length === 0) {
    const known = [...new Set(probesOf(context, true, timeoutMs).flatMap(({ id, component }) => [id, component]))];
    throw new OpsError(
      'USAGE',
      request.only.length === 0
        ? 'the configuration names nothing to check'
        : `there is no check ${request.only.join(', ')}`,
      { hint: `Checks and components: ${known.join(', ')}.` },
    );
  }
  const ran = await runProbes(probes);
  const disabled = context.platform.checks.disable;
  const checks = (request.only.length === 0 ? ran.flatMap(({ found }) => found) : chosen(ran, request.only)).filter(
    (one) => !disabled.some((pattern) => matches(pattern, one.id)),
  );
  if (checks.length === 0)
    throw new OpsError('USAGE', 'every check that was asked for is turned off', {
      hint: `The configuration turns off: checks.disable: ${disabled.join(', ')}.`,
    });
  return { status: worst(checks.map(({ status }) => status)), checks };
}

/**
 * The findings that `only` means. A probe that was chosen but could observe nothing tells so under its own name,
 * which stands for all that it might have found: `container:api` while the engine is down. A pattern that none
 * of them answers is a finding too: what does not exist is not well.
 */
function chosen(ran: Ran[], only: string[]): Finding[] {
  const kept = new Set<Finding>();
  const missing = only.flatMap((pattern): Finding[] => {
    const mine = ran
      .filter(({ probe }) => isMeant(probe, pattern))
      .flatMap(({ probe, found }) => {
        const named = found.filter((one) => matches(pattern, one.id) || matches(pattern, one.component));
        const failed = found.filter((one) => one.id === probe.id && one.status !== 'ok');
        return named.length > 0 || failed.length < found.length ? named : failed;
      });
    for (const one of mine) kept.add(one);
    if (mine.length > 0) return [];
    const meant = ran.filter(({ probe }) => isMeant(probe, pattern));
    if (meant.length === 0) return [];
    const there = meant.flatMap(({ found }) => found.map(({ id }) => id));
    const reason = `nothing was found by this name${there.length === 0 ? '' : `; there is: ${there.join(', ')}`}`;
    const component = meant[0]?.probe.component ?? pattern;
    return [{ id: pattern, component, ...verdict.unknown(reason, ['opsctl status']), durationMs: 0 }];
  });
  return [...ran.flatMap(({ found }) => found).filter((one) => kept.has(one)), ...missing];
}

function probesOf(context: Context, detailed: boolean, timeoutMs: number): Probe[] {
  const looks = prepareLooks(context, timeoutMs);
  const place = preparePlace(context);
  const basic = [
    ...serviceProbes(context, { looks, place }, timeoutMs),
    ...componentProbes(context, looks, timeoutMs),
    ...loadBalancerProbe(context, looks, timeoutMs),
  ];
  if (!detailed) return basic;
  return [
    ...basic,
    ...engineProbes(context, place, timeoutMs),
    ...vitalsProbes(context, timeoutMs),
    ...hostProbes(context, timeoutMs),
    ...monitoringProbes(context, timeoutMs),
    ...certificateProbes(context, timeoutMs),
    ...backupProbes(context, timeoutMs),
  ];
}

const choose = (probes: Probe[], only: string[]): Probe[] =>
  only.length === 0 ? probes : probes.filter((probe) => only.some((pattern) => isMeant(probe, pattern)));

/** Whether a probe may give what a pattern names. */
const isMeant = (probe: Probe, pattern: string): boolean =>
  [probe.component, probe.id, ...(probe.gives ?? [])].some((name) => matches(pattern, name) || matches(name, pattern));

/** `container:*` matches `container:ecommerce-api-prod`; without a star the whole must be the same. */
function matches(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name;
}
