/** Containers that a test needs on the real engine, made through the client under test and removed by label at the end. */
import { inject } from 'vitest';
import * as z from 'zod';

import { openDocker, type DockerClient } from '../../src/adapters/docker/client.ts';
import { TEST_IMAGE } from './engine-setup.ts';

export const testDocker = (): DockerClient =>
  openDocker({ host: inject('dockerHost'), env: process.env, home: '/nonexistent' });

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
      },
      asked: 'create a test container',
    },
    z.object({ Id: z.string() }),
  );
  if (wanted.start !== false)
    await docker.request({
      method: 'POST',
      path: `/containers/${Id}/start`,
      asked: 'start a test container',
      timeoutMs: 20_000,
    });
  return Id;
}

export async function removeContainer(docker: DockerClient, id: string): Promise<void> {
  await docker.request({
    method: 'DELETE',
    path: `/containers/${id}`,
    query: { force: true, v: true },
    asked: 'remove a test container',
    accept: [404, 409],
    timeoutMs: 20_000,
  });
}

/** Waits until something is so. */
export async function until(what: string, test: () => Promise<boolean>, ms = 15_000): Promise<void> {
  const end = performance.now() + ms;
  while (!(await test())) {
    if (performance.now() > end) throw new Error(`not so within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
