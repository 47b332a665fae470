/** The replica port: images, and containers made after the model of others. */
import { setTimeout as sleep } from 'node:timers/promises';

import { OpsError } from '../../core/errors.ts';
import type { Image, Removal, Replica, ReplicaWriter } from '../../core/ports/replicas.ts';
import { named, type DockerClient } from './client.ts';
import { inspectContainer } from './containers.ts';
import { aliasesOf, derive, whyAlone, type ImageJson, imageSchema, type Model, modelSchema } from './derive.ts';
import type { Engine } from './engine.ts';
import { engineText, ifThere, isNotFound } from './failures.ts';
import { lastLines } from './logs.ts';
import { imagePath, openRegistry } from './registry.ts';
import type { Kept } from './registry-auth.ts';

/** What this port needs from around it. */
export interface ReplicaSource extends Kept {
  docker: DockerClient;
  engine: Engine;
}

const CREATE_MS = 30_000;
/** The engine unmounts and removes. */
const REMOVE_MS = 30_000;
/** How often connections are counted, in ms. */
const DRAIN_POLL_MS = 250;
/** Lines of log that explain why a command failed. */
const LAST_LINES = 50;

export function openReplicas({ docker, engine, ...kept }: ReplicaSource): ReplicaWriter {
  const registry = openRegistry(docker, kept);
  const inspect = (id: string): Promise<Model> => inspectModel(docker, id);
  const imageJson = async (reference: string): Promise<ImageJson> => {
    const call = { path: `/images/${imagePath(reference)}/json`, asked: `look for image ${reference}` };
    return await docker.json({ ...call, thing: `image ${reference}` }, imageSchema);
  };
  const image = async (reference: string): Promise<Image | undefined> => {
    const found = await ifThere(imageJson(reference));
    return found === undefined ? undefined : toImage(found);
  };

  /** Throws unless the image is the very one that the plan was made with. */
  const mustBe = async (reference: string, expects: string): Promise<void> => {
    const found = await image(reference);
    if (found === undefined) throw noImage(reference);
    if (isThat(found, expects)) return;
    throw new OpsError('UNSAFE', `image ${reference} has come to be another than the one that was planned with`, {
      hint: 'Run the deploy again: it will show what it would do with the new one.',
      details: { planned: expects, found: found.id },
    });
  };

  /** The same call, made before by a program that was killed, is as good; anything else is not ours to touch. */
  const mustBear = (labels: Record<string, string>, { Config, Name }: Model): void => {
    if (Object.entries(labels).every(([name, value]) => Config.Labels?.[name] === value)) return;
    const name = Name.replace(/^\//, '');
    throw new OpsError('REJECTED', `${name} is another container than the one that this change is about`, {
      hint: `Look at it: docker --host ${docker.host} inspect ${name}`,
    });
  };

  const create = async (replica: Replica): Promise<void> => {
    await mustBe(replica.image, replica.expects);
    const model = await inspect(replica.model);
    const { Config } = await imageJson(model.Image);
    const { body, networks } = derive(model, Config ?? {}, replica);
    const { status } = await docker.request({
      method: 'POST',
      path: '/containers/create',
      query: { name: replica.name },
      json: body,
      asked: `create container ${replica.name}`,
      accept: [409],
      timeoutMs: CREATE_MS,
    });
    if (status === 409) mustBear(replica.labels, await inspect(replica.name));
    for (const { name, endpoint } of networks) await join(docker, name, replica.name, endpoint);
  };

  /** Waits until requests are finished, or their time is over. What cannot be told just now may be told later. */
  const drained = async (id: string, { from, forMs }: NonNullable<Removal['drain']>): Promise<void> => {
    const until = performance.now() + forMs;
    while (performance.now() < until && !(await engine.isDrained(id, from).catch(isNotFound)))
      await sleep(DRAIN_POLL_MS);
  };

  const remove = async ({ container, labels, graceSeconds, drain }: Removal): Promise<void> => {
    const found = await ifThere(inspect(container));
    if (found === undefined) return;
    mustBear(labels, found);
    // From here on by its id: a name may come to be another's.
    const id = found.Id;
    if (drain !== undefined) await drained(id, drain);
    await ifThere(engine.stopContainer(id, graceSeconds));
    const { status, body } = await docker.request({
      method: 'DELETE',
      path: `/containers/${id}`,
      query: { v: true },
      asked: `remove container ${container}`,
      accept: [404, 409],
      timeoutMs: REMOVE_MS,
    });
    // Another removal that is under way is as good.
    if (status !== 409 || ((await ifThere(engine.container(id)))?.state ?? 'removing') === 'removing') return;
    throw new OpsError('REJECTED', `the docker engine refused to remove container ${container}: ${engineText(body)}`);
  };

  return {
    image,
    registryDigest: registry.digest,
    model: async (container) => {
      const found = await inspect(container);
      const published = Object.values(found.HostConfig.PortBindings ?? {}).flatMap((bindings) =>
        (bindings ?? []).map(({ HostIp, HostPort }) => ({ address: HostIp ?? '', port: Number(HostPort) })),
      );
      const alone = whyAlone(found);
      return { aliases: aliasesOf(found), published, ...(alone === undefined ? {} : { alone }) };
    },
    hasImage: async (reference, expects) => {
      const found = await image(reference);
      return found !== undefined && isThat(found, expects);
    },
    lacksLabel: async (reference, label) => {
      const found = await image(reference);
      if (found === undefined) throw noImage(reference);
      const says = found.labels[label] ?? '';
      if (says === '') return true;
      throw new OpsError('UNSAFE', `image ${reference} says ${label}: ${says}`, {
        hint: 'It was not here when this was planned. Run the command again: the plan will take it into account.',
      });
    },
    isComplete: async (name, model) => {
      const [found, wanted] = await Promise.all([ifThere(inspect(name)), inspect(model)]);
      const joined = Object.keys(found?.NetworkSettings.Networks ?? {});
      return found !== undefined && Object.keys(aliasesOf(wanted)).every((network) => joined.includes(network));
    },
    isAbsent: async (name) => (await ifThere(inspect(name))) === undefined,
    hasSucceeded: async (name) => {
      const { state, exitCode } = await inspectContainer(docker, name);
      if (state !== 'exited' && state !== 'dead') return false;
      if (exitCode === 0) return true;
      throw new OpsError('UNSAFE', `the command in ${name} failed with exit code ${exitCode.toString()}`, {
        hint: 'Read its last lines above; nothing of the new version gets traffic.',
        details: { exitCode, log: await lastLines(docker, name, LAST_LINES) },
      });
    },
    lastWords: async (name, lines) => ({ log: await lastLines(docker, name, lines) }),
    pull: async (reference, expects) => {
      await registry.pull(reference);
      if (expects !== undefined) await mustBe(reference, expects);
    },
    create,
    startOnce: async (name) => {
      if ((await inspectContainer(docker, name)).state === 'created') await engine.startContainer(name);
    },
    remove,
  };
}

const noImage = (reference: string): OpsError =>
  new OpsError('NOT_FOUND', `the docker engine does not have image ${reference}`, {
    hint: 'Build or pull it there, then run the deploy again.',
  });

const isThat = (found: Image, expects: string): boolean =>
  found.id === expects || found.digests.some((one) => one.endsWith(`@${expects}`));

function toImage({ Id, RepoDigests, Size, Config }: ImageJson): Image {
  return {
    id: Id,
    digests: RepoDigests ?? [],
    labels: Config?.Labels ?? {},
    ports: Object.keys(Config?.ExposedPorts ?? {}).flatMap((key) => {
      const [, port] = /^(\d+)(?:\/tcp)?$/.exec(key) ?? [];
      return port === undefined ? [] : [Number(port)];
    }),
    size: Size,
  };
}

const inspectModel = (docker: DockerClient, id: string): Promise<Model> =>
  docker.json(
    { path: `/containers/${named('container', id)}/json`, asked: `inspect container ${id}`, thing: `container ${id}` },
    modelSchema,
  );

/** Joins a network; one that it has joined already is left as it is. */
async function join(
  docker: DockerClient,
  network: string,
  name: string,
  endpoint: Record<string, unknown>,
): Promise<void> {
  const { status, body } = await docker.request({
    method: 'POST',
    path: `/networks/${named('network', network)}/connect`,
    json: { Container: name, EndpointConfig: endpoint },
    asked: `connect container ${name} to network ${network}`,
    accept: [403, 404, 409],
    timeoutMs: CREATE_MS,
  });
  if (status < 300) return;
  const { NetworkSettings } = await inspectModel(docker, name);
  if (NetworkSettings.Networks?.[network] !== undefined) return;
  throw new OpsError('REJECTED', `container ${name} cannot join network ${network}: ${engineText(body)}`, {
    // It is made already: without that, it would be left behind.
    details: { outcome: 'unknown' },
  });
}
