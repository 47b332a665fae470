import * as z from 'zod';

import { changeCommand, type Context } from '../../core/command.ts';
import { OpsError } from '../../core/errors.ts';
import { bytes } from '../../core/format.ts';
import { plan, step } from '../../core/plan.ts';
import type { CacheVitals } from '../../core/ports/data.ts';
import { memoryLimitOf } from '../../service/server.ts';
import { cacheFields, cacheNamed } from './shared.ts';

/**
 * Share of a container's memory that stays free of keys: for buffers of clients and replicas, and for the pages that are
 * copied while a fork saves. A quarter, as Amazon ElastiCache reserves (reserved-memory-percent).
 */
const HEADROOM = 0.25;
const UNITS: Readonly<Record<string, number>> = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

/** `512MiB` in bytes; undefined for what is none. */
function bytesOf(typed: string): number | undefined {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?)(KiB|MiB|GiB)$/.exec(typed) ?? [];
  const size = Math.round(Number(number) * (UNITS[unit] ?? Number.NaN));
  return Number.isSafeInteger(size) && size > 0 ? size : undefined;
}

export default changeCommand({
  name: 'cache set-memory',
  summary: 'Set how much memory the cache may use for its keys (maxmemory)',
  description:
    'It holds at once, and is written into the configuration file of the server where it has one, so that it outlives a restart. Of the memory of its container a quarter stays free, for buffers and for what is copied while a fork saves.',
  examples: [
    { command: 'opsctl cache set-memory 512MiB --dry-run', explains: 'what is in use, and whether it fits' },
    { command: 'opsctl cache set-memory 1GiB --yes', explains: 'without being asked, where the environment permits' },
  ],
  input: z.object({
    limit: z
      .string()
      .refine((typed) => bytesOf(typed) !== undefined, 'expected a size such as 512MiB or 1.5GiB')
      .meta({ description: 'the new limit, such as 512MiB', positional: true }),
    cache: cacheFields.cache,
    force: z.boolean().default(false).meta({ description: 'although it does not fit, or keys would be evicted' }),
  }),
  output: z.object({ cache: z.string(), limit: z.number().nullable(), used: z.number().nullable() }),
  plan: async (input, context) => {
    const cache = cacheNamed(context.platform, input.cache);
    const wanted = bytesOf(input.limit) ?? 0;
    const vitals = await context.readers.cache.vitals(cache);
    const { maxMemory, memory } = vitals;
    if (maxMemory === undefined)
      throw new OpsError('UNSAFE', `cache ${cache} does not tell its limit to this user, so it could not be put back`, {
        hint: 'Grant +info and +config|get to the user that opsctl uses, then look: opsctl cache memory',
      });
    if (!input.force) await mustFit(wanted, cache, vitals, context);
    const before = maxMemory ?? 0;
    const from = maxMemory === null ? 'no limit' : bytes(maxMemory);
    return plan({
      target: cache,
      summary: `let cache ${cache} use ${bytes(wanted)} for its keys`,
      touches: [`maxmemory of cache ${cache}: ${from} → ${bytes(wanted)}`],
      seen: [
        `${memory === undefined ? 'an unknown amount' : bytes(memory)} is in use; policy ${vitals.evictionPolicy ?? 'unknown'}`,
      ],
      steps:
        before === wanted
          ? []
          : [
              step({
                id: `cache.limit:${cache}`,
                describe: `set maxmemory to ${bytes(wanted)}`,
                why: 'it holds at once',
                do: (w) => w.cache.setMemoryLimit(cache, wanted),
                undo: (w) => w.cache.setMemoryLimit(cache, before),
                undone: (r) => r.cache.hasMemoryLimit(cache, before),
                verify: (r) => r.cache.hasMemoryLimit(cache, wanted),
                timeoutMs: 15_000,
              }),
              step({
                id: `cache.keep:${cache}`,
                describe: 'write it into the configuration file of the server',
                why: 'else it is forgotten with the next restart; set it in the compose file, too, where it is given there',
                do: (w) => w.cache.keepSettings(cache),
                undo: 'not needed',
                onFailure: 'go on',
                timeoutMs: 15_000,
              }),
            ],
    });
  },
  report: async (input, context) => {
    const cache = cacheNamed(context.platform, input.cache);
    const { maxMemory, memory } = await context.readers.cache.vitals(cache);
    return { cache, limit: maxMemory ?? null, used: memory ?? null };
  },
  text: ({ limit, used }, style) =>
    `${style.good('✓')} ${used === null ? '' : `${bytes(used)} of `}${limit === null ? 'no limit' : bytes(limit)}`,
});

/** @throws UNSAFE where keys would have to go, or the container has not that much */
async function mustFit(wanted: number, cache: string, { memory }: CacheVitals, context: Context): Promise<void> {
  if (memory !== undefined && wanted < memory)
    throw new OpsError(
      'UNSAFE',
      `${bytes(memory)} is in use: with ${bytes(wanted)} keys would be evicted, or writes refused`,
      {
        hint: 'See what takes the memory: opsctl cache keys. If you mean it: --force',
      },
    );
  const limit = await memoryLimitOf(context.platform.caches[cache]?.service, context);
  if (limit === undefined || wanted <= limit * (1 - HEADROOM)) return;
  throw new OpsError(
    'UNSAFE',
    `its container may use ${bytes(limit)}, of which ${bytes(limit * (1 - HEADROOM))} are for keys: ${bytes(wanted)} would end in it being killed`,
    { hint: 'Raise mem_limit in the compose file first, then run: docker-compose up -d. If you know better: --force' },
  );
}
