/** Back to the release before: a plan of its own, not an undo. */
import type { Plan, Step } from '../core/change.ts';
import { OpsError } from '../core/errors.ts';
import { gate, plan } from '../core/plan.ts';
import type { Route } from '../core/ports/load-balancer.ts';
import { newestDeploy } from '../core/containers.ts';
import { imageIn, isBefore, isStranded, type ServiceFacts, versionIn, whyNoWayBack } from './observe.ts';
import type { Surroundings, Wanted } from './request.ts';
import { asksOf, firstInstance, flipped, setVersions } from './stages.ts';
import * as steps from './steps.ts';
import { type Kept, mustAgree, tagIn, writable } from './version-variable.ts';

/** What is known of each service: its containers, and where its version is kept. */
export type RollbackRequest = Pick<Surroundings, 'facts' | 'environment' | 'options'> & {
  services: Pick<Wanted, 'facts' | 'variable' | 'smoke'>[];
  /** Services that are to go back, whichever release they are of; none: those of the last release. */
  named: readonly string[];
  force: boolean;
};

/**
 * @throws UNSAFE when there is no release to go back to, a migration forbids it, a variable that services share would be
 * wrong, or one cannot be written
 */
export function planRollback(request: RollbackRequest): Plan {
  const { facts, services, environment, options, force } = request;
  const back = goingBack(request);
  for (const { facts: service } of back) mustBeAllowed(service, force);
  const set = keptBack(request);
  const stay = services.filter((one) => !back.includes(one)).map((one) => keptOf(one, one.facts.live));
  if (!force) mustAgree(set, [...set, ...stay]);
  const { name: instance } = firstInstance(facts);
  const from: Route = { live: facts.routing.live };
  const to = flipped(
    from,
    back.map((one) => one.facts),
  );
  const stopped = back.flatMap(({ facts: { previous } }) => previous.filter(({ state }) => state !== 'running'));
  const asks = asksOf(back);
  const warm = back.flatMap(({ facts: { previous } }) => previous.filter(({ state }) => state === 'running'));
  const candidate = {
    instance,
    directory: facts.directory,
    asks,
    passes: 1,
    ...(warm.length === 0 ? {} : { containers: warm.map(({ name }) => name) }),
  };
  const asked = asks.length + warm.length > 0;
  const changes = back.map(({ facts: { name, live, previous } }) => `${name} ${wayBack(live, previous)}`);
  return plan({
    target: environment,
    summary: `roll back ${changes.join(', ')}${asked && force ? ', without asking the version before (--force)' : ''}`,
    touches: [
      ...changes.map((change) => `service ${change}`),
      ...facts.instances.map(({ name }) => `load balancer ${name}: ${steps.routeText(to)}`),
      ...stopped.map(
        ({ name }) => `container ${name}: is stopped: it is started first${force ? '' : ', until it serves'}`,
      ),
    ],
    steps: [
      ...stopped.map(steps.restart),
      ...stopped.map(({ name }) =>
        force ? keepsRunning(name, options.healthyWithinMs) : steps.serving(name, options.healthyWithinMs),
      ),
      // One answer is enough of what served before, and each costs time while visitors see the bad version.
      ...(!asked || force
        ? []
        : [
            {
              ...steps.smoke(candidate, 'the version before'),
              why: 'visitors must not be the first to ask; --force goes back without, where it is as ill as the live one',
            },
          ]),
      ...facts.instances.map((one) => steps.route(one, facts.directory, { from, to })),
      ...setVersions(set.flatMap(({ variable, version }) => (version === undefined ? [] : [{ variable, version }]))),
    ],
  });
}

/** What each service that goes back has live then, and where that is written down. @throws UNSAFE as `planRollback` */
export const keptBack = (request: RollbackRequest): Kept[] =>
  goingBack(request).map((one) => writable(keptOf(one, one.facts.previous), request.force));

/**
 * By force a version is wanted although it may be as ill as the live one; but while it still starts, it serves nobody: its
 * health check has the time to decide.
 */
const keepsRunning = (name: string, withinMs: number): Step =>
  gate({
    id: `engine.staysUp:${name}`,
    describe: `see that ${name} has started and keeps running`,
    why: 'its health check has the time to decide; by force, what it decides does not matter',
    verify: (r) => r.engine.staysUp(name, withinMs),
    explain: (r) => r.engine.whyNotServing(name),
    recheck: true,
    timeoutMs: withinMs + steps.START_MS,
  });

const goingBack = ({ services, named }: RollbackRequest): Candidates =>
  named.length > 0 ? chosen(services, named) : ofLastRelease(services);

const keptOf = ({ facts: { name }, variable }: Candidates[number], containers: ServiceFacts['live']): Kept => ({
  service: name,
  variable,
  version: tagIn(containers),
});

type Candidates = RollbackRequest['services'];

/** The services of the last release: those whose live containers it made. They go back together, as they came. */
function ofLastRelease(services: Candidates): Candidates {
  const stranded = services.filter(({ facts }) => isStranded(facts));
  if (stranded.length > 0) return stranded;
  const last = newestDeploy(services.flatMap(({ facts: { live } }) => live));
  const able = services.filter(({ facts }) => isBefore(facts));
  const back = able.filter(({ facts: { live } }) => newestDeploy(live) === last);
  if (able.length > 0) mustBeTheNewest(last, services, able);
  if (back.length > 0) return back;
  throw nothingBefore(services, 'there is no release before the live one to go back to');
}

/** Those that were named, all of them. */
function chosen(services: Candidates, named: readonly string[]): Candidates {
  const back = services.filter(({ facts: { name } }) => named.includes(name));
  const stuck = back.find(({ facts }) => !isBefore(facts));
  if (stuck === undefined) return back;
  throw nothingBefore([stuck], `there is no release of ${stuck.facts.name} before the live one to go back to`);
}

/** Who rolls back twice means the same release, not one before it that happens to be the last that is live now. */
function mustBeTheNewest(last: number, services: Candidates, able: Candidates): void {
  const newest = newestDeploy(services.flatMap(({ facts: { previous } }) => previous));
  if (newest <= last) return;
  const gone = services
    .filter(({ facts: { previous } }) => newestDeploy(previous) === newest)
    .map(({ facts: { name, previous } }) => `${name} ${text(previous)}`);
  const next = able.map(({ facts: { name } }) => `opsctl deploy blue-green --rollback --service ${name}`);
  throw new OpsError('UNSAFE', `the newest release, ${gone.join(', ')}, is not live: it was rolled back already`, {
    hint: `To go further back, name the service: ${next.join(', or ')}`,
  });
}

/** What `deploy status` shows as the release before may be one that was rolled back itself. */
function nothingBefore(services: Candidates, message: string): OpsError {
  const gone = services.filter(({ facts: { live, previous } }) => newestDeploy(previous) > newestDeploy(live));
  const hint = 'Deploy the version that you want instead: opsctl deploy blue-green --version <version>';
  if (gone.length === 0) return new OpsError('UNSAFE', message, { hint });
  const names = gone.map(({ facts: { name, previous } }) => `${name} ${text(previous)}`).join(', ');
  const again = gone.map(
    ({ facts: { name, previous } }) =>
      `opsctl deploy blue-green --version ${versionIn(previous) ?? '<version>'} --service ${name}`,
  );
  return new OpsError('UNSAFE', `${message}: ${names}, which is still there, was rolled back itself`, {
    hint: `To have it again: ${again.join(', and ')}. ${hint}`,
  });
}

/** A tag that has come to mean another image is told with both. */
function wayBack(live: ServiceFacts['live'], previous: ServiceFacts['live']): string {
  const [now, then] = [text(live), text(previous)];
  if (now !== then || imageIn(live) === imageIn(previous)) return `${now} → ${then}`;
  const image = (containers: ServiceFacts['live']): string => (imageIn(containers) ?? 'several images').slice(0, 19);
  return `${now} (${image(live)}) → ${then} (${image(previous)})`;
}

const text = (containers: ServiceFacts['live']): string =>
  containers.length === 0 ? 'nothing' : (versionIn(containers) ?? 'several versions');

function mustBeAllowed({ name, live }: ServiceFacts, force: boolean): void {
  const why = whyNoWayBack(live);
  if (why === undefined || force) return;
  throw new OpsError('UNSAFE', `${name} must not be rolled back past ${versionIn(live) ?? 'its version'}: ${why}`, {
    hint: 'Deploy a version that works with it, or accept the risk: --force',
  });
}
