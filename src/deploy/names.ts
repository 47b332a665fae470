/** How the containers of releases are called. */
import type { Container } from '../core/ports/engine.ts';
import type { Colour } from '../core/ports/load-balancer.ts';
import { COLOUR_LABEL } from '../core/routing.ts';

/** Labels that a release puts on its containers. Labels cannot be changed, so none says what is live. */
export const LABEL = {
  project: 'opsctl.project',
  environment: 'opsctl.environment',
  service: 'opsctl.service',
  colour: COLOUR_LABEL,
  release: 'opsctl.release',
  deploy: 'opsctl.deploy',
  base: 'opsctl.base',
  noRollback: 'opsctl.rollback.forbidden',
} as const;

/** The number of the deploy that made a container; 0 for what compose made. */
export function deployOf({ labels }: Pick<Container, 'labels'>): number {
  const number = Number(labels[LABEL.deploy] ?? 0);
  return Number.isSafeInteger(number) && number > 0 ? number : 0;
}

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
