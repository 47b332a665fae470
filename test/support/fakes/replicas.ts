import { OpsError } from '../../../src/core/errors.ts';
import type { Image, ModelFacts, Replica, ReplicaWriter } from '../../../src/core/ports/replicas.ts';
import type { FakeContainer, FakeEngine } from './engine.ts';

export interface FakeReplicas extends ReplicaWriter {
  /** By reference; a container's image id is a reference too. */
  images: Map<string, Image>;
  /** What a registry has, by reference: its digest. */
  registry: Map<string, string>;
  /** By container id. */
  models: Map<string, ModelFacts>;
  created: Map<string, Replica>;
  /** How commands end that are run once, by their words; others succeed and say nothing. */
  endings: Map<string, { exitCode: number; says: string[] }>;
}

/** Images and containers made after others, on a fake engine. */
export function fakeReplicas(engine: FakeEngine): FakeReplicas {
  const images = new Map<string, Image>();
  const registry = new Map<string, string>();
  const models = new Map<string, ModelFacts>();
  const created = new Map<string, Replica>();
  const endings: FakeReplicas['endings'] = new Map();
  const find = (container: string): FakeContainer | undefined =>
    engine.all.find(({ id, name }) => id === container || name === container);
  const mustBear = (labels: Record<string, string>, found: FakeContainer): void => {
    if (Object.entries(labels).some(([name, value]) => found.labels[name] !== value))
      throw new OpsError('REJECTED', `${found.name} is another container`);
  };
  const imageOf = (reference: string): Image => {
    const found = images.get(reference);
    if (found === undefined) throw new OpsError('NOT_FOUND', `the engine does not have image ${reference}`);
    return found;
  };
  const digestOf = (reference: string): string => {
    const found = registry.get(reference);
    if (found === undefined) throw new OpsError('NOT_FOUND', `the registry has no image ${reference}`);
    return found;
  };
  const model = async (container: string): Promise<ModelFacts> =>
    models.get((await engine.container(container)).id) ?? { aliases: {}, published: [] };
  const isThat = ({ id, digests }: Image, expects: string): boolean =>
    id === expects || digests.some((one) => one.endsWith(`@${expects}`));
  const mustBe = (reference: string, expects: string): void => {
    if (isThat(imageOf(reference), expects)) return;
    throw new OpsError('UNSAFE', `image ${reference} is another than the one that was planned with`);
  };
  return {
    images,
    registry,
    models,
    created,
    endings,
    model,
    image: async (reference) => images.get(reference),
    registryDigest: async (reference) => digestOf(reference),
    hasImage: async (reference, expects) => images.has(reference) && isThat(imageOf(reference), expects),
    isComplete: async (name, after) => {
      const { networks } = await engine.container(after);
      const found = find(name);
      return found !== undefined && networks.every((one) => found.networks.some((other) => other.name === one.name));
    },
    isAbsent: async (name) => find(name) === undefined,
    lacksLabel: async (reference, label) => {
      const says = imageOf(reference).labels[label] ?? '';
      if (says === '') return true;
      throw new OpsError('UNSAFE', `image ${reference} says ${label}: ${says}`);
    },
    hasSucceeded: async (name) => {
      const { state, exitCode } = await engine.container(name);
      if (state !== 'exited' && state !== 'dead') return false;
      if (exitCode === 0) return true;
      const log = find(name)?.log.map(({ text }) => text);
      throw new OpsError('UNSAFE', `the command in ${name} failed`, { details: { exitCode, log } });
    },
    lastWords: async (name, lines) => ({ log: (find(name)?.log ?? []).slice(-lines).map(({ text }) => text) }),
    pull: async (reference, expects) => {
      const digest = digestOf(reference);
      const digests = [`${reference.replace(/:[^/]*$/, '')}@${digest}`];
      images.set(reference, { id: `sha256:of-${digest}`, digests, labels: {}, ports: [], size: 1 });
      if (expects !== undefined) mustBe(reference, expects);
    },
    create: async (replica) => {
      mustBe(replica.image, replica.expects);
      const { labels, networks, restartPolicy } = await engine.container(replica.model);
      const { aliases } = await model(replica.model);
      const there = find(replica.name);
      if (there !== undefined) return mustBear(replica.labels, there);
      const { id } = engine.add({
        name: replica.name,
        image: replica.image,
        imageId: imageOf(replica.image).id,
        state: 'created',
        labels: { ...labels, ...replica.labels },
        networks: networks.map(({ name }) => ({ name, address: '' })),
        restartPolicy: replica.once === undefined ? restartPolicy : 'no',
      });
      const renamed = Object.entries(aliases).map(([name, all]) => [name, rename(all, replica.aliases)] as const);
      models.set(id, { aliases: Object.fromEntries(renamed), published: [] });
      created.set(replica.name, replica);
    },
    startOnce: async (name) => {
      if ((await engine.container(name)).state !== 'created') return;
      await engine.startContainer(name);
      const command = created.get(name)?.once;
      const found = find(name);
      if (command === undefined || found === undefined) return;
      const { exitCode, says } = endings.get(command.join(' ')) ?? { exitCode: 0, says: [] };
      const at = found.createdAt;
      found.log.push(...says.map((text) => ({ at, stream: 'stdout' as const, text })));
      Object.assign(found, { state: 'exited', exitCode, pid: 0 });
    },
    remove: async ({ container, labels }) => {
      const found = find(container);
      if (found === undefined) return;
      mustBear(labels, found);
      engine.remove(found.id);
    },
  };
}

function rename(aliases: readonly string[], how: Replica['aliases']): string[] {
  if (how === 'none') return [];
  return [...new Set([...aliases.filter((alias) => !how.remove.includes(alias)), ...how.add])].sort();
}
