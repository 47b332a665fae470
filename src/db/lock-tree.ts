/** Who waits for whom, as a tree: pure. */
import type { Lock, Session } from '../core/ports/database.ts';

/** A session in the tree. */
export interface Waiter {
  pid: number;
  /** 0 for a root, which waits for nobody. */
  depth: number;
  /** The root that it is drawn under. */
  root: number;
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
  const victims = new Map<number, number[]>();
  for (const [pid, { blockedBy }] of waits)
    for (const blocker of blockedBy) {
      const known = victims.get(blocker);
      if (known === undefined) victims.set(blocker, [pid]);
      else known.push(pid);
    }
  const roots = [...victims.keys()].filter((pid) => !waits.has(pid));
  const drawn = new Map<number, { depth: number; root: number; below: number[] }>();
  for (const root of roots) drawn.set(root, { depth: 0, root, below: [] });
  spread([...roots], drawn, victims);
  const circles = new Set<number>();
  // What no root leads to waits in a circle; any of it may stand for its root.
  for (const pid of [...victims.keys()].toSorted((a, b) => a - b)) {
    if (drawn.has(pid)) continue;
    circles.add(pid);
    drawn.set(pid, { depth: 0, root: pid, below: [] });
    spread([pid], drawn, victims);
  }
  const sessionOf = new Map(sessions.map((one) => [one.pid, one]));
  const waiter = (pid: number): Waiter => {
    const session = sessionOf.get(pid);
    const isRoot = drawn.get(pid)?.depth === 0;
    const lock = waits.get(pid);
    return {
      pid,
      depth: drawn.get(pid)?.depth ?? 0,
      root: drawn.get(pid)?.root ?? pid,
      ...(lock !== undefined && { waits: lock }),
      // That a transaction holds its own id says nothing.
      holds: locks.filter((one) => one.granted && one.pid === pid && one.kind !== 'transactionid'),
      ...(session !== undefined && { session }),
      frees: isRoot ? freed(pid, waits, victims) : 0,
      freesAtOnce: isRoot ? (victims.get(pid) ?? []).filter((one) => waits.get(one)?.blockedBy.length === 1).length : 0,
      circle: circles.has(pid),
    };
  };
  const branch = (pid: number): Waiter[] => [waiter(pid), ...(drawn.get(pid)?.below ?? []).flatMap(branch)];
  return [...roots, ...circles]
    .map((pid) => branch(pid))
    .toSorted(([a], [b]) => (b?.frees ?? 0) - (a?.frees ?? 0))
    .flat();
}

/** In order of distance, so that each is drawn under the nearest of those that it waits for. */
function spread(
  queue: number[],
  drawn: Map<number, { depth: number; root: number; below: number[] }>,
  victims: ReadonlyMap<number, number[]>,
): void {
  for (let pid = queue.shift(); pid !== undefined; pid = queue.shift()) {
    const from = drawn.get(pid);
    for (const victim of victims.get(pid) ?? []) {
      if (from === undefined || drawn.has(victim)) continue;
      from.below.push(victim);
      drawn.set(victim, { depth: from.depth + 1, root: from.root, below: [] });
      queue.push(victim);
    }
  }
}

/** How many can go on when `pid` ends: those that wait for nobody else, and then those that wait for none but these. */
function freed(pid: number, waits: ReadonlyMap<number, Lock>, victims: ReadonlyMap<number, number[]>): number {
  const open = new Map([...waits].map(([victim, lock]) => [victim, lock.blockedBy.length]));
  const queue = [pid];
  const gone = new Set<number>([pid]);
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
