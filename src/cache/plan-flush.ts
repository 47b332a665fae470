/** Removing keys: what that would lose is told before. */
import type { Plan } from '../core/change.ts';
import { bytes, percent, plural } from '../core/format.ts';
import { plan, step } from '../core/plan.ts';
import type { CacheLook, KeyGroup, KeyScan } from '../core/ports/cache.ts';
import type { Flushed } from '../core/ports/cache-changes.ts';

/** Forms of names whose keys are seldom made anew from a database: who is logged in, what is in the cart, what waits. */
const PRECIOUS =
  /(?:^|[:._-])(?:sess(?:ion)?s?|carts?|baskets?|queues?|jobs?|bull|sidekiq|celery|locks?|rate)(?:[:._-]|$)/i;
/** Groups that are named. */
const NAMED = 5;

export function planFlush(
  cache: string,
  what: Flushed,
  { server, parts }: CacheLook<'scan' | 'persistence'>,
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
      ...(scan === undefined ? ['what kinds of keys there are could not be seen'] : kinds(scan)),
      ...(server.role === 'master' || server.role === ''
        ? []
        : [`it is a ${server.role}: what is removed here comes back`]),
      ...(parts.persistence.is === 'seen' && parts.persistence.value.lastSaveAt !== undefined
        ? [`last snapshot ${parts.persistence.value.lastSaveAt}: until the next one, its file still has the keys`]
        : []),
      'what asks for these keys asks the database behind until they are there again',
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

function whatText(what: Flushed): string {
  if ('all' in what) return 'all keys of all databases';
  if (!('pattern' in what)) return `all keys of database ${what.database.toString()}`;
  return `keys like ${what.pattern}${what.database === undefined ? '' : ` in database ${what.database.toString()}`}`;
}

/** The kinds of keys by their names, those first that are seldom made anew. */
function kinds({ groups, scanned, total }: KeyScan): string[] {
  const precious = groups.filter(({ form }) => PRECIOUS.test(form));
  const others = groups.filter((one) => !precious.includes(one));
  const line = ({ form, keys, bytes: size }: KeyGroup, note: string): string =>
    `${form}: ${plural(keys, 'key')}, ${bytes(size)}${note}`;
  const of =
    total === undefined || total === 0 || scanned >= total ? '' : `, of ${percent(scanned / total)} of all keys`;
  return [
    ...precious.slice(0, NAMED).map((one) => line(one, `${of}: by their name, nothing makes them anew`)),
    ...others.slice(0, NAMED).map((one) => line(one, of)),
  ];
}
