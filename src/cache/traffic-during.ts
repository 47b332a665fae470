/** What a cache counts for a while, instead of since its start. */
import { setTimeout as pause } from 'node:timers/promises';

import type { CacheLook } from '../core/ports/cache.ts';
import type { CacheReader } from '../core/ports/data.ts';
import { between } from './hit-ratio.ts';

/** Two looks, `ms` apart: the later one, with only what was counted in between, and its length. Without that where it is not told. */
export async function trafficDuring(
  name: string,
  ms: number,
  cache: CacheReader,
  signal?: AbortSignal,
): Promise<{ look: CacheLook<'traffic'>; windowMs?: number }> {
  const first = await cache.look(name, ['traffic']);
  const before = first.parts.traffic;
  if (before.is !== 'seen') return { look: first };
  await pause(ms, undefined, { signal });
  const second = await cache.look(name, ['traffic']);
  const after = second.parts.traffic;
  const windowMs = Date.parse(second.at) - Date.parse(first.at);
  if (after.is !== 'seen') return { look: second, windowMs };
  return { look: { ...second, parts: { traffic: { ...after, value: between(before.value, after.value) } } }, windowMs };
}
