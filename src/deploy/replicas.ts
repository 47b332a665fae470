/** The containers of a new version, made after the live ones. */
import type { ContainerDetail } from '../core/ports/engine.ts';
import type { Replica } from '../core/ports/replicas.ts';
import { aliasOf } from '../core/routing.ts';
import { baseName, COMPOSE, LABEL, replicaName } from './names.ts';
import { other, type ServiceFacts } from './observe.ts';
import type { DeployRequest, Wanted } from './request.ts';

/** Containers of the new colour, made after the live ones: as many replicas, and labels that compose knows them by. */
export function replicasOf(one: Wanted, request: DeployRequest): { replica: Replica; model: ContainerDetail }[] {
  const { facts, project, environment } = request;
  const colour = other(one.facts.colour);
  const deploy = facts.deploy + 1;
  const name = one.facts.name;
  return one.facts.live.map((model, index) => {
    const base = baseName(model);
    const service = model.labels[LABEL.service] ?? model.service ?? name;
    return {
      model,
      replica: {
        name: replicaName(base, colour, deploy, index + 1),
        model: model.id,
        image: one.image,
        expects: one.expects,
        environment: { OPSCTL_COLOUR: colour, OPSCTL_RELEASE: one.version },
        labels: {
          [LABEL.project]: project,
          [LABEL.environment]: environment,
          [LABEL.service]: service,
          [LABEL.colour]: colour,
          [LABEL.release]: one.version,
          [LABEL.deploy]: deploy.toString(),
          [LABEL.base]: base,
          // Without it, what the image itself says holds; that of one that is to be pulled is not known yet.
          ...(one.noRollback === undefined ? {} : { [LABEL.noRollback]: one.noRollback }),
          ...composeLabels(model, one.facts, { hashes: request.hashes, image: one.expects }),
        },
        aliases: { add: [aliasOf(name, colour)], remove: [aliasOf(name, other(colour))] },
      },
    };
  });
}

/**
 * What compose is to think of the new container, so that `ps` and `down` know it and `up` leaves it alone.
 * Version 2 removes what is out of date and keeps what has the hash and the image that its files give, and the lowest
 * numbers. Version 1 makes all containers of a service anew as soon as one is out of date, which the release before
 * always is; what it takes for a one-off container it leaves alone (ADR 7).
 */
function composeLabels(
  model: ContainerDetail,
  { live }: ServiceFacts,
  { hashes, image }: { hashes: Record<string, string>; image: string },
): Record<string, string> {
  if (model.project === undefined) return {};
  if (model.labels[COMPOSE.version]?.startsWith('1.') === true) return { [COMPOSE.oneOff]: 'True' };
  const numberOf = (one: ContainerDetail): number => Number(one.labels[COMPOSE.number] ?? 1);
  const lowest = Math.min(...live.map(numberOf));
  const hash = hashes[model.service ?? ''];
  return {
    ...(hash === undefined ? {} : { [COMPOSE.hash]: hash }),
    ...(model.labels[COMPOSE.image] === undefined ? {} : { [COMPOSE.image]: image }),
    [COMPOSE.number]: (lowest - live.length + live.indexOf(model)).toString(),
    [COMPOSE.oneOff]: 'False',
  };
}
