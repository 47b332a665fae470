import type { Container } from './ports/engine.ts';
import { compareNames } from './text.ts';

/** Whether a container belongs to the platform: made by its compose project, or by opsctl for it. */
export const isOfPlatform = (container: Container, project: string): boolean =>
  container.project === project || container.labels['opsctl.project'] === project;

/** The label of a container that runs the release command of a service. */
export const ONCE_LABEL = 'opsctl.once';

/** What `docker-compose run` made, to do something once. What opsctl deployed may be called so for compose's sake, and is none. */
export const isOneOff = ({ labels }: Pick<Container, 'labels'>): boolean =>
  labels[ONCE_LABEL] !== undefined ||
  (labels['com.docker.compose.oneoff']?.toLowerCase() === 'true' && labels[DEPLOY_LABEL] === undefined);

/** The label with the number of the deploy that made a container. */
export const DEPLOY_LABEL = 'opsctl.deploy';

/** The number of the deploy that made a container; 0 for what compose made. */
export function deployOf({ labels }: Pick<Container, 'labels'>): number {
  const number = Number(labels[DEPLOY_LABEL] ?? 0);
  return Number.isSafeInteger(number) && number > 0 ? number : 0;
}

/** The number of the newest deploy that made one of them; 0 where none did. */
export const newestDeploy = (containers: readonly Pick<Container, 'labels'>[]): number =>
  Math.max(0, ...containers.map(deployOf));

/** The service that a container is a replica of; a container that nobody grouped stands for itself. */
export const serviceOf = (container: Container): string =>
  container.labels['opsctl.service'] ?? container.service ?? container.name;

/**
 * The version that a container runs: the release that opsctl deployed, else the OCI label of the image, else
 * the image's tag. Undefined for an image without a tag (by digest, or untagged since).
 */
export function versionOf(container: Container): string | undefined {
  const labelled = container.labels['opsctl.release'] ?? container.labels['org.opencontainers.image.version'];
  if (labelled !== undefined && labelled !== '') return labelled;
  // A colon before the last slash belongs to the registry's port.
  const tag = /:([^:/@]+)(?:@.*)?$/.exec(container.image)?.[1];
  return container.image.startsWith('sha256:') || container.image.includes('@sha256:') ? undefined : tag;
}

/** By service, then by name: replicas stand together. */
export const byService = (a: Container, b: Container): number =>
  compareNames(serviceOf(a), serviceOf(b)) || compareNames(a.name, b.name);
