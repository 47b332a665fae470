import { OpsError } from '../core/errors.ts';
import type { Cache, Database, Platform } from '../core/platform.ts';
import type { Container } from '../core/ports/engine.ts';
import { showTls, type TlsChoice } from './dial.ts';
import { findRoutes, type ContainerSource, type Route } from './route.ts';
import type { Secrets } from './secrets.ts';
import { tlsChoice } from './server-url.ts';

/** How a database or cache is reached; as whom is a matter of its kind. */
export interface DataServer {
  subject: string;
  routes: Route[];
  /** Given the route that worked, how the bytes are protected. */
  tls: (route: Route) => TlsChoice;
}

/** What finding a server and its credentials looks at. */
export interface DataSources {
  platform: Platform;
  source: ContainerSource;
  secrets: Secrets;
}

/** The entry of a configured server. @throws NOT_CONFIGURED with the names there are */
export function configured<T>(kind: string, entries: Readonly<Record<string, T>>, name: string): T {
  const entry = entries[name];
  if (entry !== undefined) return entry;
  const names = Object.keys(entries).join(', ') || 'none';
  throw new OpsError('NOT_CONFIGURED', `no ${kind} ${name} is configured (there is: ${names})`, {
    hint: 'See what is configured: opsctl config show.',
  });
}

/** The configured URL of a server, a reference to one followed. */
export async function urlText({ secrets }: DataSources, entry: Database | Cache): Promise<string | undefined> {
  if (entry.url === undefined || typeof entry.url === 'string') return entry.url;
  return (await secrets.resolve(entry.url, entry.service)).reveal();
}

/** A server in a container of the platform: the ways to it, TLS only where it is configured. */
export async function throughContainer(
  { platform, source }: DataSources,
  subject: string,
  entry: Database | Cache,
  port: number,
): Promise<DataServer & { container: Container; service: string }> {
  const service = entry.service ?? '';
  const protectedByTls = entry.tls !== undefined;
  const target = { subject, project: platform.compose.project, service, port, protected: protectedByTls };
  const { container, routes } = await findRoutes(source, target);
  const tls = await tlsChoice(subject, entry.tls, 'off', { name: service, directory: platform.directory });
  return {
    container,
    service,
    subject,
    routes: routes.map((route) =>
      protectedByTls ? { ...route, describe: `${route.describe} (${showTls(tls.mode)})` } : route,
    ),
    tls: (route) => ({ ...tls, name: entry.tls?.serverName ?? route.name }),
  };
}
