import { isOneOff, serviceOf } from '../core/containers.ts';
import type { Platform } from '../core/platform.ts';
import type { Container } from '../core/ports/engine.ts';

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
