/**
 * The release before the live one, from warm to cold: stopped, and still there for a rollback. What runs and serves no
 * rollback is stopped too: what is older, or was taken back itself.
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
  now: Date;
  /** Also what has not been warm for long. */
  force: boolean;
};

/** @throws UNSAFE while a canary gets traffic, or the switch is too recent to give up the quick rollback */
export function planRetire(request: RetireRequest): Plan {
  const { facts, environment, options, now, force } = request;
  const { canary, since } = facts.routing;
  if (canary !== undefined)
    throw new OpsError('UNSAFE', `a canary of ${canary.services.join(', ')} gets traffic`, {
      hint: 'End it first: opsctl deploy promote, or opsctl deploy canary --rollback',
    });
  const up = (which: 'previous' | 'older'): Running[] =>
    facts.services.flatMap((one) => one[which].filter(isUp).map((container) => ({ service: one, container })));
  const [previous, older] = [up('previous'), up('older')];
  const warm = previous.filter(({ service }) => isBefore(service));
  const rejected = previous.filter(({ service }) => !isBefore(service));
  const ageMs = now.getTime() - Date.parse(since);
  const kept = warm.length > 0 && ageMs < options.keepWarmMs && !force;
  // What serves no rollback may go at any time.
  if (kept && older.length === 0 && rejected.length === 0)
    throw new OpsError(
      'UNSAFE',
      `the last switch was ${duration(Math.max(0, ageMs))} ago; the release before is kept warm for ${duration(options.keepWarmMs)}`,
      { hint: 'Wait, or give up the quick rollback: --force' },
    );
  const cooled = kept ? [] : warm;
  return plan({
    target: environment,
    summary: summaryOf({ older, rejected, cooled }, kept),
    touches: [...older, ...rejected, ...cooled].map(described),
    steps: [
      ...older.flatMap(({ container, service }) =>
        retire(container, service, request, 'it is of an older release, and no rollback goes back that far'),
      ),
      ...rejected.flatMap(({ container, service }) =>
        retire(
          container,
          service,
          request,
          'it was taken back itself, or is what is live once more: no rollback goes to it',
        ),
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
}

function summaryOf(
  { older, rejected, cooled }: Record<'older' | 'rejected' | 'cooled', readonly Running[]>,
  kept: boolean,
): string {
  const them = cooled.length === 1 ? 'it' : 'them';
  const parts = [
    ...(older.length === 0 ? [] : [`stop ${plural(older.length, 'container')} of older releases`]),
    ...(rejected.length === 0
      ? []
      : [`stop ${plural(rejected.length, 'container')} without visitors, to which no rollback goes`]),
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
