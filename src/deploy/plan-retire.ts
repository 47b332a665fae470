/**
 * The release before the live one, from warm to cold: stopped, and still there for a rollback. What runs and no rollback
 * goes back to is stopped too.
 */
import type { Plan } from '../core/change.ts';
import { versionOf } from '../core/containers.ts';
import { OpsError } from '../core/errors.ts';
import { bytes, duration, plural } from '../core/format.ts';
import { plan } from '../core/plan.ts';
import type { ContainerDetail } from '../core/ports/engine.ts';
import type { Surroundings } from './request.ts';
import { isBefore, type ServiceFacts } from './observe.ts';
import { isUp, retire } from './stages.ts';

export type RetireRequest = Pick<Surroundings, 'facts' | 'environment' | 'options'> & {
  /** How long traffic has gone as it does, by the engine's clock, in ms. */
  sinceSwitchMs: number;
  /** Also what has not been warm for long. */
  force: boolean;
};

/** Expects that no canary gets traffic. @throws UNSAFE when the switch is too recent to give up the quick rollback */
export function planRetire(request: RetireRequest): Plan {
  const { facts, environment, options, sinceSwitchMs, force } = request;
  const running = facts.services.flatMap(runningOf);
  const warm = running.filter(({ serves }) => serves);
  const useless = running.filter(({ serves }) => !serves);
  const kept = warm.length > 0 && sinceSwitchMs < options.keepWarmMs && !force;
  // What serves no rollback may be stopped at any time.
  if (kept && useless.length === 0)
    throw new OpsError(
      'UNSAFE',
      `the last switch was ${duration(Math.max(0, sinceSwitchMs))} ago; the release before is kept warm for ${duration(options.keepWarmMs)}`,
      { hint: 'Wait, or give up the quick rollback: --force' },
    );
  const cooled = kept ? [] : warm;
  return plan({
    target: environment,
    summary: summaryOf(cooled, useless, kept),
    touches: [...useless, ...cooled].map(described),
    steps: [
      ...useless.flatMap(({ container, service }) =>
        retire(container, service, request, 'no rollback goes back to it'),
      ),
      ...cooled.flatMap(({ container, service }) =>
        retire(container, service, request, 'its memory is wanted more than a rollback within seconds'),
      ),
    ],
  });
}

interface Running {
  service: ServiceFacts;
  container: ContainerDetail;
  /** Whether a rollback goes back to it. */
  serves: boolean;
}

const runningOf = (service: ServiceFacts): Running[] =>
  [...service.older, ...service.previous].filter(isUp).map((container) => ({
    service,
    container,
    serves: service.previous.includes(container) && isBefore(service),
  }));

function summaryOf(cooled: readonly Running[], useless: readonly Running[], kept: boolean): string {
  const them = cooled.length === 1 ? 'it' : 'them';
  const parts = [
    ...(useless.length === 0 ? [] : [`stop ${plural(useless.length, 'container')} that no rollback goes back to`]),
    ...(cooled.length === 0
      ? []
      : [`stop ${plural(cooled.length, 'container')} of the release before: a rollback then starts ${them} first`]),
    ...(kept ? ['the release before is kept warm'] : []),
  ];
  return parts.length === 0 ? 'nothing is kept warm' : parts.join('; ');
}

const described = ({ service, container }: Running): string => {
  const { name, memoryLimit } = container;
  const limit = memoryLimit === undefined ? '' : `, up to ${bytes(memoryLimit)}`;
  return `container ${name}: ${service.name} ${versionOf(container) ?? ''}`.trim() + limit;
};
