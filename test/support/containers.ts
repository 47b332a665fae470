/** Containers as the engine would list them, and an engine that has just those. */
import type { Duplex } from 'node:stream';
import type { ContainerSource } from '../../src/adapters/route.ts';
import { OpsError } from '../../src/core/errors.ts';
import type { Container } from '../../src/core/ports/engine.ts';

/** A running container of service `db` in project `test`. */
export const container = (more: Partial<Container> = {}): Container => ({
  id: 'c0ffee',
  name: 'test-db-1',
  image: 'db',
  imageId: 'sha256:0',
  state: 'running',
  health: 'none',
  createdAt: '2026-01-01T00:00:00.000Z',
  project: 'test',
  service: 'db',
  labels: {},
  ports: [],
  networks: [],
  volumes: [],
  ...more,
});

/** One whose server listens on an exposed, not published port. */
export const postgresContainer = (port: number): Container =>
  container({ ports: [{ container: port, protocol: 'tcp' }] });

export interface EngineParts {
  local?: boolean;
  host?: string;
  environment?: Record<string, string>;
  command?: string[];
  files?: Record<string, string>;
  tunnel?: (id: string, argv: readonly string[]) => Promise<Duplex>;
}

export const engineOf = (containers: Container[], parts: EngineParts = {}): ContainerSource => ({
  info: async () => ({ local: parts.local ?? true, host: parts.host ?? 'unix:///run/docker.sock' }),
  containers: async (filter) =>
    containers.filter((one) => filter?.project === undefined || one.project === filter.project),
  startup: async () => ({ environment: parts.environment ?? {}, command: parts.command ?? [] }),
  readFile: async (_, path) => {
    const text = parts.files?.[path];
    if (text === undefined) throw new OpsError('NOT_FOUND', `no file ${path}`);
    return text;
  },
  tunnel: parts.tunnel ?? (async () => Promise.reject(new OpsError('UNREACHABLE', 'no tunnel here'))),
});
