/**
 * Containers that are never started: opsctl's lock and the one that its journal is reached through. Their image is empty and made on
 * the spot, so that nothing is pulled and nothing of a registry is needed.
 */
import { createHash } from 'node:crypto';
import * as z from 'zod';

import { OpsError } from '../../core/errors.ts';
import type { DockerClient } from './client.ts';

const IMAGE = { name: 'opsctl/empty', tag: '1' };
/** Two blocks of zeros: an archive with nothing in it. */
const EMPTY_TAR = Buffer.alloc(1024);

export interface BareContainer {
  name: string;
  labels: Record<string, string>;
  /** Volumes by the directory that they appear at. Made when they do not exist. */
  volumes?: Record<string, string>;
}

const created = z.object({ Id: z.string() });

/**
 * Creates one; `taken` when the name is in use. The engine decides which of several at the same moment gets it.
 * `date` is the engine's clock at the answer.
 */
export async function createBare(
  docker: DockerClient,
  wanted: BareContainer,
): Promise<{ id: string; date: number } | 'taken'> {
  for (let attempt = 0; ; attempt++) {
    const { status, headers, body } = await docker.request({
      method: 'POST',
      path: '/containers/create',
      query: { name: wanted.name },
      json: {
        Image: `${IMAGE.name}:${IMAGE.tag}`,
        // Never run; the engine wants one nevertheless.
        Cmd: ['-'],
        Labels: wanted.labels,
        NetworkDisabled: true,
        HostConfig: {
          NetworkMode: 'none',
          Binds: Object.entries(wanted.volumes ?? {}).map(([at, volume]) => `${volume}:${at}`),
        },
      },
      asked: `create container ${wanted.name}`,
      accept: [404, 409],
    });
    if (status === 409) return 'taken';
    if (status !== 404)
      return { id: created.parse(JSON.parse(body.toString('utf8'))).Id, date: engineTime(headers.date) };
    // The image is not there yet, the usual case of the very first time.
    if (attempt === 2)
      throw new OpsError('REJECTED', `the docker engine at ${docker.host} does not keep the image ${IMAGE.name}`);
    await makeImage(docker);
  }
}

async function makeImage(docker: DockerClient): Promise<void> {
  const { body } = await docker.request({
    method: 'POST',
    path: '/images/create',
    query: { fromSrc: '-', repo: IMAGE.name, tag: IMAGE.tag },
    bytes: EMPTY_TAR,
    contentType: 'application/x-tar',
    asked: `make the empty image ${IMAGE.name}`,
    timeoutMs: 20_000,
  });
  // The answer is a stream of messages, and its status is 200 even when the import fails.
  const failed = body
    .toString('utf8')
    .split('\n')
    .find((line) => line.includes('"error"'));
  if (failed !== undefined)
    throw new OpsError('REJECTED', `the docker engine refused to make the empty image ${IMAGE.name}: ${failed.trim()}`);
}

/** Removes a container by its id, never by name: a name may be somebody else's by now. True when it was there. */
export async function removeBare(docker: DockerClient, id: string): Promise<boolean> {
  if (!/^[0-9a-f]{64}$/.test(id))
    throw new OpsError('BUG', `a container is to be removed by ${JSON.stringify(id)}, which is no full id`);
  const { status } = await docker.request({
    method: 'DELETE',
    path: `/containers/${id}`,
    query: { force: true },
    asked: `remove container ${id}`,
    // 409: its removal is already under way.
    accept: [404, 409],
  });
  return status !== 404;
}

/** Milliseconds of the engine's clock, from the Date header that every answer has; its resolution is a second. */
export function engineTime(header: string | undefined): number {
  const ms = Date.parse(header ?? '');
  if (Number.isNaN(ms)) throw new OpsError('BAD_ANSWER', 'the docker engine does not tell its time (no Date header)');
  return ms;
}

/** A name that an engine accepts, different for different scopes. */
export function engineName(prefix: string, scope: string): string {
  const plain = scope.replace(/[^A-Za-z0-9_.-]/g, '-').slice(0, 80);
  return plain === scope
    ? `${prefix}-${scope}`
    : `${prefix}-${plain}-${createHash('sha256').update(scope).digest('hex').slice(0, 12)}`;
}
