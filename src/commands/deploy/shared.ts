import type { Context } from '../../core/command.ts';
import { OpsError } from '../../core/errors.ts';
import { viewOf } from '../../deploy/view.ts';
import { decide, mustFit } from '../../deploy/decide.ts';
import { type Changes, changesIn } from '../../deploy/changes.ts';
import { platformDrift } from '../../deploy/drift.ts';
import { type Facts, factsIn, look } from '../../deploy/observe.ts';
import type { DeployRequest, Surroundings, Wanted } from '../../deploy/request.ts';
import { canaryEnds, observeStep, promoting, runningCanary } from '../../deploy/running-canary.ts';
import { isUp } from '../../deploy/stages.ts';
import { type ServiceStatus, serviceStatusSchema, statusOf } from '../../deploy/status.ts';
import {
  isStale,
  type Kept,
  mustAgree,
  settingCommands,
  tagIn,
  versionVariable,
  writable,
} from '../../deploy/version-variable.ts';
import { lackingFor } from '../../lb/check.ts';
import { observeSetup } from '../../lb/observe.ts';
import * as z from 'zod';

/** Fields of the commands that make a release. */
export const releaseFields = {
  version: z.string().optional().meta({ description: 'the release: the tag of its images', value: 'tag' }),
  service: z.array(z.string()).default([]).meta({
    description: 'only this one, not all that are deployable; may be repeated',
    value: 'name',
    completes: 'service',
  }),
  incompatibleMigration: z
    .string()
    .min(1)
    .optional()
    .meta({ description: 'why nobody may roll back past this release', value: 'reason' }),
};

/** What every deploy command shows when it is done, and `deploy status` by itself. */
export const releaseSchema = z.object({
  services: z.array(serviceStatusSchema),
  canary: z
    .object({
      services: z.array(z.string()),
      percent: z.number().describe('of new visitors, as assigned'),
      seen: z.array(z.string()).describe('both versions side by side, for people'),
      compared: z.array(z.record(z.string(), z.unknown())).describe('the same with every number of the analysis'),
    })
    .nullable()
    .describe('null when there is none, or the load balancers do not tell it alike'),
  since: z.string().nullable().describe('since when traffic goes as it does; null when it is not known where it goes'),
  running: z
    .object({ change: z.string(), command: z.string(), by: z.string(), host: z.string(), since: z.string() })
    .nullable()
    .describe('the change that holds the lock; what is shown may be in the middle of it'),
  drift: z.array(z.string()).describe('what does not agree on the platform as a whole'),
  next: z.array(z.string()).describe('commands to run now'),
});
export type Release = z.infer<typeof releaseSchema>;

/** The release as it is observed now, in whatever state the platform is. */
export async function observeRelease({ platform, readers }: Context): Promise<Release> {
  const [seen, changes] = await Promise.all([look(platform, readers), changesIn(readers)]);
  const { running } = changes;
  const each = await Promise.all(
    seen.services.map(async (one) => {
      const { name, live } = one;
      const [first] = live;
      const [image, tagged] =
        first === undefined
          ? []
          : await Promise.all([readers.replicas.image(first.imageId), readers.replicas.image(first.image)]);
      const moved = live.some(({ imageId }) => imageId !== tagged?.id);
      const variable = await versionVariable(name, platform, readers.files);
      return {
        status: statusOf(one, seen, { variable, digest: image?.digests[0], moved }),
        kept: { service: name, variable, version: tagIn(live), moved },
      };
    }),
  );
  const facts = factsIn(seen);
  const canary = facts === undefined ? undefined : await seenCanary(facts, changes, { platform, readers });
  const drift = platformDrift(seen, changes);
  const services = each.map(({ status }) => status);
  // What would be refused is not told: while a change runs, the lock keeps all others out.
  const next = [
    ...drift.flatMap((one) => one.next),
    ...(canary?.ends ?? []),
    // In any of these states no deploy begins, and nothing is retired.
    ...(drift.length > 0 || canary !== undefined
      ? []
      : [...(services.some(isIdle) ? ['opsctl deploy retire'] : []), ...settingCommands(each.map(({ kept }) => kept))]),
  ];
  return {
    services,
    canary: canary?.shown ?? null,
    since: facts?.routing.since ?? null,
    running:
      running === undefined
        ? null
        : {
            change: running.change,
            command: running.command,
            by: running.owner,
            host: running.host,
            since: running.since,
          },
    drift: drift.map(({ line }) => line),
    next: running === undefined ? [...new Set(next)] : [],
  };
}

/** Whether something runs for nobody. */
export const isIdle = ({ beside }: ServiceStatus): boolean => beside?.replicas.some(isUp) === true;

/** A canary beside the stable version, and the commands that end it; undefined where there is none. */
async function seenCanary(
  facts: Facts,
  changes: Changes,
  { platform, readers }: Pick<Context, 'platform' | 'readers'>,
): Promise<{ shown: NonNullable<Release['canary']>; ends: string[] } | undefined> {
  const { canary } = facts.routing;
  if (canary === undefined) return undefined;
  const services = await runningCanary(facts, platform, readers);
  const { lines, services: compared } = await viewOf(await observeStep(facts, services, readers), platform, readers);
  const verdicts = compared.map(({ analysis }) => analysis.verdict);
  return {
    shown: { ...canary, seen: lines, compared },
    ends: canaryEnds(facts, changes, promoting(services, verdicts, platform)),
  };
}

/** What a plan needs to know of where it happens. */
export const surroundingsOf = (facts: Facts, { platform }: Context): Surroundings => ({
  facts,
  project: platform.compose.project,
  environment: platform.environment,
  options: platform.deploy,
});

/** A release as it was asked for. */
interface Given {
  version: string;
  /** Services that were named; none: all. */
  service: string[];
  incompatibleMigration?: string | undefined;
  force: boolean;
  /** False where only a share of visitors gets it. */
  goesLive?: boolean;
}

/** A release of a version, decided. @throws as `decide`, `mustFit` and `writable` */
export async function requestOf(given: Given, facts: Facts, context: Context): Promise<DeployRequest> {
  const { platform, readers } = context;
  const asked = { version: given.version, services: given.service, noRollback: given.incompatibleMigration };
  const decided = await decide(asked, facts, platform, readers);
  const changing = decided.filter(({ same }) => !same);
  if (!given.force && changing.length > 0) await mustFit(changing, readers);
  if (!given.force) await mustAgreeWithOthers(decided, facts, context);
  const wanted = decided.map((one) => {
    if (one.same && !isStale(one)) return one;
    // Nothing is written down of a version that a share of visitors gets.
    if (given.goesLive === false && changing.length > 0) return one;
    const written = writable(one, given.force);
    warnUnwritten({ service: one.facts.name, ...written }, context);
    return written;
  });
  for (const { facts: one, smoke } of changing) {
    if (smoke.length === 0)
      context.warn(
        `visitors will be the first to ask the new ${one.name} through the load balancer: services.${one.name}.health names no URL`,
      );
  }
  for (const { name, volume } of facts.instances)
    if (volume === undefined)
      context.warn(
        `once ${name} is made anew, visitors get blue, whatever is live: ${facts.directory} is on no volume, see opsctl lb check`,
      );
  if (!given.force && changing.length > 0)
    await mustObey(
      changing.map((one) => one.facts.name),
      context,
    );
  return { ...surroundingsOf(facts, context), wanted };
}

/** Says it where the version that a service gets is not written down. */
export function warnUnwritten({ service, variable }: Kept, { warn }: Context): void {
  if ('why' in variable)
    warn(`a later docker-compose up brings ${service} back to the version that was live before: ${variable.why}`);
}

/**
 * A load balancer that does not do as it is told gives a new version to nobody, and the deploy after that stops what
 * everybody gets. @throws UNSAFE naming the first thing that it lacks
 */
async function mustObey(services: readonly string[], { platform, readers }: Context): Promise<void> {
  // Not as a check does: what cannot be asked ends the deploy.
  const [lacking] = lackingFor(services, await observeSetup(platform, readers));
  if (lacking === undefined) return;
  throw new OpsError('UNSAFE', `visitors might not get the new version: ${lacking.about}: ${lacking.reason}`, {
    hint: 'See all that the load balancer lacks, and what to add: opsctl lb check. If you know better: --force',
    details: { finding: lacking.id },
  });
}

/** @throws UNSAFE where the variable of a service that gets another version is that of a service which does not */
async function mustAgreeWithOthers(
  wanted: readonly Wanted[],
  { services }: Facts,
  { platform, readers }: Context,
): Promise<void> {
  const keep = wanted.map((one) => ({ service: one.facts.name, ...one }));
  const others = services.filter(({ name }) => !wanted.some(({ facts }) => facts.name === name));
  const stay = await Promise.all(
    others.map(async ({ name, live }) => ({
      service: name,
      variable: await versionVariable(name, platform, readers.files),
      version: tagIn(live),
    })),
  );
  const set = keep.filter((one) => !one.same || isStale(one));
  mustAgree(set, [...keep, ...stay]);
}

export const isConsistent = ({ services, drift }: Release): boolean =>
  drift.length === 0 && services.every((one) => one.drift.length === 0);
