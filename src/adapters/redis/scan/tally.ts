/** What a scan keeps of the keys that it sees: bounded, however many they are. */
import type { Key, KeyGroup, KeyScan } from '../../../core/ports/cache.ts';
import { keyText } from '../key-text.ts';
import { formOf } from './form.ts';

/** A key with what was asked of it. */
export interface Seen {
  key: Buffer;
  database: number;
  bytes?: number | undefined;
  elements?: number | undefined;
  expiresMs?: number | null | undefined;
  heat?: number | undefined;
}

/** Groups that are counted; names that all differ would fill the memory. What comes later counts as `others`. */
const GROUPS = 20_000;
const OTHERS = '(others)';
/** Groups that are given. */
const SHOWN_GROUPS = 100;

const MINUTE = 60_000;
/** Bounds of how soon keys expire, in ms. */
const BUCKETS = [MINUTE, 10 * MINUTE, 60 * MINUTE, 24 * 60 * MINUTE, 7 * 24 * 60 * MINUTE, null] as const;

type Measure = 'bytes' | 'elements' | 'heat';
type Counted = Pick<KeyScan, 'groups' | 'groupCount' | 'bytes' | 'elements' | 'lasting' | 'expiring' | 'scanned'> & {
  top: Record<Measure, Seen[]>;
};

export interface Tally {
  saw(key: Seen): void;
  scanned(): number;
  counted(): Counted;
}

/** @param withForms whether names are put together by their form, which takes longer than all else */
export function openTally(top: number, withForms: boolean): Tally {
  const largest = {
    bytes: openLargest(top, 'bytes'),
    elements: openLargest(top, 'elements'),
    heat: openLargest(top, 'heat'),
  };
  const orders = Object.values(largest);
  const groups = new Map<string, KeyGroup>();
  const expiring = BUCKETS.map((withinMs) => ({ withinMs, keys: 0 }));
  const sums = { scanned: 0, bytes: 0, elements: 0, lasting: 0 };
  return {
    saw: (one) => {
      const { bytes = 0, elements = 0, expiresMs } = one;
      sums.scanned += 1;
      sums.bytes += bytes;
      sums.elements += elements;
      if (expiresMs === null) sums.lasting += 1;
      if (typeof expiresMs === 'number') {
        const bucket = expiring.find(({ withinMs }) => withinMs === null || expiresMs < withinMs);
        if (bucket !== undefined) bucket.keys += 1;
      }
      for (const order of orders) order.saw(one);
      if (!withForms) return;
      const group = groupOf(groups, formOf(one.key));
      group.keys += 1;
      group.bytes += bytes;
      group.elements += elements;
      if (typeof expiresMs === 'number') group.expiring += 1;
    },
    scanned: () => sums.scanned,
    counted: () => ({
      ...sums,
      expiring,
      groupCount: groups.size,
      groups: [...groups.values()]
        .toSorted((a, b) => b.bytes - a.bytes || b.elements - a.elements || b.keys - a.keys)
        .slice(0, SHOWN_GROUPS),
      top: { bytes: largest.bytes.all(), elements: largest.elements.all(), heat: largest.heat.all() },
    }),
  };
}

function groupOf(groups: Map<string, KeyGroup>, wanted: string): KeyGroup {
  const form = groups.has(wanted) || groups.size < GROUPS ? wanted : OTHERS;
  const known = groups.get(form);
  if (known !== undefined) return known;
  const group = { form, keys: 0, bytes: 0, elements: 0, expiring: 0 };
  groups.set(form, group);
  return group;
}

/** The first so many by a measure. */
function openLargest(count: number, by: Measure): { saw(one: Seen): void; all(): Seen[] } {
  let kept: Seen[] = [];
  let least = 0;
  const sort = (): void => {
    kept = kept.toSorted((a, b) => (b[by] ?? 0) - (a[by] ?? 0)).slice(0, count);
    least = kept.length < count ? 0 : (kept.at(-1)?.[by] ?? 0);
  };
  return {
    saw: (one) => {
      if ((one[by] ?? 0) <= least) return;
      // A key is a part of what came over the line, and would keep all of that.
      kept.push({ ...one, key: Buffer.from(one.key) });
      // Sorting now and then is cheaper than finding each one's place.
      if (kept.length >= 4 * count) sort();
    },
    all: () => {
      sort();
      return kept;
    },
  };
}

/** A key as it is shown. */
export const keyOf = ({ key, ...facts }: Seen, type?: string): Key => ({
  name: keyText(key),
  ...facts,
  ...(type === undefined ? {} : { type }),
});
