/** What is asked of keys, many in one go. */
import { OpsError } from '../../../core/errors.ts';
import type { CacheServer, KeyFact, KeyScan } from '../../../core/ports/cache.ts';
import { redisCli } from '../../../core/redis-cli.ts';
import type { Connection, Reply } from '../connect.ts';
import { inDatabase } from '../keyspace.ts';
import { numberOf, textOf } from '../reply.ts';
import type { Words } from '../resp.ts';
import type { Seen } from './tally.ts';

export interface Asks {
  /** What was asked for of each key; one that is gone meanwhile is left out. */
  of(keys: readonly Buffer[], database: number): Promise<Seen[]>;
  /** Nothing of what was asked for can be had. */
  isIdle(): boolean;
  /** All but the heat of a few keys: type, number of elements, size, expiry. */
  whole(keys: readonly Seen[]): Promise<(Seen & { type?: string | undefined })[]>;
  sent(): number;
  lacks(): KeyScan['lacks'];
}

/** What hosted servers and proxies may have switched off is left out; this is not among it. */
const ALWAYS: ReadonlySet<KeyFact> = new Set(['expiry', 'elements']);

/** How a fact is asked for, and how its answer is put to a key; false for a key that is gone. */
const QUESTIONS: Record<
  Exclude<KeyFact, 'elements'>,
  { ask: (key: Buffer) => Words; rule: string; put: (one: Seen, value: Reply) => boolean }
> = {
  bytes: {
    // Of a collection five elements are measured, and the others reckoned: to measure all would take as long as they are many.
    ask: (key) => ['MEMORY', 'USAGE', key],
    rule: '+memory|usage',
    put: (one, value) => {
      if (value !== null) one.bytes = numberOf(value);
      return value !== null;
    },
  },
  expiry: {
    ask: (key) => ['PTTL', key],
    rule: '+pttl',
    put: (one, value) => {
      const ms = Number(value);
      one.expiresMs = ms < 0 ? null : ms;
      return ms !== -2;
    },
  },
  heat: {
    ask: (key) => ['OBJECT', 'FREQ', key],
    rule: '+object|freq',
    put: (one, value) => {
      if (value !== null) one.heat = numberOf(value);
      return value !== null;
    },
  },
};

/** How the elements of a type are counted, each without going through them. A string has none. */
const COUNTS: Readonly<Record<string, string>> = {
  list: 'LLEN',
  hash: 'HLEN',
  set: 'SCARD',
  zset: 'ZCARD',
  stream: 'XLEN',
};

export function openAsks(connection: Connection, wanted: readonly KeyFact[], { policy }: CacheServer): Asks {
  const lacks: KeyScan['lacks'] = [];
  const left = new Set(wanted);
  if (left.has('heat') && policy !== undefined && !policy.includes('lfu')) {
    left.delete('heat');
    lacks.push({
      fact: 'heat',
      reason: `under the policy ${policy} the server does not count how often keys are used`,
      // Keys that never expire are not to be evicted from then on, unless they are already.
      fix: [
        redisCli('CONFIG', 'SET', 'maxmemory-policy', `${policy.startsWith('allkeys-') ? 'allkeys' : 'volatile'}-lfu`),
      ],
    });
  }
  let sent = 0;

  /** What a command answers for each key. When all of them are refused it is not asked again. */
  const each = async (fact: KeyFact, rule: string, commands: readonly Words[]): Promise<readonly Reply[]> => {
    if (commands.length === 0) return [];
    sent += commands.length;
    const replies = await connection.runAll(commands);
    const [first] = replies;
    if (first instanceof OpsError && replies.every(isForGood)) {
      // Every server knows these: what one answers with an error was not observed.
      if (ALWAYS.has(fact) && first.details?.['reply'] === 'ERR') throw first;
      left.delete(fact);
      if (!lacks.some((one) => one.fact === fact))
        lacks.push({ fact, reason: first.message, fix: fixFor(connection, first, rule) });
    }
    return replies;
  };

  /** Asks a fact of keys; adds to `gone` those that are not there any more. */
  const put = async (fact: Exclude<KeyFact, 'elements'>, keys: readonly Seen[], gone: Set<Seen>): Promise<void> => {
    const { ask, rule, put: putTo } = QUESTIONS[fact];
    const replies = await each(
      fact,
      rule,
      keys.map(({ key }) => ask(key)),
    );
    for (const [index, reply] of replies.entries()) {
      const one = keys[index];
      if (one !== undefined && !(reply instanceof OpsError) && !putTo(one, reply)) gone.add(one);
    }
  };

  /** Types, and how many elements there are of those that have any; `none` for a key that is gone. */
  const counted = async (keys: readonly Buffer[]): Promise<{ type: string; elements?: number }[]> => {
    const types = await each(
      'elements',
      '+type',
      keys.map((key): Words => ['TYPE', key]),
    );
    const found = types.map((type): { type: string; elements?: number } => ({ type: textOf(type) }));
    const asked: number[] = [];
    const commands: Words[] = [];
    for (const [index, { type }] of found.entries()) {
      const [command, key] = [COUNTS[type], keys[index]];
      if (command === undefined || key === undefined) continue;
      asked.push(index);
      commands.push([command, key]);
    }
    for (const [at, reply] of (await each('elements', '+@read', commands)).entries()) {
      const one = found[asked[at] ?? -1];
      if (one !== undefined && typeof reply === 'number') one.elements = reply;
    }
    return found;
  };

  return {
    isIdle: () => wanted.length > 0 && left.size === 0,
    sent: () => sent,
    lacks: () => lacks,
    of: async (keys, database) => {
      const seen = keys.map((key): Seen => ({ key, database }));
      const gone = new Set<Seen>();
      // All facts of a batch travel together.
      await Promise.all(
        [...left].map(async (fact) => {
          if (fact !== 'elements') return await put(fact, seen, gone);
          for (const [index, { type, elements }] of (await counted(keys)).entries()) {
            const one = seen[index];
            if (one === undefined) continue;
            if (type === 'none') gone.add(one);
            one.elements = elements;
          }
        }),
      );
      return gone.size === 0 ? seen : seen.filter((one) => !gone.has(one));
    },
    whole: async (keys) => {
      const byDatabase = Map.groupBy(keys, ({ database }) => database);
      const found = new Map<Seen, Partial<Seen> & { type?: string }>();
      for (const [index, group] of byDatabase) {
        const more = group.map((one) => ({ ...one }));
        const facts = await inDatabase(connection, index, async () => {
          await put('bytes', more, new Set());
          await put('expiry', more, new Set());
          return await counted(group.map(({ key }) => key));
        });
        for (const [at, one] of group.entries()) {
          const { type = '', ...counts } = facts[at] ?? {};
          found.set(one, { ...more[at], ...counts, ...(type === '' || type === 'none' ? {} : { type }) });
        }
      }
      return keys.map((one) => ({ ...one, ...found.get(one) }));
    },
  };
}

/** A command that the server refuses or does not know; a key that has another type by now is another matter. */
const isForGood = (reply: Reply): boolean =>
  reply instanceof OpsError && ['NOPERM', 'ERR'].includes(String(reply.details?.['reply']));

/** What grants both: the command, and to read whatever key there is. */
const fixFor = ({ asked }: Connection, error: OpsError, rule: string): string[] =>
  error.details?.['reply'] === 'NOPERM' ? [redisCli('ACL', 'SETUSER', asked.user ?? 'default', '%R~*', rule)] : [];
