/** Who waits for whom, as a tree: pure. */
import type { Lock, Session } from '../core/ports/database.ts';

/** A process id, or the identifier of a prepared transaction, which has no process. */
export type Holder = number | string;
const holderOf = ({ prepared, pid }: Lock): Holder => prepared ?? pid;
const blockersOf = (lock: Lock | undefined): Holder[] =>
  lock === undefined ? [] : [...lock.blockedBy, ...(lock.blockedByPrepared ?? [])];

/** A session or a prepared transaction in the tree. */
export interface Waiter {
  id: Holder;
  /** 0 for a prepared transaction. */
  pid: number;
  /** 0 for a root, which waits for nobody. */
  depth: number;
  /** The root that it is drawn under. */
  root: Holder;
  /** The lock that it waits for. */
  waits?: Lock;
  /** Locks that it holds. */
  holds: Lock[];
  session?: Session;
  /** Of a root: sessions that go on when it ends, one after the other, and how many of them at once. */
  frees: number;
  freesAtOnce: number;
  /** Nobody in its circle can go on: the server ends it after deadlock_timeout. */
  circle: boolean;
}

/** Roots with those that wait for them, drawn from the top; what frees the most first. */
export function lockTree(locks: readonly Lock[], sessions: readonly Session[]): Waiter[] {
  const waits = new Map(locks.filter(({ granted }) => !granted).map((lock) => [lock.pid, lock]));
  const waitsOf = (id: Holder): Lock | undefined => (typeof id === 'number' ? waits.get(id) : undefined);
  const victims = new Map<Holder, number[]>();
  for (const [pid, lock] of waits)
    for (const blocker of blockersOf(lock)) {
      const known = victims.get(blocker);
      if (known === undefined) victims.set(blocker, [pid]);
      else known.push(pid);
    }
  const roots = [...victims.keys()].filter((id) => waitsOf(id) === undefined);
  const drawn = new Map<Holder, Drawn>();
  for (const root of roots) drawn.set(root, { depth: 0, root, below: [] });
  spread([...roots], drawn, victims);
  const circles = new Set<Holder>();
  // What no root leads to waits in a circle; any of it may stand for its root.
  for (const pid of [...waits.keys()].toSorted((a, b) => a - b)) {
    if (drawn.has(pid) || !victims.has(pid)) continue;
    circles.add(pid);
    drawn.set(pid, { depth: 0, root: pid, below: [] });
    spread([pid], drawn, victims);
  }
  const sessionOf = new Map<Holder, Session>(sessions.map((one) => [one.pid, one]));
  const waiter = (id: Holder): Waiter => {
    const session = sessionOf.get(id);
    const isRoot = drawn.get(id)?.depth === 0;
    const lock = waitsOf(id);
    return {
      id,
      pid: typeof id === 'number' ? id : 0,
      depth: drawn.get(id)?.depth ?? 0,
      root: drawn.get(id)?.root ?? id,
      ...(lock !== undefined && { waits: lock }),
      // That a transaction holds its own id says nothing.
      holds: locks.filter((one) => one.granted && holderOf(one) === id && one.kind !== 'transactionid'),
      ...(session !== undefined && { session }),
      frees: isRoot ? freed(id, waits, victims) : 0,
      freesAtOnce: isRoot ? (victims.get(id) ?? []).filter((one) => blockersOf(waits.get(one)).length === 1).length : 0,
      circle: circles.has(id),
    };
  };
  const branch = (id: Holder): Waiter[] => [waiter(id), ...(drawn.get(id)?.below ?? []).flatMap(branch)];
  return [...roots, ...circles]
    .map((id) => branch(id))
    .toSorted(([a], [b]) => (b?.frees ?? 0) - (a?.frees ?? 0))
    .flat();
}

interface Drawn {
  depth: number;
  root: Holder;
  below: number[];
}

/** In order of distance, so that each is drawn under the nearest of those that it waits for. */
function spread(queue: Holder[], drawn: Map<Holder, Drawn>, victims: ReadonlyMap<Holder, readonly number[]>): void {
  for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
    const from = drawn.get(id);
    for (const victim of victims.get(id) ?? []) {
      if (from === undefined || drawn.has(victim)) continue;
      from.below.push(victim);
      drawn.set(victim, { depth: from.depth + 1, root: from.root, below: [] });
      queue.push(victim);
    }
  }
}

/** How many can go on when `id` ends: those that wait for nobody else, and then those that wait for none but these. */
function freed(id: Holder, waits: ReadonlyMap<number, Lock>, victims: ReadonlyMap<Holder, readonly number[]>): number {
  const open = new Map([...waits].map(([victim, lock]) => [victim, blockersOf(lock).length]));
  const queue = [id];
  const gone = new Set<Holder>([id]);
  for (let one = queue.shift(); one !== undefined; one = queue.shift()) {
    for (const victim of victims.get(one) ?? []) {
      const left = (open.get(victim) ?? 0) - 1;
      open.set(victim, left);
      if (left > 0 || gone.has(victim)) continue;
      gone.add(victim);
      queue.push(victim);
    }
  }
  return gone.size - 1;
}
