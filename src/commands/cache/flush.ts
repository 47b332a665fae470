import * as z from 'zod';

import { meansAll, planFlush, whatText } from '../../cache/plan-flush.ts';
import { strainedDatabases } from '../../cache/strain.ts';
import { changeCommand, type Context } from '../../core/command.ts';
import { OpsError } from '../../core/errors.ts';
import { plural } from '../../core/format.ts';
import { LAST_DATABASE } from '../../core/platform.ts';
import type { CacheServer, ScanRequest } from '../../core/ports/cache.ts';
import type { Flushed } from '../../core/ports/cache-changes.ts';
import { cacheFields, cacheNamed } from './shared.ts';

/** What the plan tells of the keys is taken from so many of them, within so much time. */
const SAMPLE: ScanRequest = { facts: ['bytes', 'expiry'], groups: true, keys: 20_000, ms: 5000, top: 5 };
/** What is left of a pattern afterwards is looked for in so many keys, within so much time. */
const AFTERWARDS: ScanRequest = { facts: [], groups: false, keys: 20_000, ms: 5000, top: 0 };

export default changeCommand({
  name: 'cache flush',
  summary: 'Remove keys from the cache: by pattern, one database, or all',
  description:
    'Says first what would be lost (sessions, carts and queues by the form of their names, keys that do not expire) and what will fall on the database behind. Memory is freed in the background; a pattern is scanned for with pauses, in the database that the configuration names (the number in the url, or database, or 0) unless told otherwise, and Ctrl-C ends it where it is. Refused without --force where all keys match the pattern, and while a database has too much to do already.',
  examples: [
    { command: "opsctl cache flush --pattern 'product:*' --dry-run", explains: 'how many keys, and what kinds' },
    { command: "opsctl cache flush --pattern 'product:*' --confirm main", explains: 'remove them' },
    {
      command: "opsctl cache flush --pattern 'product:*' --all-databases --dry-run",
      explains: 'not only in the database that the cache is configured to use',
    },
    { command: 'opsctl cache flush --db 3', explains: 'all keys of database 3' },
    { command: 'opsctl cache flush --all', explains: 'everything' },
  ],
  input: z.object({
    pattern: z.string().min(1).max(500).optional().meta({
      description: 'keys whose names match it: * any text, ? one character, [ab] one of them',
      value: 'pattern',
    }),
    db: z
      .number()
      .int()
      .min(0)
      .max(LAST_DATABASE)
      .optional()
      .meta({ description: 'all keys of this database; with --pattern, those that match', value: 'number' }),
    allDatabases: z.boolean().default(false).meta({ description: 'with --pattern: in all databases of the server' }),
    all: z.boolean().default(false).meta({ description: 'all keys of all databases' }),
    cache: cacheFields.cache,
    timeoutSeconds: z
      .number()
      .int()
      .min(1)
      .max(86_400)
      .default(600)
      .meta({ description: 'how long a pattern may be scanned for', value: 'seconds' }),
    force: z
      .boolean()
      .default(false)
      .meta({ description: 'although a database behind is critical, or the pattern matches all keys' }),
  }),
  output: z.object({
    cache: z.string(),
    removed: z.string().describe('what was meant to be, in words'),
    before: z.number().nullable().describe('how many of it there were; null where not all were counted'),
    left: z.number().nullable().describe('how many of it there are now; null where that is not told'),
    isAtLeast: z.boolean().describe('not all keys were looked at: there may be more left'),
    keys: z.number().nullable().describe('that there are now, in all databases; null where that is not told'),
  }),
  plan: async (input, context) => {
    const { cache, what } = await meant(input, context);
    const look = await context.readers.cache.look(
      cache,
      ['scan', 'persistence', 'traffic'],
      { ...SAMPLE, ...asked(what) },
      context.signal,
    );
    const all = meansAll(what, look.parts.scan);
    if (all !== undefined && !input.force) throw new OpsError('UNSAFE', all, { hint: `${EVERYTHING}. Or --force` });
    if (!input.force) await mustBear(context);
    return planFlush(cache, what, look, input.timeoutSeconds * 1000);
  },
  report: async (input, context, plan) => {
    const { cache, what } = await meant(input, context);
    const [before, server] = [plan.before?.['keys'] ?? null, await context.readers.cache.server(cache)];
    const keys = keysIn(server, 'all');
    const told = { cache, removed: whatText(what), before, keys };
    if (what.pattern === undefined) return { ...told, left: keysIn(server, what.database), isAtLeast: false };
    const request = { ...AFTERWARDS, ...asked(what) };
    const { scan } = (await context.readers.cache.look(cache, ['scan'], request, context.signal)).parts;
    return scan.is === 'seen'
      ? { ...told, left: scan.value.scanned, isAtLeast: scan.value.ended !== 'all' }
      : { ...told, left: null, isAtLeast: false };
  },
  text: ({ removed, before, left, isAtLeast, keys }, style) => {
    const now = keys === null ? '' : `; the cache has ${plural(keys, 'key')} now`;
    if (left === null) return `${style.notice('!')} removed ${removed}; what is left could not be seen${now}`;
    if (left === 0)
      return `${style.good('✓')} removed ${removed}: ${isAtLeast ? 'none was found any more' : 'none is left'}${now}`;
    const of = before === null ? '' : `, of ${before.toString()} before`;
    return `${before !== null && left >= before ? style.notice('!') : style.good('✓')} removed ${removed}; ${isAtLeast ? 'at least ' : ''}${plural(left, 'key is', 'keys are')} there again${of}, written since by whoever uses the cache${now}`;
  },
});

/** Of one database, or of all; null where this user may not know. */
const keysIn = ({ databases }: CacheServer, which: Flushed['database']): number | null =>
  databases?.filter(({ index }) => which === 'all' || index === which).reduce((sum, { keys }) => sum + keys, 0) ?? null;

/** As a scan asks for it. */
const asked = ({ pattern, database }: Flushed): Pick<ScanRequest, 'pattern' | 'database'> => ({
  pattern,
  database: database === 'all' ? undefined : database,
});

const EVERYTHING = 'If you mean everything, say so: --db <number>, or --all';

interface Typed {
  pattern?: string | undefined;
  db?: number | undefined;
  all: boolean;
  allDatabases: boolean;
  cache?: string | undefined;
}

/** Which cache, and which of its keys. @throws USAGE unless exactly one thing is said, and for a pattern that means everything */
async function meant(typed: Typed, { platform, readers }: Context): Promise<{ cache: string; what: Flushed }> {
  const { pattern, db, all, allDatabases } = typed;
  const hint = "Say which: --pattern 'product:*', --db 3, or --all";
  if (all && (pattern !== undefined || db !== undefined))
    throw new OpsError('USAGE', '--all takes neither --pattern nor --db', { hint });
  if (allDatabases && (pattern === undefined || db !== undefined))
    throw new OpsError('USAGE', '--all-databases goes with --pattern, without --db', { hint });
  const cache = cacheNamed(platform, typed.cache);
  if (all) return { cache, what: { database: 'all' } };
  if (pattern === undefined) {
    if (db === undefined) throw new OpsError('USAGE', 'nothing is said of which keys to remove', { hint });
    return { cache, what: { database: db } };
  }
  if (/^[*?]*$/.test(pattern))
    throw new OpsError('USAGE', `the pattern ${pattern} matches everything`, { hint: EVERYTHING });
  const database = allDatabases ? 'all' : (db ?? (await readers.cache.server(cache)).database);
  return { cache, what: { pattern, database } };
}

/** What the cache does not answer any more, the databases must. @throws UNSAFE while one of them has too much to do */
async function mustBear({ platform, readers }: Context): Promise<void> {
  const [bad] = await strainedDatabases(platform, readers);
  if (bad === undefined) return;
  throw new OpsError('UNSAFE', `${bad.about}: ${bad.reason}; it would have to answer what the cache does not`, {
    hint: 'Mend that first: opsctl health --detailed --only database. If it has to be: --force',
  });
}
