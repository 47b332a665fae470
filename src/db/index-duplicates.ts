/** Indexes of which another does the work: pure. */
import type { Index } from '../core/ports/database-storage.ts';

/** An index that another one makes needless. */
export interface Duplicate {
  index: Index;
  other: Index;
  /** With the same columns; else the other has more behind them. */
  isSame: boolean;
}

/**
 * Indexes of partitioned tables instead of their parts, and all others as they are. What cannot be told of a whole, such as
 * its columns, is told of the largest part.
 */
export function wholes(all: readonly Index[]): Index[] {
  const byName = Map.groupBy(all, ({ name, partOf }) => partOf?.name ?? name);
  return [...byName.values()].flatMap((group) => {
    const [first] = group;
    if (first?.partOf === undefined) return group;
    return [{ ...first, ...first.partOf, isNeeded: group.some(({ isNeeded }) => isNeeded) }];
  });
}

/** A partition has indexes of its own besides its parts of others, and only those can be dropped by themselves. */
export const duplicatesOf = (all: readonly Index[]): Duplicate[] => [
  ...byTable(all).filter(({ index }) => index.partOf === undefined),
  ...byTable(wholes(all).filter(({ partOf }) => partOf !== undefined)),
];

function byTable(all: readonly Index[]): Duplicate[] {
  const tables = Map.groupBy(
    all.filter(({ isValid }) => isValid),
    ({ table }) => table,
  );
  return [...tables.values()].flatMap((group) =>
    group.flatMap((index) => {
      if (index.isNeeded) return [];
      const same = group.find((other) => other !== index && isSame(index, other) && isKept(other, index, group));
      const other = same ?? group.find((one) => one !== index && isPrefix(index, one));
      return other === undefined ? [] : [{ index, other, isSame: same !== undefined }];
    }),
  );
}

const isSame = (one: Index, other: Index): boolean =>
  one.method === other.method &&
  one.condition === other.condition &&
  one.columns.join('\n') === other.columns.join('\n') &&
  one.kinds.join('\n') === other.kinds.join('\n') &&
  (other.isUnique || !one.isUnique);

/** Of two that are the same, the one to keep: what is needed, unique or a part of another, else the first by name. */
const isKept = (other: Index, index: Index, group: readonly Index[]): boolean =>
  other.isNeeded ||
  (other.isUnique && !index.isUnique) ||
  (other.partOf !== undefined && index.partOf === undefined) ||
  group.filter((one) => isSame(one, index) && isSame(index, one)).toSorted((a, b) => (a.name < b.name ? -1 : 1))[0] ===
    other;

const isPrefix = (one: Index, other: Index): boolean =>
  one.method === 'btree' &&
  other.method === 'btree' &&
  !one.isUnique &&
  one.isPlain &&
  other.isPlain &&
  one.kinds.length < other.kinds.length &&
  one.columns.length === one.kinds.length &&
  one.columns.every((column, at) => other.columns[at] === column && other.kinds[at] === one.kinds[at]);
