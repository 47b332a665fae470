/** Images that a test needs on the real engine, labelled per run and removed at the end. */
import { randomBytes } from 'node:crypto';
import tar from 'tar-stream';
import { inject } from 'vitest';

import type { DockerClient } from '../../src/adapters/docker/client.ts';
import { keyOf, loginHeader } from '../../src/adapters/docker/registry-auth.ts';
import { TEST_IMAGE } from './engine-setup.ts';

const PATIENT = { timeoutMs: 60_000 };

/** What a build, an import or a push says in its lines when it fails. */
function mustHaveWorked(body: Buffer): void {
  const failed = /^.*"errorDetail".*$/m.exec(body.toString('utf8'));
  if (failed !== null) throw new Error(failed[0]);
}

/** The test image with more instructions of a Dockerfile; gives its id. */
export async function buildImage(docker: DockerClient, reference: string, ...instructions: string[]): Promise<string> {
  const lines = [`FROM ${TEST_IMAGE}`, `LABEL opsctl.test=${inject('runId')}`, ...instructions];
  const bytes = await archive({ Dockerfile: lines.join('\n') });
  const call = { method: 'POST' as const, path: '/build', query: { t: reference, forcerm: true }, bytes };
  const { body } = await docker.request({ ...call, contentType: 'application/x-tar', asked: 'build', ...PATIENT });
  mustHaveWorked(body);
  const found = await docker.request({ path: `/images/${reference}/json`, asked: 'look for a test image' });
  return (JSON.parse(found.body.toString('utf8')) as { Id: string }).Id;
}

/** An image that has one file of noise, and so a layer that no other has. It cannot run. */
export async function importImage(docker: DockerClient, reference: string, label = 'none=none'): Promise<void> {
  const changes = `LABEL opsctl.test=${inject('runId')} ${label}`;
  const bytes = await archive({ noise: randomBytes(20_000) });
  const query = { fromSrc: '-', repo: repositoryOf(reference), tag: tagOf(reference), changes };
  const call = { method: 'POST' as const, path: '/images/create', query, bytes, contentType: 'application/x-tar' };
  mustHaveWorked((await docker.request({ ...call, asked: 'import', ...PATIENT })).body);
}

/** Pushes an image and takes it from the engine: only the registry has it then. */
export async function moveToRegistry(
  docker: DockerClient,
  reference: string,
  who: { username: string; password: string },
): Promise<void> {
  const path = `/images/${repositoryOf(reference)}/push`;
  const call = { method: 'POST' as const, path, query: { tag: tagOf(reference) } };
  const headers = loginHeader({ ...who, serveraddress: keyOf(reference) });
  mustHaveWorked((await docker.request({ ...call, headers, asked: 'push', ...PATIENT })).body);
  await removeImage(docker, reference);
}

export async function removeImage(docker: DockerClient, reference: string): Promise<void> {
  const call = { method: 'DELETE' as const, path: `/images/${reference}`, query: { force: true } };
  await docker.request({ ...call, asked: 'remove a test image', accept: [404], ...PATIENT });
}

const repositoryOf = (reference: string): string => reference.slice(0, reference.lastIndexOf(':'));
const tagOf = (reference: string): string => reference.slice(reference.lastIndexOf(':') + 1);

async function archive(files: Record<string, string | Buffer>): Promise<Buffer> {
  const pack = tar.pack();
  for (const [name, data] of Object.entries(files)) pack.entry({ name }, data);
  pack.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of pack as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
