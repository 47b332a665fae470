/** Changes that are not at their end, as journal and lock tell them. */
import type { ChangeRecord } from '../core/change.ts';
import type { Readers } from '../core/ports.ts';
import type { LockHolder } from '../core/ports/lock.ts';
import { stillUnfinished } from '../core/unfinished.ts';

export interface Changes {
  /** Who holds the lock for a change that runs now: what is seen of the platform may be in the middle of it. */
  running: LockHolder | undefined;
  /** Those that were left in the middle, and that the running one does not bring to an end, newest first. */
  unfinished: ChangeRecord[];
}

/** What runs, and what waits for somebody to finish it or take it back. */
export async function changesIn(readers: Readers): Promise<Changes> {
  const { journal, lock } = readers;
  const [{ changes }, holder] = await Promise.all([journal.unfinished(), lock.holder()]);
  const [unended, change] = await Promise.all([
    stillUnfinished(changes, readers),
    holder === undefined ? undefined : journal.change(holder.change),
  ]);
  // Whoever holds the lock for a change that has ended is about to let it go: so it is when a deploy tells what came of it.
  const isOver = holder === undefined || holder.stale || change?.end !== undefined;
  if (isOver) return { running: undefined, unfinished: unended };
  const inHand = [holder.change, change?.begin.recovers, change?.begin.settles];
  return { running: holder, unfinished: unended.filter(({ id }) => !inHand.includes(id)) };
}
