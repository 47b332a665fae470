/** A docker engine in memory for tests of what goes over its archive API. */
import { expect } from 'vitest';

import type { DockerClient } from '../../../src/adapters/docker/client.ts';

/** Answers requests, and is asked for nothing else. */
export function fakeDocker(request: DockerClient['request']): DockerClient {
  const unasked = (): never => expect.unreachable('the engine was asked for something else');
  return {
    host: 'fake://',
    endpoint: { url: 'fake://', kind: 'socket', path: '/' },
    request,
    ...{ apiVersion: unasked, json: unasked, stream: unasked, hijack: unasked, close: unasked },
  };
}

/** The head of an answer about a path in a container. */
export const pathHead = (stat: { name?: string; size?: number; mtime?: string; linkTarget?: string }) => {
  const all = { name: 'file', size: 0, mode: 0, mtime: '2026-03-01T12:00:00Z', linkTarget: '', ...stat };
  return { 'x-docker-container-path-stat': Buffer.from(JSON.stringify(all)).toString('base64') };
};
