import type { Facts, Found } from './facts.ts';

/** Ports inside a container that speak TLS by convention. */
const TLS_PORTS = new Set([443, 8443, 4443, 9443]);

/** A base URL under which a published port of a service is reached from here. */
export interface Base {
  url: string;
  secure: boolean;
  /** Port inside the container. */
  port: number;
}

/** Where a service's published ports are reached from this machine, plain HTTP first. */
export function basesOf(found: Found, engine: Facts['engine'], tlsPorts: readonly number[] = []): Base[] {
  const bases = found.ports.flatMap(({ container, protocol, host }): Base[] => {
    const address = host === undefined || protocol !== 'tcp' ? undefined : reachable(host.address, engine);
    if (host === undefined || address === undefined) return [];
    const secure = TLS_PORTS.has(container) || tlsPorts.includes(container);
    return [{ url: `${secure ? 'https' : 'http'}://${address}:${host.port.toString()}`, secure, port: container }];
  });
  const unique = [...new Map(bases.map((base) => [base.url, base])).values()];
  return unique.toSorted((a, b) => Number(a.secure) - Number(b.secure));
}

/** The host under which an address that the engine bound is reached from here; undefined when it is not. */
function reachable(bound: string, engine: Facts['engine']): string | undefined {
  const everywhere = bound === '' || bound === '0.0.0.0' || bound === '::';
  const bracketed = bound.includes(':') ? `[${bound}]` : bound;
  if (engine.local) return everywhere ? '127.0.0.1' : bracketed;
  if (!everywhere) return bound.startsWith('127.') || bound === '::1' ? undefined : bracketed;
  return URL.parse(engine.host)?.hostname || undefined;
}
