/** Removing keys: what that would lose is told before. */
import type { Plan } from '../core/change.ts';
import { bytes, percent, plural } from '../core/format.ts';
import { plan, step } from '../core/plan.ts';
import type { CacheLook, CacheServer, KeyFact, KeyGroup, KeyScan } from '../core/ports/cache.ts';
import type { Flushed } from '../core/ports/cache-changes.ts';

/** Forms of names whose keys are seldom made anew from a database: who is logged in, what is in the cart, what waits. */
const PRECIOUS =
  /(?:^|[:._-])(?:sess(?:ion)?s?|carts?|baskets?|queues?|jobs?|bull|sidekiq|celery|locks?|rate)(?:[:._-]|$)/i;
/** Groups that are named. */
const NAMED = 5;
/** What stands for any text in a pattern. */
const WILD = /[*?[]/;
/** How long the server may take for all of a database, whose memory is freed in the background, in ms. */
const AT_ONCE_MS = 15_000;
/** For what is looked at afterwards, in ms. */
const MARGIN_MS = 15_000;

export function planFlush(
  cache: string,
  what: Flushed,
  { server, parts }: CacheLook<'scan' | 'persistence' | 'traffic'>,
  ms: number,
): Plan {
  const told = whatText(what);
  const scan = parts.scan.is === 'seen' ? parts.scan.value : undefined;
  return plan({
    target: cache,
    summary: `remove ${told} from cache ${cache}`,
    touches: [`${told} of cache ${cache}`],
    seen: [
      ...databases(cache, what, server),
      ...(scan === undefined ? ['which keys would go could not be seen'] : gone(what, scan)),
      ...others(server),
      ...snapshot(what, parts.persistence),
      ...load(parts.traffic, server.uptimeMs),
    ],
    ...(scan?.ended === 'all' ? { before: { keys: scan.scanned } } : {}),
    steps: [
      step({
        id: `cache.flush:${cache}`,
        describe: `remove ${told}`,
        why: 'their memory is freed in the background',
        do: (w) => w.cache.flush(cache, what, ms),
        verify: (r) => r.cache.isFlushed(cache, what),
        interruptible: true,
        timeoutMs: (what.pattern === undefined ? AT_ONCE_MS : ms) + MARGIN_MS,
      }),
    ],
  });
}

/** Why a pattern that is no `*` means everything all the same: every key that is there matches it. Undefined where it does not. */
export function meansAll({ pattern, database }: Flushed, scan: CacheLook['parts']['scan']): string | undefined {
  if (pattern === undefined || !WILD.test(pattern) || scan.is !== 'seen') return undefined;
  const { scanned, total = 0, ended } = scan.value;
  if (ended !== 'all' || total === 0 || scanned < total) return undefined;
  return `${plural(scanned, 'key matches', 'keys match')} ${pattern} ${placeText(database)}, and that is all of them`;
}

/** What the databases have; of those that are not meant, that they stay. */
function databases(cache: string, { database }: Flushed, server: CacheServer): string[] {
  const { databases: all, database: own } = server;
  if (all === undefined) return [];
  const line = (one: (typeof all)[number]): string => {
    const has = `database ${one.index.toString()} has ${plural(one.keys, 'key')}`;
    if (database !== 'all' && one.index !== database) return `${has}: they stay`;
    const lasting = `, of which ${(one.keys - one.expiring).toString()} do not expire`;
    return `${has}${lasting}${one.index === own ? '' : `; cache ${cache} is configured to use database ${own.toString()}`}`;
  };
  const isThere = database === 'all' || all.some(({ index }) => index === database);
  return [...(isThere ? [] : [`database ${database.toString()} has no keys`]), ...all.map(line)];
}

/** Which other servers lose the keys, or keep theirs. */
function others({ role, replicas = 0, isClustered }: CacheServer): string[] {
  return [
    ...(role === 'master' || role === '' ? [] : [`it is a ${role}: what is removed here comes back`]),
    ...(replicas === 0 ? [] : [`${plural(replicas, 'replica loses', 'replicas lose')} them, too`]),
    ...(isClustered === true ? ['it is one node of a cluster: the keys of the others stay'] : []),
  ];
}

/** Whether there is a way back. FLUSHALL, and it alone, overwrites the snapshot, even when it frees memory in the background. */
function snapshot(what: Flushed, persistence: CacheLook['parts']['persistence']): string[] {
  if (what.pattern === undefined && what.database === 'all')
    return [
      'where it saves by itself (CONFIG GET save), its snapshot is overwritten with an empty one at once, and a save that runs is ended: nothing brings the keys back',
    ];
  return persistence.is === 'seen' && persistence.value.lastSaveAt !== undefined
    ? [`last snapshot ${persistence.value.lastSaveAt}: until the next one, its file still has the keys`]
    : [];
}

/** What falls on whatever is behind. */
function load(traffic: CacheLook['parts']['traffic'], uptimeMs: number | undefined): string[] {
  const behind = 'what asks for these keys asks the database behind until they are there again';
  if (traffic.is !== 'seen' || uptimeMs === undefined || uptimeMs < 1000) return [behind];
  const perSecond = traffic.value.hits / (uptimeMs / 1000);
  return [`${behind}; all keys together answered ${perSecond.toFixed(1)} reads a second since the start`];
}

const placeText = (database: Flushed['database']): string =>
  database === 'all' ? 'in all databases' : `in database ${database.toString()}`;

/** What is meant, in words. */
export function whatText({ pattern, database }: Flushed): string {
  if (pattern !== undefined) return `keys like ${pattern} ${placeText(database)}`;
  return database === 'all' ? 'all keys of all databases' : `all keys of database ${database.toString()}`;
}

/** What would go: how much, and its kinds by their names, those first that are seldom made anew. */
function gone(what: Flushed, scan: KeyScan): string[] {
  const { groups, scanned, ended } = scan;
  const precious = groups.filter(({ form }) => PRECIOUS.test(form));
  const others = groups.filter((one) => !precious.includes(one));
  const line = ({ form, keys, bytes: own }: KeyGroup, note: string): string =>
    `${form}: ${plural(keys, 'key')}, ${bytes(own)}${note}`;
  return [
    amount(what, scan),
    ...(ended === 'all' || groups.length === 0
      ? []
      : [`of ${plural(scanned, 'key')} that ${scanned === 1 ? 'was' : 'were'} looked at:`]),
    ...precious.slice(0, NAMED).map((one) => line(one, ': by their name, nothing makes them anew')),
    ...others.slice(0, NAMED).map((one) => line(one, '')),
  ];
}

/** How many keys and bytes, and the share that nothing else would ever have removed. */
function amount({ pattern, database }: Flushed, scan: KeyScan): string {
  const { scanned, total, bytes: size, lasting, ended, lacks } = scan;
  const knows = (fact: KeyFact): boolean => scanned > 0 && lacks.every((one) => one.fact !== fact);
  const isWhole = ended === 'all';
  const least = isWhole ? '' : 'at least ';
  const keys =
    pattern === undefined
      ? `${least}${plural(scanned, 'key')} ${placeText(database)}`
      : `${least}${plural(scanned, 'key matches', 'keys match')} ${pattern} ${placeText(database)}`;
  // Of a whole database it is known how many there are: a part stands for the rest.
  const reckoned = pattern === undefined && !isWhole && total !== undefined && total > scanned;
  const bytesText = reckoned ? `some ${bytes((size / scanned) * total)}` : `${least}${bytes(size)}`;
  return [
    reckoned ? `${plural(total, 'key')} ${placeText(database)}` : keys,
    ...(knows('bytes') ? [bytesText] : []),
    ...(knows('expiry')
      ? [`${percent(lasting / scanned)} of ${isWhole ? 'them' : 'those looked at'} do not expire`]
      : []),
  ].join(', ');
}
