/** The replica port: images, and containers made after the model of others. */
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';

import { OpsError } from '../../core/errors.ts';
import type { Image, Removal, Replica, ReplicaWriter } from '../../core/ports/replicas.ts';
import { named, type DockerClient } from './client.ts';
import { inspectContainer } from './containers.ts';
import { aliasesOf, derive, whyAlone, type ImageJson, imageSchema, type Model, modelSchema } from './derive.ts';
import type { Engine } from './engine.ts';
import { registryAuth } from './registry-auth.ts';

/** What this port needs from around it. */
export interface ReplicaSource {
  docker: DockerClient;
  engine: Engine;
  /** For the credentials of registries. */
  env: Record<string, string | undefined>;
  home: string;
}

/** A registry elsewhere is asked by the engine. */
const REGISTRY_MS = 30_000;
const PULL_MS = 900_000;
const CREATE_MS = 30_000;
/** Beyond the grace: the engine kills, unmounts and removes. */
const REMOVE_EXTRA_MS = 30_000;
/** How often connections are counted, in ms. */
const DRAIN_POLL_MS = 250;
/** Lines of log that explain why a command failed. */
const LAST_LINES = 50;
const PULL_OUTPUT = 16 * 1024 * 1024;

export function openReplicas({ docker, engine, env, home }: ReplicaSource): ReplicaWriter {
  const model = (id: string): Promise<Model> =>
    docker.json(
      {
        path: `/containers/${named('container', id)}/json`,
        asked: `inspect container ${id}`,
        thing: `container ${id}`,
      },
      modelSchema,
    );
  const imageJson = async (reference: string): Promise<ImageJson | undefined> => {
    const call = { path: `/images/${imagePath(reference)}/json`, asked: `look for image ${reference}` };
    const { status, body } = await docker.request({ ...call, accept: [404] });
    return status === 404 ? undefined : imageSchema.parse(JSON.parse(body.toString('utf8')));
  };
  const image = async (reference: string): Promise<Image | undefined> => {
    const found = await imageJson(reference);
    return found === undefined ? undefined : toImage(found);
  };
  const auth = (reference: string): Promise<Record<string, string>> => registryAuth(reference, { env, home });

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
  const mustBeOurs = async (container: string, labels: Record<string, string>): Promise<void> => {
    const found = await model(container);
    if (Object.entries(labels).every(([name, value]) => found.Config.Labels?.[name] === value)) return;
    throw new OpsError('REJECTED', `${container} is another container than the one that this change is about`, {
      hint: `Look at it: docker --host ${docker.host} inspect ${container}`,
    });
  };

  const create = async (replica: Replica): Promise<void> => {
    await mustBe(replica.image, replica.expects);
    const made = await model(replica.model);
    const from = await imageJson(made.Image);
    if (from === undefined) throw noImage(made.Image);
    const { body, networks } = derive(made, from.Config ?? {}, replica);
    const { status } = await docker.request({
      method: 'POST',
      path: '/containers/create',
      query: { name: replica.name },
      json: body,
      asked: `create container ${replica.name}`,
      accept: [409],
      timeoutMs: CREATE_MS,
    });
    if (status === 409) await mustBeOurs(replica.name, replica.labels);
    for (const { name, endpoint } of networks) await join(docker, name, replica.name, endpoint);
  };

  /** Waits until requests are finished, or their time is over. */
  const drained = async (container: string, { from, forMs }: NonNullable<Removal['drain']>): Promise<void> => {
    const until = performance.now() + forMs;
    while (performance.now() < until && !(await engine.isDrained(container, from).catch(() => true)))
      await sleep(DRAIN_POLL_MS);
  };

  return {
    image,
    registryDigest: async (reference) => {
      const call = { path: `/distribution/${imagePath(reference)}/json`, asked: `ask the registry for ${reference}` };
      const { Descriptor } = await docker.json(
        { ...call, thing: `image ${reference}`, headers: await auth(reference), timeoutMs: REGISTRY_MS },
        z.object({ Descriptor: z.object({ digest: z.string() }) }),
      );
      return Descriptor.digest;
    },
    model: async (container) => {
      const found = await model(container);
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
    exists: (name) => exists(docker, name),
    isAbsent: async (name) => !(await exists(docker, name)),
    hasSucceeded: async (name) => {
      const { state, exitCode } = await inspectContainer(docker, name);
      if (state === 'created' || state === 'running') return false;
      if (exitCode === 0) return true;
      throw new OpsError('UNSAFE', `the command in ${name} failed with exit code ${exitCode.toString()}`, {
        hint: 'Read its last lines above; nothing of the new version gets traffic.',
        details: { exitCode, log: await lastLines(engine, name) },
      });
    },
    pull: async (reference) => {
      const { body } = await docker.request({
        method: 'POST',
        path: '/images/create',
        query: { fromImage: reference },
        headers: await auth(reference),
        asked: `pull image ${reference}`,
        thing: `image ${reference}`,
        timeoutMs: PULL_MS,
        limit: PULL_OUTPUT,
      });
      // It answers 200 before it begins; how it went is in the last of its lines.
      const failed = /^\{.*"error":.*\}$/m.exec(body.toString('utf8'));
      if (failed !== null)
        throw new OpsError('REJECTED', `image ${reference} could not be pulled`, {
          hint: `See why: docker --host ${docker.host} pull ${reference}.`,
          details: { engine: failed[0].slice(0, 500) },
        });
    },
    create,
    startOnce: async (name) => {
      if ((await inspectContainer(docker, name)).state === 'created') await engine.startContainer(name);
    },
    remove: async ({ container, labels, graceSeconds, drain }) => {
      if (!(await exists(docker, container))) return;
      await mustBeOurs(container, labels);
      if (drain !== undefined) await drained(container, drain);
      await engine.stopContainer(container, graceSeconds);
      await docker.request({
        method: 'DELETE',
        path: `/containers/${named('container', container)}`,
        query: { v: true },
        asked: `remove container ${container}`,
        accept: [404],
        timeoutMs: graceSeconds * 1000 + REMOVE_EXTRA_MS,
      });
    },
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

async function exists(docker: DockerClient, name: string): Promise<boolean> {
  const call = { path: `/containers/${named('container', name)}/json`, asked: `look for container ${name}` };
  return (await docker.request({ ...call, accept: [404] })).status !== 404;
}

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
    accept: [403, 409],
    timeoutMs: CREATE_MS,
  });
  if (status !== 403 && status !== 409) return;
  const { NetworkSettings } = await docker.json(
    { path: `/containers/${named('container', name)}/json`, asked: `inspect container ${name}` },
    modelSchema,
  );
  if (NetworkSettings.Networks?.[network] !== undefined) return;
  throw new OpsError('REJECTED', `container ${name} cannot join network ${network}`, {
    details: { engine: body.toString('utf8').slice(0, 500) },
  });
}

async function lastLines(engine: Engine, id: string): Promise<string[]> {
  const log: string[] = [];
  for await (const line of engine.logs(id, { tail: LAST_LINES })) log.push(line.text);
  return log;
}

/** A reference as a path: its slashes stay slashes. @throws NOT_FOUND for what no engine would call an image */
function imagePath(reference: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9_.:/@-]*$/.test(reference) || reference.includes('//') || reference.includes('..'))
    throw new OpsError('NOT_FOUND', `there is no image called ${JSON.stringify(reference)}`);
  return reference;
}
