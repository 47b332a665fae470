/** What is asked of keys, many in one go. */
import type { OpsError } from '../../../core/errors.ts';
import type { CacheServer, KeyFact, KeyScan } from '../../../core/ports/cache.ts';
import type { Connection, Reply, Words } from '../connect.ts';
import { select } from '../keyspace.ts';
import { numberOf, textOf } from '../reply.ts';
import type { Seen } from './tally.ts';

export interface Asks {
  /** What was asked for of each key; one that is gone meanwhile is left out. */
  of(keys: readonly Buffer[], database: number): Promise<Seen[]>;
  /** Nothing of what was asked for can be had. */
  isIdle(): boolean;
  /** Some more of a few keys: type, number of elements, size. */
  whole(keys: readonly Seen[]): Promise<(Seen & { type?: string | undefined })[]>;
  sent(): number;
  lacks(): KeyScan['lacks'];
}

/** How a fact is asked for, and what its answer is; undefined for a key that is gone. */
const QUESTIONS: Record<
  Exclude<KeyFact, 'elements'>,
  { ask: (key: Buffer) => Words; rule: string; read: (value: unknown) => Partial<Seen> | undefined }
> = {
  bytes: {
    // Of a collection five elements are measured, and the others reckoned: to measure all would take as long as they are many.
    ask: (key) => ['MEMORY', 'USAGE', key],
    rule: '+memory|usage',
    read: (value) => (value === null ? undefined : { bytes: numberOf(value) }),
  },
  expiry: {
    ask: (key) => ['PTTL', key],
    rule: '+pttl',
    read: (value) => {
      const ms = Number(textOf(value));
      return ms === -2 ? undefined : { expiresMs: ms < 0 ? null : ms };
    },
  },
  heat: {
    ask: (key) => ['OBJECT', 'FREQ', key],
    rule: '+object|freq',
    read: (value) => (value === null ? undefined : { heat: numberOf(value) }),
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
      fix: [`CONFIG SET maxmemory-policy ${policy.startsWith('allkeys-') ? 'allkeys' : 'volatile'}-lfu`],
    });
  }
  let sent = 0;

  /** What a command answers for each key. When all of them are refused it is not asked again. */
  const each = async (
    fact: KeyFact,
    rule: string,
    commands: readonly Words[],
  ): Promise<readonly (Reply | undefined)[]> => {
    if (commands.length === 0) return [];
    sent += commands.length;
    const replies = await connection.runAll(commands);
    const refused = replies.flatMap((reply) => (reply.is === 'refused' ? [reply.error] : []));
    const [first] = refused;
    if (first !== undefined && refused.length === replies.length && replies.every(isForGood)) {
      left.delete(fact);
      if (!lacks.some((one) => one.fact === fact))
        lacks.push({ fact, reason: first.message, fix: fixFor(connection, first, rule) });
    }
    return replies;
  };

  const counted = async (keys: readonly Buffer[]): Promise<{ type?: string; elements?: number; isGone: boolean }[]> => {
    const types = (
      await each(
        'elements',
        '+type',
        keys.map((key): Words => ['TYPE', key]),
      )
    ).map(answerOf);
    const asked = keys.flatMap((key, index): { index: number; command: Words }[] => {
      const command = COUNTS[textOf(types[index])];
      return command === undefined ? [] : [{ index, command: [command, key] }];
    });
    const replies = await each(
      'elements',
      '+@read',
      asked.map(({ command }) => command),
    );
    const sizes = new Map(asked.map(({ index }, at) => [index, answerOf(replies[at])]));
    return keys.map((_key, index) => {
      const type = textOf(types[index]);
      const size = sizes.get(index);
      return {
        ...(type === '' || type === 'none' ? {} : { type }),
        ...(size === undefined ? {} : { elements: numberOf(size) }),
        isGone: type === 'none',
      };
    });
  };

  return {
    isIdle: () => wanted.length > 0 && left.size === 0,
    sent: () => sent,
    lacks: () => lacks,
    of: async (keys, database) => {
      const seen: (Seen | undefined)[] = keys.map((key) => ({ key, database }));
      const asked = [...left].flatMap((fact) => (fact === 'elements' ? [] : [fact]));
      // All facts of a batch travel together.
      const answers = await Promise.all([
        ...asked.map(async (fact) => {
          const { ask, rule, read } = QUESTIONS[fact];
          return (await each(fact, rule, keys.map(ask))).map((reply) =>
            reply?.is === 'answer' ? (read(reply.value) ?? 'gone') : {},
          );
        }),
        ...(left.has('elements')
          ? [counted(keys).then((all) => all.map(({ isGone, elements }) => (isGone ? 'gone' : { elements })))]
          : []),
      ]);
      for (const answer of answers)
        for (const [index, facts] of answer.entries()) {
          const one = seen[index];
          seen[index] = one === undefined || facts === 'gone' ? undefined : Object.assign(one, facts);
        }
      return seen.filter((one) => one !== undefined);
    },
    whole: async (keys) => {
      const byDatabase = Map.groupBy(keys, ({ database }) => database);
      const found = new Map<Seen, Partial<Seen> & { type?: string }>();
      for (const [index, group] of byDatabase) {
        if (byDatabase.size > 1 || index !== 0) await select(connection, index);
        const facts = await counted(group.map(({ key }) => key));
        const sizes = await each(
          'bytes',
          QUESTIONS.bytes.rule,
          group.map(({ key }) => QUESTIONS.bytes.ask(key)),
        );
        for (const [at, one] of group.entries()) {
          const { isGone: _isGone, ...more } = facts[at] ?? { isGone: true };
          found.set(one, { ...QUESTIONS.bytes.read(answerOf(sizes[at]) ?? null), ...more });
        }
      }
      if (byDatabase.size > 1 || !byDatabase.has(0)) await select(connection, 0);
      return keys.map((one) => ({ ...one, ...found.get(one) }));
    },
  };
}

const answerOf = (reply: Reply | undefined): unknown => (reply?.is === 'answer' ? reply.value : undefined);

/** A command that the server refuses or does not know; a key that has another type by now is another matter. */
const isForGood = (reply: Reply): boolean =>
  reply.is === 'refused' && ['NOPERM', 'ERR'].includes(String(reply.error.details?.['reply']));

/** What grants both: the command, and to read whatever key there is. */
const fixFor = ({ asked }: Connection, error: OpsError, rule: string): string[] =>
  error.details?.['reply'] === 'NOPERM' ? [`ACL SETUSER ${asked.user ?? 'default'} %R~* ${rule}`] : [];
