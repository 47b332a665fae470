import * as z from 'zod';

import { isMeantToRun } from '../checks/configured.ts';
import { container as judge } from '../checks/container.ts';
import type { Platform } from '../core/platform.ts';
import type { Container, ContainerDetail } from '../core/ports/engine.ts';
import { statusSchema } from '../core/verdict.ts';
import { isOfPlatform, serviceOf, versionOf } from '../core/containers.ts';
import { isRetired, type Live } from '../core/live.ts';
import { configuredParts, type Part } from './names.ts';

/** A container in `status`. */
export const containerStatusSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    service: z.string().describe('opsctl or compose service; the container itself where nobody grouped it'),
    parts: z.array(z.string()).describe('what the configuration calls it'),
    image: z.string(),
    version: z.string().optional().describe('release label, image version label, or the tag of the image'),
    colour: z.string().optional(),
    state: z.enum(['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead']),
    health: z.enum(['none', 'starting', 'healthy', 'unhealthy']),
    status: statusSchema,
    startedAt: z.string().optional(),
    uptimeMs: z.number().optional().describe("by the engine's clock; only while it runs"),
    finishedAt: z.string().optional().describe('only when it does not run'),
    exitCode: z.number().optional().describe('only when it does not run'),
    oomKilled: z.boolean().optional(),
    restartCount: z.number().optional().describe('restarts by the engine since the container was created'),
    ports: z
      .array(z.object({ container: z.number(), protocol: z.string(), address: z.string(), port: z.number() }))
      .describe('published ports'),
  })
  .meta({ id: 'ContainerStatus' });
export type ContainerStatus = z.infer<typeof containerStatusSchema>;

/** What is so of a container; `detail` is absent when it was removed between listing and inspection. */
export function containerStatus(
  container: Container,
  detail: ContainerDetail | undefined,
  { platform, engineTime, live }: { platform: Platform; engineTime: string; live: Live },
): ContainerStatus {
  const { id, name, image, state, health } = detail ?? container;
  const service = serviceOf(container);
  const version = versionOf(container);
  const colour = container.labels['opsctl.colour'];
  const up = state === 'running' || state === 'paused';
  return {
    id,
    name,
    service,
    parts: configuredParts(platform)
      .filter((part) => part.service === service)
      .map((part) => part.name),
    // The listing shows an id instead of the name once the tag has moved on; the inspection keeps the name.
    image,
    ...(version === undefined ? {} : { version }),
    ...(colour === undefined ? {} : { colour }),
    state,
    health,
    // The judgement of `health`; what was gone before it could be looked at was not observed.
    status:
      detail === undefined
        ? 'unknown'
        : isRetired(container, live)
          ? 'ok'
          : judge(detail, undefined, platform.thresholds, Date.parse(engineTime), isMeantToRun(detail, platform))
              .status,
    ...(detail === undefined ? {} : timesOf(detail, up, engineTime)),
    ports: container.ports.flatMap(({ host, container: inner, protocol }) =>
      host === undefined ? [] : [{ container: inner, protocol, address: host.address, port: host.port }],
    ),
  };
}

function timesOf(
  detail: ContainerDetail,
  up: boolean,
  engineTime: string,
): Pick<ContainerStatus, 'startedAt' | 'uptimeMs' | 'finishedAt' | 'exitCode' | 'oomKilled' | 'restartCount'> {
  const { startedAt, finishedAt, exitCode, oomKilled, restartCount } = detail;
  const uptimeMs = startedAt === undefined ? undefined : Date.parse(engineTime) - Date.parse(startedAt);
  return {
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(up && uptimeMs !== undefined ? { uptimeMs: Math.max(0, uptimeMs) } : {}),
    ...(up ? {} : { exitCode, ...(finishedAt === undefined ? {} : { finishedAt }) }),
    oomKilled,
    restartCount,
  };
}

/** Parts of the configuration that should have a container and have none, not even a stopped one. */
export function missingParts(platform: Platform, containers: readonly Container[]): (Part & { service: string })[] {
  const present = new Set(
    containers.filter((container) => isOfPlatform(container, platform.compose.project)).map(serviceOf),
  );
  return configuredParts(platform).flatMap(({ service, ...part }) =>
    service === undefined || present.has(service) ? [] : [{ ...part, service }],
  );
}
