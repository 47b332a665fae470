/** A release that a share of visitors gets first. */
import type { Plan, Step } from '../core/change.ts';
import { OpsError } from '../core/errors.ts';
import { duration } from '../core/format.ts';
import { plan } from '../core/plan.ts';
import type { Route } from '../core/ports/load-balancer.ts';
import { countLooks } from './analysis/looks.ts';
import { isWhole } from './observe.ts';
import { mustHaveWayBack, takingBack } from './one-way.ts';
import { nothingToDo, released, unwritten } from './plan-blue-green.ts';
import { type DeployRequest, type Released, type Surroundings, whyIncomparable } from './request.ts';
import { asksOf, firstInstance, goLive, liveTouches, namesOf, prepare, preparedTouches, summaryOf } from './stages.ts';
import * as steps from './steps.ts';

/** How a canary is walked through. */
export interface Walk {
  /** Percent of visitors, step by step; what is 100 ends the walk. */
  percents: readonly number[];
  /** How long a step lasts at least, in ms. */
  stepMs: number;
  /** False: only containers are watched, not errors and latency. */
  analysed: boolean;
}

/** The last percent decides: with 100 it goes live, else it stays there until it is promoted or taken back. */
export function planCanary(request: DeployRequest, walk: Walk): Plan {
  const wanted = request.wanted.filter(({ same }) => !same);
  if (wanted.length === 0) return nothingToDo(request);
  const services = wanted.map((one) => released(one, request));
  const whole = walk.percents.includes(100);
  const shares = walk.percents.filter((percent) => percent < 100);
  const also = unwritten(request);
  return plan({
    target: request.environment,
    summary: `canary of ${summaryOf(wanted)}: ${walk.percents.map((percent) => `${percent.toString()} %`).join(', ')}`,
    touches: [
      ...preparedTouches(wanted),
      `visitors: ${shares.map((percent) => `${percent.toString()} % for ${duration(walk.stepMs)}`).join(', then ')}${whole ? ', then all' : ', until deploy promote'}`,
      ...(whole ? liveTouches(request, services, also) : []),
    ],
    steps: [
      ...prepare(request, wanted),
      ...sharing(request, services, walk),
      ...(whole ? goLive(request, services, { also, analysed: walk.analysed }) : []),
    ],
  });
}

/**
 * Share after share, each compared before the next. Each is taken back to the stable version for all, also of a canary
 * that had a share before: a version that was seen to be bad keeps no visitors.
 * @throws UNSAFE for a service whose versions would have to be compared and cannot be
 */
function sharing({ facts }: Surroundings, services: readonly Released[], walk: Walk): Step[] {
  const shares = walk.percents.filter((percent) => percent < 100);
  if (walk.analysed && shares.length > 0) mustBeComparable(services);
  const { name: instance } = firstInstance(facts);
  const { live } = facts.routing;
  const from: Route = { live };
  return shares.flatMap((percent, index) => {
    const to: Route = { live, canary: { services: services.map((one) => one.facts.name), percent } };
    const at = `${percent.toString()}%`;
    const common = {
      instance,
      directory: facts.directory,
      route: to,
      containers: services.flatMap(({ containers }) => containers),
      services: services.flatMap(({ compared }) => (compared === undefined ? [] : [compared])),
      forMs: walk.stepMs,
    };
    return [
      ...facts.instances.map((one) => steps.route(one, facts.directory, { from, to, at })),
      walk.analysed
        ? steps.compare({ ...common, ...looksOf(walk, index, shares.length) }, percent)
        : steps.watch({ ...common, services: [] }, at),
    ];
  });
}

/** A canary is judged by what Prometheus counts of both versions: one that cannot be judged would be held, or promoted unseen. */
function mustBeComparable(services: readonly Released[]): void {
  const not = services.flatMap((one) => {
    const why = whyIncomparable(one);
    return why === undefined ? [] : [`${one.facts.name} cannot be compared: ${why}`];
  });
  if (not.length === 0) return;
  const others = services.filter((one) => whyIncomparable(one) === undefined);
  const only = others.map(({ facts }) => `--service ${facts.name}`).join(' ');
  const without = `; or begin a canary without it: ${only}`;
  throw new OpsError('UNSAFE', not.join('; '), {
    hint: `Watch containers only, not errors and latency: --no-analysis${others.length === 0 ? '' : without}`,
  });
}

/** Each look at a canary costs some certainty, so they are counted through all its steps. */
function looksOf({ stepMs }: Walk, index: number, count: number): { firstLook: number; plannedLooks: number } {
  const looks = (number: number): number => countLooks({ steps: number, stepMs, extensions: steps.EXTENSIONS });
  return { firstLook: index === 0 ? 0 : looks(index), plannedLooks: looks(count) };
}

/**
 * All visitors back to the stable version; the new one finishes its requests and goes.
 * @param force also past a migration that the stable version cannot work with
 * @throws UNSAFE for such a migration without it
 */
export function planCanaryRollback(where: Surroundings, services: readonly Released[], force: boolean): Plan {
  if (!force) mustHaveWayBack(services);
  const { facts, environment, options } = where;
  const { live, canary } = facts.routing;
  const containers = services.flatMap((one) => one.facts.previous);
  return plan({
    target: environment,
    summary: `take back the canary of ${summaryOf(services)}`,
    touches: [
      `load balancer: all visitors of ${namesOf(services)} get the stable version`,
      ...containers.map(({ name }) => `container ${name}: removed`),
    ],
    steps: [
      ...facts.instances.map((one) =>
        steps.route(one, facts.directory, {
          from: { live, ...(canary === undefined ? {} : { canary }) },
          to: { live },
        }),
      ),
      ...containers.flatMap((one) => [
        steps.drained(one, { from: facts.balancers, drainMs: options.drainMs }),
        steps.removeOld(one),
      ]),
    ],
  });
}

/** A canary that is promoted, and the URLs that it is asked for. */
export type Promoted = Released & { smoke: string[] };

/** With fewer containers than it was made of, it would be given more than it can bear. */
function mustBeWhole(services: readonly Released[]): void {
  const part = services.find(({ facts }) => !isWhole(facts));
  if (part === undefined) return;
  const { name, previous } = part.facts;
  const down = previous.find(({ state }) => state !== 'running');
  const back = `take it back: ${takingBack(services.map(({ facts }) => facts))}`;
  throw down === undefined
    ? new OpsError('UNSAFE', `no container of the canary of ${name} is there`, { hint: `T${back.slice(1)}` })
    : new OpsError('UNSAFE', `${down.name} of the canary of ${name} is ${down.state}`, {
        hint: `See why: opsctl logs ${down.name} --tail 50; then ${back}`,
      });
}

/**
 * The canary gets all visitors, or another share of them. It may have begun long ago: it is asked again first.
 * @throws UNSAFE when not all of its containers run
 */
export function planPromote(where: Surroundings, services: readonly Promoted[], walk: Walk): Plan {
  mustBeWhole(services);
  const { facts, options } = where;
  const asks = asksOf(services);
  const candidate = {
    instance: firstInstance(facts).name,
    directory: facts.directory,
    asks,
    passes: options.smokePasses,
  };
  const whole = walk.percents.includes(100);
  const share = walk.percents.map((percent) => `${percent.toString()} %`).join(', ');
  return plan({
    target: where.environment,
    summary: whole ? `promote ${summaryOf(services)}` : `canary of ${summaryOf(services)}: ${share}`,
    touches: whole ? liveTouches(where, services) : [`visitors: ${share} for ${duration(walk.stepMs)} at least`],
    steps: [
      ...services.flatMap(({ containers }) => containers.map((name) => steps.serving(name, options.healthyWithinMs))),
      ...(asks.length === 0 ? [] : [steps.smoke(candidate, 'the canary')]),
      ...sharing(where, services, walk),
      ...(whole ? goLive(where, services, { analysed: walk.analysed }) : []),
    ],
  });
}
