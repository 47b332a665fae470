/** Removing keys: what that would lose is told before. */
import type { Plan } from '../core/change.ts';
import { bytes, plural } from '../core/format.ts';
import { plan, step } from '../core/plan.ts';
import type { CacheLook, CacheServer, KeyGroup, KeyScan } from '../core/ports/cache.ts';
import type { Flushed } from '../core/ports/cache-changes.ts';

/** Forms of names whose keys are seldom made anew from a database: who is logged in, what is in the cart, what waits. */
const PRECIOUS =
  /(?:^|[:._-])(?:sess(?:ion)?s?|carts?|baskets?|queues?|jobs?|bull|sidekiq|celery|locks?|rate)(?:[:._-]|$)/i;
/** Groups that are named. */
const NAMED = 5;

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
      ...(server.databases ?? []).map(
        ({ index, keys, expiring }) =>
          `database ${index.toString()} has ${plural(keys, 'key')}, of which ${(keys - expiring).toString()} do not expire`,
      ),
      ...(scan === undefined ? ['which keys would go could not be seen'] : gone(what, scan)),
      ...others(server),
      ...snapshot(what, parts.persistence),
      ...load(parts.traffic, server.uptimeMs),
    ],
    steps: [
      step({
        id: `cache.flush:${cache}`,
        describe: `remove ${told}`,
        why: 'their memory is freed in the background',
        do: (w) => w.cache.flush(cache, what, ms),
        timeoutMs: ms + 15_000,
      }),
    ],
  });
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
  if ('all' in what)
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

function whatText(what: Flushed): string {
  if ('all' in what) return 'all keys of all databases';
  if (!('pattern' in what)) return `all keys of database ${what.database.toString()}`;
  return `keys like ${what.pattern}${what.database === undefined ? '' : ` in database ${what.database.toString()}`}`;
}

/** What would go: how much, and its kinds by their names, those first that are seldom made anew. */
function gone(what: Flushed, scan: KeyScan): string[] {
  const { groups, scanned, bytes: size, ended } = scan;
  const precious = groups.filter(({ form }) => PRECIOUS.test(form));
  const others = groups.filter((one) => !precious.includes(one));
  const line = ({ form, keys, bytes: own }: KeyGroup, note: string): string =>
    `${form}: ${plural(keys, 'key')}, ${bytes(own)}${note}`;
  const least = ended === 'all' ? '' : 'at least ';
  return [
    ...('pattern' in what
      ? [`${least}${plural(scanned, 'key matches', 'keys match')} ${what.pattern}, ${least}${bytes(size)}`]
      : []),
    ...(ended === 'all' ? [] : [`of ${plural(scanned, 'key')} that ${scanned === 1 ? 'was' : 'were'} looked at:`]),
    ...precious.slice(0, NAMED).map((one) => line(one, ': by their name, nothing makes them anew')),
    ...others.slice(0, NAMED).map((one) => line(one, '')),
  ];
}
