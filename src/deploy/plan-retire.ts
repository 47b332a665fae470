/** The release before the live one, from warm to cold: stopped, and still there for a rollback. */
import type { Plan } from '../core/change.ts';
import { OpsError } from '../core/errors.ts';
import { bytes, duration, plural } from '../core/format.ts';
import { plan } from '../core/plan.ts';
import { type ServiceFacts, versionIn } from './observe.ts';
import type { Surroundings } from './request.ts';
import { isUp, retirement } from './stages.ts';
import * as steps from './steps.ts';

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
  const warm = facts.services.flatMap((one) => one.previous.filter(isUp).map((container) => ({ one, container })));
  const ageMs = now.getTime() - Date.parse(since);
  if (warm.length > 0 && ageMs < options.keepWarmMs && !force)
    throw new OpsError(
      'UNSAFE',
      `the last switch was ${duration(Math.max(0, ageMs))} ago; the release before is kept warm for ${duration(options.keepWarmMs)}`,
      { hint: 'Wait, or give up the quick rollback: --force' },
    );
  return plan({
    target: environment,
    summary:
      warm.length === 0
        ? 'nothing is kept warm'
        : `stop ${plural(warm.length, 'container')} of the release before: a rollback then starts ${warm.length === 1 ? 'it' : 'them'} first`,
    touches: warm.map(({ one, container }) => `container ${container.name}: ${described(one, container.memoryLimit)}`),
    steps: warm.flatMap(({ container }) =>
      steps.retire(container, retirement(request, 'its memory is wanted more than a rollback within seconds')),
    ),
  });
}

const described = ({ name, previous }: ServiceFacts, memory: number | undefined): string =>
  `${name} ${versionIn(previous) ?? ''}${memory === undefined ? '' : `, up to ${bytes(memory)}`}`.trim();
