/** Containers that a test needs on the real engine, made through the client under test and removed by label at the end. */
import { inject } from 'vitest';
import * as z from 'zod';

import { openDocker, type DockerClient } from '../../src/adapters/docker/client.ts';
import { TEST_IMAGE } from './engine-setup.ts';
import { waitUntil } from './process.ts';

export const testDocker = (): DockerClient =>
  openDocker({ host: inject('dockerHost'), env: process.env, home: '/nonexistent' });

/** Engines that other tests keep busy take their time. */
const PATIENT = { timeoutMs: 30_000 };

let count = 0;
/** A name that no other test uses. */
export const uniqueName = (word: string): string => `opsctl-test-${inject('runId')}-${word}-${(count += 1)}`;

export interface TestContainer {
  name?: string;
  argv: string[];
  tty?: boolean;
  labels?: Record<string, string>;
  health?: { test: string[]; intervalMs: number };
  host?: Record<string, unknown>;
  /** Anything else of the API's body. */
  config?: Record<string, unknown>;
  start?: boolean;
}

/** Creates and, unless told otherwise, starts a container; gives its id. */
export async function runContainer(docker: DockerClient, wanted: TestContainer): Promise<string> {
  const { Id } = await docker.json(
    {
      method: 'POST',
      path: '/containers/create',
      query: { name: wanted.name ?? uniqueName('box') },
      json: {
        Image: TEST_IMAGE,
        Cmd: wanted.argv,
        Tty: wanted.tty === true,
        Labels: { ...wanted.labels, 'opsctl.test': inject('runId') },
        ...(wanted.health && {
          Healthcheck: { Test: wanted.health.test, Interval: wanted.health.intervalMs * 1e6, Retries: 1 },
        }),
        HostConfig: { ...wanted.host },
        ...wanted.config,
      },
      asked: 'create a test container',
      ...PATIENT,
    },
    z.object({ Id: z.string() }),
  );
  if (wanted.start !== false)
    await docker.request({
      method: 'POST',
      path: `/containers/${Id}/start`,
      asked: 'start a test container',
      ...PATIENT,
    });
  return Id;
}

export async function removeContainer(docker: DockerClient, id: string): Promise<void> {
  const remove = async (): Promise<number> =>
    (
      await docker.request({
        method: 'DELETE',
        path: `/containers/${id}`,
        query: { force: true, v: true },
        asked: 'remove a test container',
        accept: [404, 409],
        ...PATIENT,
      })
    ).status;
  // 409: it is being removed, or it just restarted.
  await waitUntil(
    async () => (await remove()) === 404,
    () => 'never removed',
  );
}

/** Stops all its processes where they are. One that starts processes again and again may be too quick for it ("unable to freeze"). */
export async function pauseContainer(docker: DockerClient, id: string): Promise<void> {
  const pause = async (): Promise<number> =>
    (
      await docker.request({
        method: 'POST',
        path: `/containers/${id}/pause`,
        asked: 'pause a test container',
        accept: [500],
        ...PATIENT,
      })
    ).status;
  await waitUntil(
    async () => (await pause()) !== 500,
    () => 'never paused',
  );
}

/** A network of its own; gives its name. It is removed with `removeNetwork`, after its containers. */
export async function makeNetwork(docker: DockerClient, word: string): Promise<string> {
  const name = uniqueName(word);
  const json = { Name: name, CheckDuplicate: true };
  await docker.request({ method: 'POST', path: '/networks/create', json, asked: 'make a test network', ...PATIENT });
  return name;
}

export async function removeNetwork(docker: DockerClient, name: string): Promise<void> {
  const path = `/networks/${name}`;
  await docker.request({ method: 'DELETE', path, asked: 'remove a test network', accept: [404], ...PATIENT });
}

export async function joinNetwork(
  docker: DockerClient,
  network: string,
  container: string,
  aliases: string[] = [],
): Promise<void> {
  const json = { Container: container, EndpointConfig: { Aliases: aliases } };
  const path = `/networks/${network}/connect`;
  await docker.request({ method: 'POST', path, json, asked: 'join a test network', ...PATIENT });
}
