/** A canary that gets traffic now. */
import { isDeepStrictEqual } from 'node:util';

import * as z from 'zod';

import { OpsError } from '../core/errors.ts';
import type { ChangeRecord, Step } from '../core/change.ts';
import type { Platform } from '../core/platform.ts';
import type { Readers } from '../core/ports.ts';
import { COLOURS } from '../core/ports/load-balancer.ts';
import type { CanaryStep } from '../core/ports/release.ts';
import { sameRoute } from '../core/routing.ts';
import { waysOut, wouldMeet } from '../core/unfinished.ts';
import { type Changes, changesIn } from './changes.ts';
import { type Compared, compareVersions, lookAtStep, sinceThen } from './compare.ts';
import { SHORTEST_MS } from './measure.ts';
import { type Facts, isWhole, type ServiceFacts, versionIn, whyNoWayBack } from './observe.ts';
import { takingBack } from './one-way.ts';
import type { Promoted } from './plan-canary.ts';
import { comparison, type Released } from './request.ts';
import { smokeUrls } from './smoke.ts';
import { firstInstance } from './stages.ts';
import { switchId } from './steps.ts';
import { whyUnwritable, versionVariable } from './version-variable.ts';

/** The services of the canary, as they would go live. @throws UNSAFE when there is none */
export async function runningCanary(facts: Facts, platform: Platform, { files }: Readers): Promise<Promoted[]> {
  const { canary } = facts.routing;
  if (canary === undefined)
    throw new OpsError('UNSAFE', 'there is no canary', {
      hint: 'Start one: opsctl deploy canary --version <version>; see what is live: opsctl deploy status',
    });
  return await Promise.all(
    inCanary(facts).map(async (one) => {
      const version = versionIn(one.previous) ?? 'unknown';
      return {
        facts: one,
        version,
        containers: one.previous.filter(({ state }) => state === 'running').map(({ name }) => name),
        ...comparison(one, platform.services[one.name]?.metrics ?? one.name, version),
        variable: await versionVariable(one.name, platform, files),
        noRollback: whyNoWayBack(one.previous),
        gone: one.older,
        smoke: smokeUrls(platform.services[one.name]),
      };
    }),
  );
}

const inCanary = ({ services, routing: { canary } }: Facts): ServiceFacts[] =>
  services.filter(({ name }) => canary?.services.includes(name) === true);

/** How many changes back the one is looked for that sends visitors where they go. */
const SEARCHED_CHANGES = 50;

/**
 * The step that it is in. How long that lasts and which looks it has, the change tells whose plan sends visitors where
 * they go now; where none does, as with a journal that is not there any more, each look is taken for the only one.
 */
export async function observeStep(
  facts: Facts,
  services: readonly Released[],
  { journal }: Readers,
): Promise<CanaryStep> {
  return currentStep(facts, services, await journal.changes(SEARCHED_CHANGES));
}

/** The same, of changes that were read, the newest first. */
export function currentStep(facts: Facts, services: readonly Released[], changes: readonly ChangeRecord[]): CanaryStep {
  const compared = services.flatMap(({ compared: one }) => (one === undefined ? [] : [one]));
  const planned = changes
    .flatMap(({ begin }) => begin.plan.steps.flatMap(comparedIn))
    .find((one) => sameRoute(one.route, facts.routing) && isDeepStrictEqual(one.services, compared));
  return {
    instance: firstInstance(facts).name,
    directory: facts.directory,
    route: facts.routing,
    containers: services.flatMap(({ containers }) => containers),
    services: compared,
    forMs: planned?.forMs ?? 0,
    firstLook: planned?.firstLook ?? 0,
    plannedLooks: planned?.plannedLooks ?? 0,
  };
}

/** What is taken from a journalled step of a canary, which is text from outside. */
const journalledStep = z.object({
  route: z.object({
    live: z.record(z.string(), z.enum(COLOURS)),
    canary: z.object({ services: z.array(z.string()), percent: z.number() }),
  }),
  services: z.array(z.object({ metrics: z.string(), stable: z.string(), candidate: z.string() })),
  forMs: z.number().positive(),
  firstLook: z.int().min(0),
  plannedLooks: z.int().min(1),
});

/** What a step of a plan compares, if it is one that does. */
function comparedIn({ verify }: Step): z.infer<typeof journalledStep>[] {
  if (verify?.port !== 'release' || verify.method !== 'hasPassed') return [];
  const { success, data } = journalledStep.safeParse(verify.args[0]);
  return success ? [data] : [];
}

/** Both versions since the share of visitors is what it is; nothing where Prometheus cannot tell. */
async function compareNow(
  facts: Facts,
  services: readonly Released[],
  platform: Platform,
  readers: Readers,
): Promise<Compared[]> {
  const elapsed = await sinceThen(facts.routing.since, readers);
  if (elapsed < SHORTEST_MS) return [];
  const step = await observeStep(facts, services, readers);
  return await compareVersions(step.services, { elapsed, looks: lookAtStep(step, elapsed) }, platform, readers);
}

/** Who promotes a canary should have seen that it is no worse. @throws UNSAFE */
export async function mustBeWell(
  facts: Facts,
  services: readonly Released[],
  platform: Platform,
  readers: Readers,
): Promise<void> {
  const seen = await compareNow(facts, services, platform, readers);
  const hint = `Look at it: opsctl deploy status; then wait, take it back (${takingBack(inCanary(facts))}), or accept the risk: --force`;
  const bad = seen.find(({ analysis }) => analysis.verdict !== 'pass');
  if (bad !== undefined)
    throw new OpsError(
      'UNSAFE',
      `${bad.service.metrics} ${bad.service.candidate} ${bad.analysis.verdict === 'fail' ? 'is worse than' : 'is not yet seen to be as good as'} ${bad.service.stable}: ${bad.analysis.reason}`,
      { hint, details: { analysis: bad.analysis.rules } },
    );
  if (seen.length < services.length)
    throw new OpsError('UNSAFE', 'nothing was measured of the canary yet, or its version cannot be told apart', {
      hint,
    });
}

/**
 * The commands that end a canary. Where a change was left in the middle that has the load balancer in its hands, that is ended
 * first; one that holds the canary ends with it.
 * @param promote the command that promotes it; undefined where that would be refused
 */
export function canaryEnds(
  facts: Facts,
  { unfinished }: Pick<Changes, 'unfinished'>,
  promote: string | undefined,
): string[] {
  const switches = facts.instances.map((instance) => switchId(instance));
  const left = unfinished.find((one) => !isPausedCanary(one) && wouldMeet(switches, [one]));
  if (left !== undefined) return waysOut(left);
  return [...(promote === undefined ? [] : [promote]), takingBack(inCanary(facts))];
}

/** @throws UNSAFE while visitors get two versions */
export async function mustNotBeCanary(facts: Facts, readers: Readers): Promise<void> {
  const { canary } = facts.routing;
  if (canary === undefined) return;
  const changes = await changesIn(readers);
  const { running } = changes;
  throw new OpsError(
    'UNSAFE',
    `a canary of ${canary.services.join(', ')} gets ${canary.percent.toString()} % of traffic`,
    {
      hint:
        running === undefined
          ? `End it first: ${canaryEnds(facts, changes, 'opsctl deploy promote').join(', or ')}`
          : `Wait for ${running.owner} on ${running.host}, who has run ${running.command} since ${running.since}: opsctl deploy status`,
    },
  );
}

/**
 * The command that promotes a canary now; undefined where it would be refused.
 * @param verdicts of the services that are compared
 */
export function promoting(
  services: readonly Promoted[],
  verdicts: readonly string[],
  { prometheus }: Platform,
): string | undefined {
  if (services.some((one) => !isWhole(one.facts) || whyUnwritable(one) !== undefined)) return undefined;
  const compared = prometheus !== undefined && services.every((one) => one.compared !== undefined);
  if (!compared) return 'opsctl deploy promote --no-analysis';
  const well = verdicts.length === services.length && verdicts.every((verdict) => verdict === 'pass');
  return well ? 'opsctl deploy promote' : undefined;
}

/** The change that left it there in the middle, if one did. */
export async function pausedCanary({ journal }: Readers): Promise<ChangeRecord | undefined> {
  return (await journal.unfinished()).changes.find(isPausedCanary);
}

/** Whether a change holds a canary where it is: what ends the canary ends that too. */
const isPausedCanary = ({ begin, end }: ChangeRecord): boolean =>
  end?.outcome === 'paused' && /^deploy (?:canary|promote)$/.test(begin.command);
