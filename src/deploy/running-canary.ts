/** A canary that gets traffic now. */
import { OpsError } from '../core/errors.ts';
import type { ChangeRecord } from '../core/change.ts';
import { isUnfinished } from '../core/change.ts';
import type { Platform } from '../core/platform.ts';
import type { Readers } from '../core/ports.ts';
import type { CanaryStep } from '../core/ports/release.ts';
import { type Compared, compareVersions, LOOK_EVERY_MS, sinceThen } from './compare.ts';
import { LABEL } from './names.ts';
import { type Facts, versionIn } from './observe.ts';
import { comparison, type Released } from './request.ts';
import { firstDoor } from './stages.ts';
import { versionVariable } from './version-variable.ts';

/** How far back the change that began it is looked for. */
const SEARCHED_CHANGES = 50;

/** The services of the canary, as they would go live. @throws UNSAFE when there is none */
export async function runningCanary(facts: Facts, platform: Platform, { files }: Readers): Promise<Released[]> {
  const { canary } = facts.routing;
  if (canary === undefined)
    throw new OpsError('UNSAFE', 'there is no canary', {
      hint: 'Start one: opsctl deploy canary --version <version>; see what is live: opsctl deploy status',
    });
  return await Promise.all(
    facts.services
      .filter(({ name }) => canary.services.includes(name))
      .map(async (one) => {
        const version = versionIn(one.previous) ?? 'unknown';
        return {
          facts: one,
          version,
          containers: one.previous.filter(({ state }) => state === 'running').map(({ name }) => name),
          ...comparison(one, platform.services[one.name]?.metrics ?? one.name, version),
          variable: await versionVariable(one.name, platform, files),
          noRollback: one.previous.some(({ labels }) => (labels[LABEL.noRollback] ?? '') !== ''),
          gone: one.older,
        };
      }),
  );
}

/** The step that it is in, as far as it can be told from what runs: one look, no plan. */
export function currentStep(facts: Facts, services: readonly Released[]): CanaryStep {
  return {
    door: firstDoor(facts).id,
    directory: facts.directory,
    route: facts.routing,
    containers: services.flatMap(({ containers }) => containers),
    services: services.flatMap(({ compared }) => (compared === undefined ? [] : [compared])),
    forMs: 0,
    firstLook: 0,
    plannedLooks: 1,
  };
}

/** Both versions since the share of visitors is what it is; nothing where Prometheus cannot tell. */
export async function compareNow(
  facts: Facts,
  services: readonly Released[],
  platform: Platform,
  readers: Readers,
): Promise<Compared[]> {
  const elapsed = await sinceThen(facts.routing.since, readers);
  const looks = { number: 1, planned: 1 };
  if (elapsed < LOOK_EVERY_MS) return [];
  return await compareVersions(currentStep(facts, services).services, { elapsed, looks }, platform, readers);
}

/** Who promotes a canary should have seen that it is no worse. @throws UNSAFE */
export async function mustBeWell(
  facts: Facts,
  services: readonly Released[],
  platform: Platform,
  readers: Readers,
): Promise<void> {
  const seen = await compareNow(facts, services, platform, readers);
  const hint =
    'Look at it: opsctl deploy status; then wait, take it back (opsctl deploy canary --rollback), or accept the risk: --force';
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

/** The change that left it there in the middle, if one did. */
export async function pausedCanary({ journal }: Readers): Promise<ChangeRecord | undefined> {
  const changes = await journal.changes(SEARCHED_CHANGES);
  return changes.find(
    (one) =>
      isUnfinished(one) && one.end?.outcome === 'paused' && /^deploy (?:canary|promote)$/.test(one.begin.command),
  );
}
