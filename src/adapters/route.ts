import net from 'node:net';
import type { Duplex } from 'node:stream';
import { asOpsError, OpsError } from '../core/errors.ts';
import type { Container, EngineInfo } from '../core/ports/engine.ts';
import { dial, showAddress, type Address } from './dial.ts';
import { greet, relayArgv } from './tunnel.ts';
import { compareNames } from '../core/text.ts';

/** What a container was started with. */
export interface Startup {
  environment: Readonly<Record<string, string>>;
  /** Entrypoint and arguments. */
  command: readonly string[];
}

/** What reaching a server through the engine needs. The docker adapter provides it. */
export interface ContainerSource {
  info(): Promise<Pick<EngineInfo, 'local' | 'host'>>;
  containers(filter?: { project?: string }): Promise<Container[]>;
  /** The environment and command line that a container was created with. */
  startup(id: string): Promise<Startup>;
  /** A file inside a container. @throws NOT_FOUND */
  readFile(id: string, path: string): Promise<string>;
  /** Runs argv in a container (`docker exec -i`); the stream is its stdin and stdout. */
  tunnel(id: string, argv: readonly string[]): Promise<Duplex>;
}

/**
 * The same source for all who look for a server, which they do at once when a command begins: a question under way
 * answers everybody who asks it. Not for verifying a change, where an answer must not be older than its question.
 */
export function askedTogether(source: ContainerSource): ContainerSource {
  const containers = shared((project) => source.containers(project === '' ? undefined : { project }));
  return {
    info: () => source.info(),
    containers: (filter) => containers(filter?.project ?? ''),
    startup: shared((id) => source.startup(id)),
    readFile: (id, path) => source.readFile(id, path),
    tunnel: (id, argv) => source.tunnel(id, argv),
  };
}

function shared<T>(ask: (about: string) => Promise<T>): (about: string) => Promise<T> {
  const underWay = new Map<string, Promise<T>>();
  return (about) => {
    const answer = underWay.get(about) ?? ask(about).finally(() => underWay.delete(about));
    underWay.set(about, answer);
    return answer;
  };
}

/** One way to a server. */
export interface Route {
  kind: 'url' | 'published' | 'address' | 'tunnel';
  /** For people: "published port 127.0.0.1:5432", "tunnel through ecommerce-postgres-prod". */
  describe: string;
  /** Host name to expect in a certificate. */
  name: string;
  /** Opens a connection within `ms`. @throws UNREACHABLE, TIMED_OUT */
  connect(ms: number): Promise<Duplex>;
}

/** A server that runs in a container of the platform. */
export interface Target {
  /** The server in errors: "postgres main". */
  subject: string;
  project: string;
  /** Compose service name. */
  service: string;
  /** Port inside the container when the container does not say another. */
  port: number;
  /** True when the connection will be protected by TLS: only then may it cross a network in the open. */
  protected: boolean;
}

/** A container's own address answers at once or is not routed from here, as on Docker Desktop and rootless engines. */
const ADDRESS_TRY_MS = 500;

/** The container of a service: a running one rather than a stopped one, the first by name among equals. */
export async function containerOf(
  source: Pick<ContainerSource, 'containers'>,
  project: string,
  service: string,
): Promise<Container | undefined> {
  const all = (await source.containers({ project })).filter((container) => container.service === service);
  const rank = (container: Container): number => (container.state === 'running' ? 0 : 1);
  return all.sort((a, b) => rank(a) - rank(b) || compareNames(a.name, b.name))[0];
}

/** The way given by a URL. */
export const urlRoute = (subject: string, address: Address, describe: string, service: string | undefined): Route => ({
  kind: 'url',
  describe,
  name: 'path' in address ? 'localhost' : address.host,
  connect: (ms) => dial(subject, address, ms, service),
});

/**
 * The ways to a server in a container, the best first: a published port, the container's address, a
 * tunnel over `docker exec`. On an engine elsewhere, a published port is left out unless the
 * connection is protected: the password would cross the network readable by others.
 * @throws NOT_FOUND without a container, UNREACHABLE when it does not run
 */
export async function findRoutes(
  source: ContainerSource,
  target: Target,
): Promise<{ container: Container; routes: Route[] }> {
  const [container, engine] = await Promise.all([containerOf(source, target.project, target.service), source.info()]);
  if (container === undefined) {
    throw new OpsError(
      'NOT_FOUND',
      `${target.subject} has no container: project ${target.project} has no service ${target.service}`,
      {
        hint: 'See which services there are: opsctl status.',
      },
    );
  }
  if (container.state !== 'running') {
    const remedy = container.state === 'paused' ? `docker unpause ${container.name}` : `opsctl logs ${target.service}`;
    throw new OpsError(
      'UNREACHABLE',
      `${target.subject} does not run: container ${container.name} is ${container.state}`,
      {
        hint: `${container.state === 'paused' ? 'Let it go on' : 'See why'}: ${remedy}.`,
        details: { container: container.name, state: container.state },
      },
    );
  }
  const port = portOf(container, target.port);
  const routes = [
    publishedRoute(target, container, port, engine),
    ...addressRoutes(target, container, port, engine),
    tunnelRoute(source, target, container, port),
  ];
  return { container, routes: routes.filter((route) => route !== undefined) };
}

/** The usual port, unless the container has exactly one other. */
function portOf(container: Container, usual: number): number {
  const ports = new Set(container.ports.filter((port) => port.protocol === 'tcp').map((port) => port.container));
  const [only] = ports;
  return ports.size === 1 && only !== undefined ? only : usual;
}

function publishedRoute(
  target: Target,
  container: Container,
  port: number,
  engine: Pick<EngineInfo, 'local' | 'host'>,
): Route | undefined {
  const hosts = container.ports.flatMap((entry) =>
    entry.container === port && entry.protocol === 'tcp' && entry.host ? [entry.host] : [],
  );
  const usable = hosts.map((host) => ({ host: hostFor(host.address, engine), port: host.port }));
  const address = usable.find((candidate): candidate is { host: string; port: number } => candidate.host !== undefined);
  if (address === undefined || !(engine.local || target.protected)) return undefined;
  return {
    kind: 'published',
    describe: `published port ${showAddress(address)}`,
    name: address.host,
    connect: (ms) => dial(target.subject, address, ms, target.service),
  };
}

/** Where a port bound to `bound` on the engine's host is reached from here; undefined when it is not. */
export function hostFor(bound: string, engine: Pick<EngineInfo, 'local' | 'host'>): string | undefined {
  const wildcard = bound === '' || bound === '0.0.0.0' || bound === '::';
  if (engine.local) return wildcard ? '127.0.0.1' : bound;
  if (!wildcard) return bound.startsWith('127.') || bound === '::1' ? undefined : bound;
  const host = URL.canParse(engine.host) ? new URL(engine.host).hostname : '';
  return host === '' ? undefined : host.replace(/^\[|\]$/g, '');
}

/** Only on the engine's own machine; a container in the host's network has the machine's own addresses. */
function addressRoutes(target: Target, container: Container, port: number, engine: Pick<EngineInfo, 'local'>): Route[] {
  if (!engine.local) return [];
  return container.networks.flatMap((network) => {
    const host = network.name === 'host' ? '127.0.0.1' : network.address;
    if (net.isIP(host) === 0) return [];
    return {
      kind: 'address' as const,
      describe: `address of ${container.name}, ${showAddress({ host, port })}`,
      name: target.service,
      connect: (ms: number) => dial(target.subject, { host, port }, Math.min(ms, ADDRESS_TRY_MS), target.service),
    };
  });
}

const tunnelRoute = (source: ContainerSource, target: Target, container: Container, port: number): Route => ({
  kind: 'tunnel',
  describe: `tunnel through ${container.name}`,
  name: target.service,
  connect: async (ms) => greet(target.subject, container.name, await source.tunnel(container.id, relayArgv(port)), ms),
});

/**
 * Opens the first way that works within `ms` for all of them. When none does, the last one's error
 * tells why, since the tunnel asks the server itself; `tried` in its details names the others.
 * @throws UNREACHABLE, TIMED_OUT
 */
export async function connectFirst(routes: readonly Route[], ms: number): Promise<{ route: Route; stream: Duplex }> {
  const end = performance.now() + ms;
  const tried: string[] = [];
  let last: OpsError | undefined;
  for (const route of routes) {
    const left = Math.ceil(end - performance.now());
    if (left <= 0) break;
    try {
      return { route, stream: await route.connect(left) };
    } catch (error) {
      last = asOpsError(error);
      tried.push(`${route.describe}: ${last.message}`);
    }
  }
  if (last === undefined) throw new OpsError('BUG', 'no way to the server was given');
  if (tried.length === 1) throw last;
  throw last.told({ details: { tried } });
}
