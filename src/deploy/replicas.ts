/** The containers of a new version, made after the live ones. */
import type { ContainerDetail } from '../core/ports/engine.ts';
import type { Replica } from '../core/ports/replicas.ts';
import { aliasOf } from '../core/routing.ts';
import { baseName, LABEL, replicaName } from './names.ts';
import { other } from './observe.ts';
import type { DeployRequest, Wanted } from './request.ts';

/** Containers of the new colour, made after the live ones: as many replicas, and a label by which compose leaves them alone. */
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
          ...composeLabels(model),
        },
        aliases: { add: [aliasOf(name, colour)], remove: [aliasOf(name, other(colour))] },
      },
    };
  });
}

/**
 * What compose takes for a container that was to run once, it knows of and leaves alone. One of the service it makes
 * anew, or removes, as soon as anything is out of date, which the release before always is (ADR 7).
 */
const composeLabels = ({ project }: ContainerDetail): Record<string, string> =>
  project === undefined ? {} : { 'com.docker.compose.oneoff': 'True' };
