/** How the containers of releases are called. */
import type { Container } from '../core/ports/engine.ts';
import type { Colour } from '../core/ports/load-balancer.ts';
import { DEPLOY_LABEL } from '../core/containers.ts';
import { COLOUR_LABEL } from '../core/routing.ts';

/** Labels that a release puts on its containers. Labels cannot be changed, so none says what is live. */
export const LABEL = {
  project: 'opsctl.project',
  environment: 'opsctl.environment',
  service: 'opsctl.service',
  colour: COLOUR_LABEL,
  release: 'opsctl.release',
  deploy: DEPLOY_LABEL,
  base: 'opsctl.base',
  noRollback: 'opsctl.rollback.forbidden',
} as const;

/** What stays of a container's name from release to release. */
export function baseName(container: Pick<Container, 'name' | 'labels' | 'project' | 'service'>): string {
  const given = container.labels[LABEL.base];
  if (given !== undefined) return given;
  const { name, project, service } = container;
  // The names that compose gives by itself, of version 1 and 2; all else was chosen by somebody.
  const [, own] = /^(.+)[_-]\d+$/.exec(name) ?? [];
  return own !== undefined &&
    (own === `${project ?? ''}_${service ?? ''}` || own === `${project ?? ''}-${service ?? ''}`)
    ? own
    : name;
}

/** Name of a replica of a release, the first being 1. */
export const replicaName = (base: string, colour: Colour, deploy: number, replica: number): string =>
  `${base}-${colour}-r${deploy.toString()}${replica === 1 ? '' : `-${replica.toString()}`}`;
