import { serviceOf } from '../core/containers.ts';
import { OpsError } from '../core/errors.ts';
import type { Container, ContainerDetail, EngineReader } from '../core/ports/engine.ts';

/**
 * What a row or a log line is called, by container id: the service while it has one container, else the
 * container's name.
 */
export function labelsOf(containers: readonly Container[]): Map<string, string> {
  const count = new Map<string, number>();
  for (const container of containers) count.set(serviceOf(container), (count.get(serviceOf(container)) ?? 0) + 1);
  return new Map(
    containers.map((container) => [
      container.id,
      count.get(serviceOf(container)) === 1 ? serviceOf(container) : container.name,
    ]),
  );
}

/** Inspections at a time: enough to hide the engine's latency, few enough not to be a load on it. */
const AT_ONCE = 8;

/** Inspects containers, by id. One that was removed meanwhile is absent. */
export async function inspectAll(
  engine: EngineReader,
  containers: readonly Container[],
): Promise<Map<string, ContainerDetail>> {
  const details = new Map<string, ContainerDetail>();
  const waiting = containers.values();
  const worker = async (): Promise<void> => {
    for (const { id } of waiting) {
      try {
        details.set(id, await engine.container(id));
      } catch (thrown) {
        if (!(thrown instanceof OpsError && thrown.code === 'NOT_FOUND')) throw thrown;
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return details;
}
