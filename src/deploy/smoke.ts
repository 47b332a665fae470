import type { Service } from '../core/platform.ts';

/** What is asked of a new version before visitors ask: the configured paths at the address of its health URL, else that URL. */
export function smokeUrls(service: Pick<Service, 'health' | 'smoke'> | undefined): string[] {
  const { health, smoke } = service ?? {};
  if (health === undefined) return [];
  return smoke === undefined ? [health] : smoke.map((path) => new URL(path, health).href);
}
