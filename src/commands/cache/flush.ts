import * as z from 'zod';

import { planFlush } from '../../cache/plan-flush.ts';
import { strainedDatabases } from '../../cache/warm-guard.ts';
import { changeCommand, type Context } from '../../core/command.ts';
import { OpsError } from '../../core/errors.ts';
import { plural } from '../../core/format.ts';
import type { Flushed } from '../../core/ports/cache-changes.ts';
import { cacheFields, cacheNamed } from './shared.ts';

/** What the plan tells of the keys is taken from so many of them, within so much time. */
const SAMPLE = { facts: ['bytes', 'expiry'] as const, groups: true, keys: 20_000, ms: 5000, top: 5 };

export default changeCommand({
  name: 'cache flush',
  summary: 'Remove keys from the cache: by pattern, one database, or all',
  description:
    'Says first what would be lost (sessions, carts and queues by the form of their names, keys that do not expire) and what will fall on the database behind. Memory is freed in the background; a pattern is scanned for with pauses. Refused while a database has too much to do already, without --force.',
  examples: [
    { command: "opsctl cache flush --pattern 'product:*' --dry-run", explains: 'how many keys, and what kinds' },
    { command: "opsctl cache flush --pattern 'product:*' --confirm main", explains: 'remove them' },
    { command: 'opsctl cache flush --db 3', explains: 'all keys of database 3' },
    { command: 'opsctl cache flush --all', explains: 'everything' },
  ],
  input: z.object({
    pattern: z.string().min(1).max(500).optional().meta({
      description: 'keys whose names match it: * any text, ? one character, [ab] one of them',
      value: 'pattern',
    }),
    db: z.number().int().min(0).max(65_535).optional().meta({ description: 'one database', value: 'number' }),
    all: z.boolean().default(false).meta({ description: 'all keys of all databases' }),
    cache: cacheFields.cache,
    timeoutSeconds: z
      .number()
      .int()
      .min(1)
      .max(86_400)
      .default(600)
      .meta({ description: 'how long a pattern may be scanned for', value: 'seconds' }),
    force: z.boolean().default(false).meta({ description: 'although a database behind is critical' }),
  }),
  output: z.object({ cache: z.string(), keys: z.number().describe('that there are now') }),
  plan: async (input, context) => {
    const cache = cacheNamed(context.platform, input.cache);
    const what = meant(input);
    const which = 'all' in what ? {} : what;
    const sample = { ...SAMPLE, facts: [...SAMPLE.facts], ...which };
    const look = await context.readers.cache.look(cache, ['scan', 'persistence', 'traffic'], sample);
    if (!input.force) await mustBear(context);
    return planFlush(cache, what, look, input.timeoutSeconds * 1000);
  },
  report: async (input, context) => {
    const cache = cacheNamed(context.platform, input.cache);
    return { cache, keys: (await context.readers.cache.vitals(cache)).keys };
  },
  text: ({ keys }, style) => `${style.good('✓')} done; the cache has ${plural(keys, 'key')} now`,
});

/** @throws USAGE unless exactly one thing is said, and for a pattern that means everything */
function meant({ pattern, db, all }: { pattern?: string | undefined; db?: number | undefined; all: boolean }): Flushed {
  const hint = "Say which: --pattern 'product:*', --db 3, or --all";
  if (all && (pattern !== undefined || db !== undefined))
    throw new OpsError('USAGE', '--all takes neither --pattern nor --db', { hint });
  if (all) return { all: true };
  if (pattern === undefined) {
    if (db === undefined) throw new OpsError('USAGE', 'nothing is said of which keys to remove', { hint });
    return { database: db };
  }
  if (/^[*?]*$/.test(pattern))
    throw new OpsError('USAGE', `the pattern ${pattern} matches everything`, {
      hint: 'If you mean everything, say so: --db <number>, or --all',
    });
  return { pattern, ...(db === undefined ? {} : { database: db }) };
}

/** What the cache does not answer any more, the databases must. @throws UNSAFE while one of them has too much to do */
async function mustBear({ platform, readers }: Context): Promise<void> {
  const [bad] = await strainedDatabases(platform, readers);
  if (bad === undefined) return;
  throw new OpsError('UNSAFE', `${bad.about}: ${bad.reason}; it would have to answer what the cache does not`, {
    hint: 'Mend that first: opsctl health --detailed --only database. If it has to be: --force',
  });
}
