import { OpsError } from '../../../src/core/errors.ts';
import type { Image, ModelFacts, Replica, ReplicaWriter } from '../../../src/core/ports/replicas.ts';
import type { FakeEngine } from './engine.ts';

export interface FakeReplicas extends ReplicaWriter {
  /** By reference; a container's image id is a reference too. */
  images: Map<string, Image>;
  /** What a registry has, by reference: its digest. */
  registry: Map<string, string>;
  /** By container id. */
  models: Map<string, ModelFacts>;
  created: Map<string, Replica>;
}

/** Images and containers made after others, on a fake engine. */
export function fakeReplicas(engine: FakeEngine): FakeReplicas {
  const images = new Map<string, Image>();
  const registry = new Map<string, string>();
  const models = new Map<string, ModelFacts>();
  const created = new Map<string, Replica>();
  const exists = (name: string): boolean => engine.all.some((one) => one.name === name);
  return {
    images,
    registry,
    models,
    created,
    image: async (reference) => images.get(reference),
    registryDigest: async (reference) => {
      const found = registry.get(reference);
      if (found === undefined) throw new OpsError('NOT_FOUND', `the registry has no image ${reference}`);
      return found;
    },
    model: async (container) => models.get(container) ?? { aliases: {}, published: [] },
    hasImage: async (reference, expects) => images.get(reference)?.id === expects,
    exists: async (name) => exists(name),
    isAbsent: async (name) => !exists(name),
    hasSucceeded: async () => true,
    pull: async (reference) => {
      const id = registry.get(reference);
      if (id === undefined) throw new OpsError('NOT_FOUND', `the registry has no image ${reference}`);
      images.set(reference, { id, digests: [], labels: {}, ports: [], size: 1 });
    },
    create: async (replica) => {
      created.set(replica.name, replica);
    },
    startOnce: async (name) => engine.startContainer(name),
    lacksLabel: async (reference, label) => {
      const says = images.get(reference)?.labels[label] ?? '';
      if (says === '') return true;
      throw new OpsError('UNSAFE', `image ${reference} says ${label}: ${says}`);
    },
    remove: async ({ container, labels }) => {
      const at = engine.all.findIndex(({ id, name }) => id === container || name === container);
      const found = engine.all[at];
      if (found !== undefined && Object.entries(labels).some(([name, value]) => found.labels[name] !== value))
        throw new OpsError('REJECTED', `${container} is another container`);
      if (at >= 0) engine.all.splice(at, 1);
    },
  };
}
