/** A release beside the live one, and the switch of all traffic to it. */
import type { Plan } from '../core/change.ts';
import { plan } from '../core/plan.ts';
import { replicasOf } from './replicas.ts';
import { comparison, type DeployRequest, type Released, type Wanted } from './request.ts';
import { goLive, liveTouches, prepare, preparedTouches, setVersions, summaryOf, variableTouches } from './stages.ts';
import { isStale } from './version-variable.ts';

export function planBlueGreen(request: DeployRequest): Plan {
  const wanted = request.wanted.filter(({ same }) => !same);
  if (wanted.length === 0) return nothingToDo(request);
  const services = wanted.map((one) => released(one, request));
  const also = unwritten(request);
  return plan({
    target: request.environment,
    summary: `deploy ${summaryOf(wanted)}`,
    touches: [...preparedTouches(wanted), ...liveTouches(request, services, also)],
    steps: [...prepare(request, wanted), ...goLive(request, services, { also })],
  });
}

/** Services that have the version already, and whose variables say another. */
export const unwritten = ({ wanted }: DeployRequest): Wanted[] => wanted.filter((one) => one.same && isStale(one));

/** Of a version that is live already: its variable says so at least. */
export function nothingToDo(request: DeployRequest): Plan {
  const { environment, wanted } = request;
  const stale = unwritten(request);
  return plan({
    target: environment,
    summary: `${summaryOf(wanted)} is live already${stale.length === 0 ? '' : ', and only written down'}`,
    touches: variableTouches(stale),
    steps: setVersions(stale),
  });
}

/** What a decided service is once it is to be live. The release before the live one goes: a rollback goes back one. */
export const released = (one: Wanted, request: DeployRequest): Released => ({
  facts: one.facts,
  version: one.version,
  containers: replicasOf(one, request).map(({ replica }) => replica.name),
  ...comparison(one.facts, one.metrics, one.version),
  variable: one.variable,
  noRollback: one.noRollback,
  gone: [...one.facts.previous, ...one.facts.older],
});
