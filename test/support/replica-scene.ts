/** What replicas are made of on the real engine: two networks, an old and a new image, and a container as the model. */
import { inject } from 'vitest';

import type { DockerClient } from '../../src/adapters/docker/client.ts';
import { type Engine, openEngine } from '../../src/adapters/docker/engine.ts';
import { openReplicas } from '../../src/adapters/docker/replicas.ts';
import type { Replica, ReplicaWriter } from '../../src/core/ports/replicas.ts';
import {
  joinNetwork,
  makeNetwork,
  removeContainer,
  removeNetwork,
  runContainer,
  type TestContainer,
  testDocker,
  uniqueName,
} from './test-containers.ts';
import { buildImage, removeImage } from './test-images.ts';

export interface ReplicaScene {
  docker: DockerClient;
  engine: Engine;
  replicas: ReplicaWriter;
  /** Both of the model, which was made on the second. */
  networks: [string, string];
  old: string;
  fresh: { reference: string; id: string };
  /** Its container, of the old image; `api` and `api-blue` on both networks. */
  model: string;
  /** One of the new image after the model, of a name that no other has. */
  replica(more?: Partial<Replica>): Replica;
  /** A container that the scene removes at its end. */
  run(wanted: TestContainer): Promise<string>;
  close(): Promise<void>;
}

/** A process that ends at once when it is told to. */
export const WAIT = ['sh', '-c', "trap 'exit 0' TERM; while :; do sleep 0.2; done"];

/** @param model what else the model is told */
export async function openReplicaScene(
  model: Partial<TestContainer> = {},
  images: { old?: string[]; fresh?: string[] } = {},
): Promise<ReplicaScene> {
  const docker = testDocker();
  const engine = openEngine(docker);
  const replicas = openReplicas({ docker, engine, env: {}, home: '/nonexistent' });
  const reference = (version: string): string => `${uniqueName('image')}:${version}`;
  const old = reference('v1');
  const fresh = { reference: reference('v2'), id: '' };
  await buildImage(docker, old, ...(images.old ?? []));
  fresh.id = await buildImage(docker, fresh.reference, ...(images.fresh ?? ['LABEL version=2']));
  const a = await makeNetwork(docker, 'a');
  const b = await makeNetwork(docker, 'b');
  const made: string[] = [];
  const run = async (wanted: TestContainer): Promise<string> => {
    const id = await runContainer(docker, wanted);
    made.push(id);
    return id;
  };
  const aliases = ['api', 'api-blue'];
  const id = await run({
    argv: WAIT,
    start: false,
    ...model,
    host: { NetworkMode: b, ...model.host },
    config: { Image: old, NetworkingConfig: { EndpointsConfig: { [b]: { Aliases: aliases } } }, ...model.config },
  });
  await joinNetwork(docker, a, id, aliases);
  await engine.startContainer(id);
  return {
    docker,
    engine,
    replicas,
    networks: [a, b],
    old,
    fresh,
    model: id,
    run,
    replica: (more = {}) => {
      const name = uniqueName('replica');
      made.push(name);
      return {
        name,
        model: id,
        image: fresh.reference,
        expects: fresh.id,
        environment: { OPSCTL_COLOUR: 'green' },
        labels: { 'opsctl.test': inject('runId'), 'opsctl.deploy': '7' },
        aliases: { add: ['api-green'], remove: ['api-blue'] },
        ...more,
      };
    },
    close: async () => {
      await Promise.all(made.map((one) => removeContainer(docker, one)));
      await Promise.all([a, b].map((one) => removeNetwork(docker, one)));
      // One after the other: they share what they are made from.
      for (const one of [old, fresh.reference]) await removeImage(docker, one);
      docker.close();
    },
  };
}
