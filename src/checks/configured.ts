import { serviceOf } from '../core/containers.ts';
import type { Platform } from '../core/platform.ts';
import type { Container } from '../core/ports/engine.ts';

/** Made by `compose run`, with the service's name but not to serve: a migration, a shell. */
export const isOneOff = ({ labels }: Pick<Container, 'labels'>): boolean =>
  labels['com.docker.compose.oneoff']?.toLowerCase() === 'true';

/** Whether the configuration names what a container runs, so that it is meant to run all the time. */
export function isMeantToRun(container: Container, platform: Platform): boolean {
  const { services, loadBalancer, databases, caches, prometheus } = platform;
  const parts = [loadBalancer, ...Object.values(databases), ...Object.values(caches), prometheus];
  const names = [
    ...Object.entries(services).map(([key, { service }]) => service ?? key),
    ...parts.flatMap((part) => part?.service ?? []),
  ];
  return names.includes(serviceOf(container)) && !isOneOff(container);
}
